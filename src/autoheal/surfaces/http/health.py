"""Is the process alive, can it take in alerts, and its figures."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from http import HTTPStatus

from fastapi import APIRouter, Request, Response
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4

from autoheal.reports.checks import Check, Status
from autoheal.surfaces.http.metrics import exposition
from autoheal.surfaces.http.product import Product
from autoheal.surfaces.http.webhooks import Hall

NEEDED = frozenset({"storage"})
"""Groups of checks without which no alert can be accepted; a backend that is away does not stop intake."""

router = APIRouter(tags=["health"])


@dataclass(frozen=True, slots=True, kw_only=True)
class Alive:
    """The process answers."""

    status: str = "ok"


@dataclass(frozen=True, slots=True, kw_only=True)
class Ready:
    """Whether alerts can be accepted, with every check when asked for."""

    status: str
    checks: Sequence[Check] = ()


@router.get("/healthz")
@router.get("/livez")
def alive() -> Alive:
    """Say that the process runs; asks nobody else."""
    return Alive()


@router.get("/readyz", responses={503: {"model": Ready}})
def ready(app: Product, response: Response, verbose: str | None = None) -> Ready:
    """Prove the write path; with `?verbose` every check with its mend."""
    checks = app.checks()
    failed = any(check.status is Status.FAIL for check in checks if check.group in NEEDED)
    if failed:
        response.status_code = HTTPStatus.SERVICE_UNAVAILABLE
    shown = checks if verbose is not None else [c for c in checks if c.status is Status.FAIL]
    return Ready(status="not ready" if failed else "ready", checks=shown)


@router.get("/metrics", response_class=Response)
def metrics(app: Product, request: Request) -> Response:
    """Give our own figures in the Prometheus text format."""
    hall = request.app.state.hall
    if not isinstance(hall, Hall):
        raise TypeError("the server was started without its hall")
    return Response(exposition(app, hall.counts), media_type=CONTENT_TYPE_PLAIN_0_0_4)
