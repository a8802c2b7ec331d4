"""Asks whoever comes in who they are and whether they may, before any route is run.

It stands before every route of the server at once, so that a new one cannot forget it: one that declares no
right is nobody's as soon as people are enrolled.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from fastapi import FastAPI, Request

from autoheal.app import App
from autoheal.domain.errors import NotSignedInError, RefusedError
from autoheal.domain.person import Person, Right
from autoheal.surfaces.http.rights import OPEN, RIGHTS

COOKIE = "autoheal_session"
"""Holds the secret of a session; a script sends `Authorization: Bearer TOKEN` instead."""


@dataclass(slots=True)
class Rights:
    """What every route takes; each door adds its own."""

    by_route: dict[str, Right] = field(default_factory=lambda: dict(RIGHTS))
    open: set[str] = field(default_factory=lambda: set(OPEN))


def install(api: FastAPI) -> Rights:
    """Begin with the rights of the API; another door adds its own to what this returns."""
    rights = Rights()
    api.state.rights = rights
    return rights


def admit(request: Request) -> None:
    """Let the request in, with who sent it in `request.state.seat`, or raise what is missing."""
    app, rights = request.app.state.product, request.app.state.rights
    if not isinstance(app, App) or not isinstance(rights, Rights):
        raise TypeError("the server was started without its app or its rights")
    request.state.seat = None
    place = f"{request.method} {request.scope['route'].path}"
    if place in rights.open or not app.people.enrolled():
        return
    person = _known(request, app)
    if person is None:
        raise NotSignedInError("send a token as `Authorization: Bearer TOKEN`, or sign in at /sign-in")
    right = rights.by_route.get(place)
    if right is None:
        raise RefusedError("access.undeclared", f"{place} declares no right")
    app.people.require(person.name, right)
    request.state.seat = person


def _known(request: Request, app: App) -> Person | None:
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    if scheme:
        return app.people.bearer(token.strip()) if scheme.lower() == "bearer" else None
    secret = request.cookies.get(COOKIE)
    return app.people.session(secret) if secret else None
