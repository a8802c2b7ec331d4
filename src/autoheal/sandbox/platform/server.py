"""The platform as a process: `python -m autoheal.sandbox.platform.server HOME`."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import uvicorn
from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse

from autoheal.domain.errors import AutohealError
from autoheal.integrations.crash import crash_from
from autoheal.sandbox.layout import Layout, load
from autoheal.sandbox.platform import api
from autoheal.sandbox.platform.production import Production
from autoheal.sandbox.platform.state import StateFile


def build(layout: Layout) -> FastAPI:
    """The server of one rig."""
    server = FastAPI(title="The rig's platform")
    crash = crash_from(os.environ)
    server.state.production = Production(layout, StateFile(layout.state), crash=crash)
    server.include_router(api.router)

    @server.exception_handler(AutohealError)
    async def failed(_: Request, error: AutohealError) -> JSONResponse:
        return JSONResponse({"detail": str(error)}, error.http_status)

    return server


if __name__ == "__main__":
    rig = load(Path(sys.argv[1]))
    application = build(rig)
    application.state.production.begin()
    api.resume(application.state.production)
    uvicorn.run(
        application, host="127.0.0.1", port=rig.ports["platform"], log_level="error", access_log=False
    )
