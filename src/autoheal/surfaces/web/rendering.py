"""Templates with escaping on everywhere, static files, and errors as pages instead of JSON."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from http import HTTPStatus
from pathlib import Path
from typing import Annotated
from urllib.parse import quote

from fastapi import Depends, FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import HTMLResponse, RedirectResponse
from fastapi.routing import APIRoute
from fastapi.staticfiles import StaticFiles
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from starlette.exceptions import HTTPException

from autoheal.app import App
from autoheal.domain.errors import AutohealError, NotSignedInError
from autoheal.surfaces.web import words
from autoheal.surfaces.web.incident_view import ranked

_HERE = Path(__file__).parent
_FILTERS = (
    words.moment,
    words.clock,
    words.instant,
    words.measure,
    words.span,
    words.between,
    words.number,
    words.share,
    words.badge,
    ranked,
)


def templates() -> Environment:
    """The templates; text of alerts, logs and models is anybody's, so nothing is ever marked as safe."""
    environment = Environment(
        loader=FileSystemLoader(_HERE / "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters.update({each.__name__: each for each in _FILTERS})
    return environment


def install(server: FastAPI) -> None:
    """Make templates and static files reachable."""
    server.state.templates = templates()
    server.mount("/static", StaticFiles(directory=_HERE / "static"), name="static")


def product(request: Request) -> App:
    """The app behind this server, for whoever was admitted."""
    found = request.app.state.product
    if not isinstance(found, App):
        raise TypeError("the server was started without its app")
    return found.seen_by(request.state.seat)


Product = Annotated[App, Depends(product)]


def page(request: Request, name: str, *, status: int = 200, **values: object) -> HTMLResponse:
    """A rendered page; every page knows where it is and whether everything is stopped."""
    environment = request.app.state.templates
    if not isinstance(environment, Environment):
        raise TypeError("the server was started without its pages")
    app = product(request)
    stranger = app.seat is None and bool(app.people.enrolled())
    known = {
        "here": request.url.path,
        "killed": None if stranger else app.killed(),
        "seat": app.seat,
        "may": app.may,
        "withheld": app.withheld,
    }
    text = environment.get_template(name).render(**known, **values)
    return HTMLResponse(text, status_code=status)


class PageRoute(APIRoute):
    """A route for people: what goes wrong is told on a page."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[None, None, Response]]:
        """The handler of the route, with its errors caught."""
        handle = super().get_route_handler()

        async def told(request: Request) -> Response:
            try:
                return await handle(request)
            except NotSignedInError:
                return _sign_in(request)
            except AutohealError as error:
                return _sorry(request, error.http_status, error.title, str(error))
            except RequestValidationError as error:
                wrong = "; ".join(f"{found['loc'][-1]}: {found['msg']}" for found in error.errors())
                return _sorry(request, 422, "A field is missing or wrong", wrong)
            except HTTPException as error:
                return _sorry(request, error.status_code, "That did not work", str(error.detail))

        return told


def _sign_in(request: Request) -> Response:
    """To the page that asks who they are; what a form would have done is lost, and done by nobody."""
    wanted = request.url.path if request.method == "GET" else "/"
    return RedirectResponse(f"/sign-in?to={quote(wanted)}", status_code=HTTPStatus.SEE_OTHER)


def _sorry(request: Request, status: int, title: str, detail: str) -> HTMLResponse:
    return page(request, "error.html", status=status, title=title, detail=detail)
