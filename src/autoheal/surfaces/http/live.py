"""Tells browsers and scripts that an incident changed, as server-sent events."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping

from fastapi import Request
from fastapi.responses import StreamingResponse
from starlette.concurrency import run_in_threadpool

from autoheal.app import App
from autoheal.domain.errors import OverloadedError
from autoheal.domain.person import Right
from autoheal.surfaces.http.product import Product, api_router

LISTENERS = 32
POLL_SECONDS = 1.0
_QUIET_POLLS = 15

router = api_router("live")


@router.get("/events", response_class=StreamingResponse)
async def events(request: Request, app: Product) -> StreamingResponse:
    """Stream `incident` events (the id, or `waiting` for the approvals) whenever something changed."""
    if request.app.state.listeners >= LISTENERS:
        raise OverloadedError(f"{LISTENERS} listeners are connected already; try again")
    return StreamingResponse(_stream(request, app), media_type="text/event-stream")


async def _stream(request: Request, app: App) -> AsyncIterator[str]:
    request.app.state.listeners += 1
    try:
        known = await run_in_threadpool(snapshot, app)
        yield "retry: 3000\n: connected\n\n"
        quiet = 0
        while await run_in_threadpool(app.may, Right.READ) and not await request.is_disconnected():
            await asyncio.sleep(POLL_SECONDS)
            now = await run_in_threadpool(snapshot, app)
            changed = [key for key, state in now.items() if known.get(key) != state]
            for key in changed:
                yield f"event: incident\ndata: {key}\n\n"
            quiet = 0 if changed else quiet + 1
            if quiet and quiet % _QUIET_POLLS == 0:
                yield ": still here\n\n"
            known = now
    finally:
        request.app.state.listeners -= 1


def snapshot(app: App) -> Mapping[str, str]:
    """What a listener must hear of when it changes: incidents, and what waits for a person."""
    seen = {incident.id: repr(incident) for incident in app.incidents(limit=50)}
    return {**seen, "waiting": " ".join(m.digest for m in app.mitigations_waiting())}
