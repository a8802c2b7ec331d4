"""Builds the server of the API, the webhooks and the health pages around one app."""

from __future__ import annotations

from importlib.metadata import version

from fastapi import Depends, FastAPI

from autoheal.app import App
from autoheal.surfaces.http import (
    acts,
    admission,
    chat,
    health,
    live,
    mends,
    people,
    problems,
    reads,
    tools,
    webhooks,
)
from autoheal.surfaces.http.guard import LOOPBACK, Guard
from autoheal.surfaces.http.product import attach

_DESCRIPTION = (
    "Everything the web page and the command line can do. Errors are RFC 9457 problems. An approval names "
    "the digest of the action as it was seen; an action that changed since is not approved."
)


def build(app: App, *, host: str | None = None) -> FastAPI:
    """The server; on loopback it serves only requests for loopback names, against DNS rebinding."""
    api = FastAPI(
        title="Autoheal",
        version=version("autoheal"),
        description=_DESCRIPTION,
        docs_url=None,  # the stock page loads scripts from elsewhere; ours is part of the web pages
        redoc_url=None,
        dependencies=[Depends(admission.admit)],
    )
    attach(api, app)
    admission.install(api)
    api.state.hall = webhooks.Hall()
    api.state.listeners = 0
    problems.install(api)
    for part in (webhooks, chat, health, reads, acts, mends, tools, people, live):
        api.include_router(part.router)
    host = host or app.config.http.host
    api.add_middleware(Guard, hosts=LOOPBACK if host in LOOPBACK else frozenset())
    return api
