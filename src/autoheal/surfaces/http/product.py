"""How a route gets at the app, and the errors that every route may answer with."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, FastAPI, Request

from autoheal.app import App
from autoheal.surfaces.http.problems import RESPONSES


def attach(api: FastAPI, app: App) -> None:
    """Make the app reachable from the routes."""
    api.state.product = app


def product(request: Request) -> App:
    """The app behind this server, for whoever was admitted."""
    found = request.app.state.product
    if not isinstance(found, App):
        raise TypeError("the server was started without its app")
    return found.seen_by(request.state.seat)


Product = Annotated[App, Depends(product)]


def api_router(tag: str) -> APIRouter:
    """A router of the API, with its errors described."""
    return APIRouter(prefix="/api/v1", tags=[tag], responses=RESPONSES)
