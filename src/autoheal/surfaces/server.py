"""One server for everything that speaks HTTP: the API, the webhooks and the pages."""

from __future__ import annotations

from fastapi import FastAPI

from autoheal.app import App
from autoheal.surfaces.http import admission, api
from autoheal.surfaces.web import forms, pages, rendering, rights, sign_in


def build(app: App, *, host: str | None = None) -> FastAPI:
    """The whole server around one app; `host` is where it listens, by default `http.host`."""
    server = api.build(app, host=host)
    rendering.install(server)
    taken = admission.install(server)
    taken.by_route.update(rights.RIGHTS)
    taken.open.update(rights.OPEN)
    server.include_router(pages.router)
    server.include_router(forms.router)
    server.include_router(sign_in.router)
    return server
