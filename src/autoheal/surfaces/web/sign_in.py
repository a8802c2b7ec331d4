"""The page where a person pastes their token once; from then on a cookie that no script can read speaks."""

from __future__ import annotations

from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter, Form, Query, Request
from fastapi.responses import HTMLResponse, RedirectResponse
from pydantic import StringConstraints
from starlette.responses import Response

from autoheal.surfaces.web.rendering import PageRoute, Product, page

COOKIE = "autoheal_session"

Token = Annotated[str, Form(), StringConstraints(strip_whitespace=True, min_length=1, max_length=200)]

router = APIRouter(route_class=PageRoute, include_in_schema=False)


@router.get("/sign-in")
def ask(request: Request, to: Annotated[str, Query(max_length=2000)] = "/") -> HTMLResponse:
    """Ask for a token."""
    return page(request, "sign_in.html", to=_ours(to), wrong=False)


@router.post("/sign-in")
def sign_in(
    request: Request, app: Product, token: Token, to: Annotated[str, Form(max_length=2000)] = "/"
) -> Response:
    """Begin a session, each time with a secret of its own, and go on to where they wanted to go."""
    secret = app.people.sign_in(token)
    if secret is None:
        return page(request, "sign_in.html", status=HTTPStatus.UNAUTHORIZED, to=_ours(to), wrong=True)
    answer = RedirectResponse(_ours(to), status_code=HTTPStatus.SEE_OTHER)
    answer.set_cookie(
        COOKIE,
        secret,
        max_age=round(app.config.access.session_hours * 3600),
        httponly=True,
        samesite="strict",
        secure=request.url.scheme == "https",
    )
    return answer


@router.post("/sign-out")
def sign_out(request: Request, app: Product) -> RedirectResponse:
    """End the session, here and in the store."""
    app.people.sign_out(request.cookies.get(COOKIE, ""))
    answer = RedirectResponse("/sign-in", status_code=HTTPStatus.SEE_OTHER)
    answer.delete_cookie(COOKIE, httponly=True, samesite="strict")
    return answer


def _ours(path: str) -> str:
    """A path on this server, whatever the link that led here said."""
    plain = path.startswith("/") and not path.startswith("//") and "\\" not in path and path.isprintable()
    return path if plain else "/"
