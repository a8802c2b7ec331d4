"""Alerts come in here: stored for good before 202, 503 when there are too many, never left hanging."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from http import HTTPStatus

from anyio import CapacityLimiter
from anyio.to_thread import run_sync
from fastapi import APIRouter, Request
from pydantic import BaseModel
from starlette.exceptions import HTTPException

from autoheal.app import App
from autoheal.domain.errors import AutohealError, MalformedError, NotFoundError, OverloadedError
from autoheal.surfaces.http.metrics import WebhookCounts
from autoheal.surfaces.http.problems import RESPONSES
from autoheal.surfaces.http.product import Product

WAITING = 64
"""Deliveries in the house at once, those included whose body is still coming; each at most 1 MB."""
BODY_SECONDS = 10.0

router = APIRouter(tags=["alerts"], responses=RESPONSES)


class Accepted(BaseModel):
    """The delivery is stored for good under this id."""

    id: str


@dataclass(slots=True)
class Hall:
    """Who is being served; more are sent away at once, for a sender that is told so tries again."""

    counts: WebhookCounts = field(default_factory=WebhookCounts)
    limiter: CapacityLimiter | None = None
    inside: int = 0

    async def serve(self, app: App, source: str, request: Request) -> str:
        """Read and hand over one delivery; returns its id."""
        if self.inside >= WAITING:
            raise OverloadedError(f"{WAITING} deliveries are being received already; try again")
        self.inside += 1
        self.limiter = self.limiter or CapacityLimiter(WAITING)
        try:
            body = await _body(request)
            return await run_sync(app.receive, source, body, limiter=self.limiter)
        finally:
            self.inside -= 1


@router.post("/webhooks/{source}", status_code=HTTPStatus.ACCEPTED)
async def receive(source: str, request: Request, app: Product) -> Accepted:
    """Take in one delivery of an alert source, for example of `alertmanager`."""
    hall = request.app.state.hall
    if not isinstance(hall, Hall):
        raise TypeError("the server was started without its hall")
    try:
        event_id = await hall.serve(app, source, request)
    except NotFoundError:
        hall.counts.add("unknown", "unknown_source")
        raise
    except (AutohealError, HTTPException) as error:
        hall.counts.add(source, _outcome(error))
        raise
    hall.counts.add(source, "accepted")
    return Accepted(id=event_id)


async def _body(request: Request) -> bytes:
    try:
        async with asyncio.timeout(BODY_SECONDS):
            return await request.body()
    except TimeoutError:
        detail = f"the body did not arrive within {BODY_SECONDS:.0f} s"
        raise HTTPException(HTTPStatus.REQUEST_TIMEOUT, detail) from None


def _outcome(error: AutohealError | HTTPException) -> str:
    if isinstance(error, OverloadedError):
        return "overloaded"
    return "malformed" if isinstance(error, MalformedError | HTTPException) else "failed"
