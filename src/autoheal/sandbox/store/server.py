"""The store as a process: `python -m autoheal.sandbox.store.server PORT FILE`."""

from __future__ import annotations

import sys
from pathlib import Path

import uvicorn
from fastapi import FastAPI, Request
from fastapi.exceptions import HTTPException, RequestValidationError
from fastapi.responses import PlainTextResponse

from autoheal.sandbox.store import jaeger, loki
from autoheal.sandbox.store.database import Store


def build(path: Path) -> FastAPI:
    """The server over one file; errors are one line of plain text, as Loki's are."""
    server = FastAPI(openapi_url=None)
    server.state.store = Store(path)
    server.include_router(loki.router)
    server.include_router(jaeger.router)

    @server.exception_handler(HTTPException)
    async def refuse(_: Request, error: HTTPException) -> PlainTextResponse:
        return PlainTextResponse(str(error.detail), error.status_code)

    @server.exception_handler(RequestValidationError)
    async def malformed(_: Request, error: RequestValidationError) -> PlainTextResponse:
        first = error.errors()[0]
        return PlainTextResponse(f"{'.'.join(map(str, first['loc']))}: {first['msg']}", 400)

    @server.get("/ready")
    def ready() -> PlainTextResponse:
        return PlainTextResponse("ready")

    return server


if __name__ == "__main__":
    uvicorn.run(
        build(Path(sys.argv[2])), host="127.0.0.1", port=int(sys.argv[1]), log_level="error", access_log=False
    )
