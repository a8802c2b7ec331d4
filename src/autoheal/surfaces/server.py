"""One server for everything that speaks HTTP: the API, the webhooks and the pages."""

from __future__ import annotations

from fastapi import FastAPI

from autoheal.app import App
from autoheal.surfaces.http import api
from autoheal.surfaces.web import forms, pages, rendering


def build(app: App) -> FastAPI:
    """The whole server around one app."""
    server = api.build(app)
    rendering.install(server)
    server.include_router(pages.router)
    server.include_router(forms.router)
    return server
