"""A chat calls here: what people said and pressed; answered at once, since chats give up after 3 seconds."""

from __future__ import annotations

from anyio.to_thread import run_sync
from fastapi import APIRouter, Request
from starlette.responses import PlainTextResponse

from autoheal.domain.errors import NotFoundError
from autoheal.surfaces.http.problems import RESPONSES
from autoheal.surfaces.http.product import Product

router = APIRouter(tags=["chat"], responses=RESPONSES)


@router.post("/chat/slack", response_class=PlainTextResponse)
async def hear(request: Request, app: Product) -> PlainTextResponse:
    """Events and button presses of Slack, signed by it."""
    body = await request.body()
    headers = dict(request.headers)
    try:
        answer = await run_sync(app.hear, headers, body)
    except NotFoundError:
        if app.room is None:
            raise
        answer = ""  # said somewhere else than in the thread of an incident
    return PlainTextResponse(answer)
