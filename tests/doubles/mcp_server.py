"""A real MCP server with whatever tools a test gives it: over loopback HTTP in either era, or as a program.

As a program it is `python mcp_server.py PLAY`, where PLAY is a JSON file that says what it offers and does;
the file is read anew for each question, so that a test can change the play while the server runs.
"""

from __future__ import annotations

import json
import os
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path

import anyio
import uvicorn
from mcp.server.context import ServerRequestContext
from mcp.server.lowlevel.server import Server
from mcp.server.stdio import stdio_server
from mcp.types import (
    CallToolRequestParams,
    CallToolResult,
    ListToolsResult,
    PaginatedRequestParams,
    TextContent,
    Tool,
)
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.types import ASGIApp, Receive, Scope, Send

NO_ARGUMENTS: Mapping[str, object] = {"type": "object", "additionalProperties": False}


@dataclass(frozen=True, slots=True, kw_only=True)
class Trick:
    """One tool of the double: what it says about itself, and what it answers."""

    name: str
    description: str = "Reads dashboards."
    schema: Mapping[str, object] = field(default_factory=lambda: dict(NO_ARGUMENTS))
    hints: Mapping[str, bool] = field(default_factory=dict)
    output_schema: Mapping[str, object] | None = None
    answer: str = "all is well"
    error: bool = False


@dataclass(slots=True, kw_only=True)
class Play:
    """What the server does: its tools, how slow it is, whether it dies in a call, how many pages it lists."""

    tricks: list[Trick]
    seconds: float = 0.0
    dies: bool = False
    endless: bool = False
    calls: list[tuple[str, Mapping[str, object]]] = field(default_factory=list)

    def listed(self, cursor: str | None) -> ListToolsResult:
        """One page."""
        time.sleep(self.seconds)
        tools = [
            Tool.model_validate(
                {
                    "name": trick.name,
                    "description": trick.description,
                    "inputSchema": dict(trick.schema),
                    "outputSchema": trick.output_schema,
                    "annotations": dict(trick.hints) or None,
                }
            )
            for trick in self.tricks
        ]
        return ListToolsResult(tools=tools, next_cursor=f"{cursor}1" if self.endless else None)

    def called(self, name: str, arguments: Mapping[str, object]) -> CallToolResult:
        """What the tool answers."""
        self.calls.append((name, arguments))
        trick = next((trick for trick in self.tricks if trick.name == name), None)
        if trick is None:
            return CallToolResult(content=[TextContent(text=f"no tool {name}")], is_error=True)
        return CallToolResult(content=[TextContent(text=trick.answer)], is_error=trick.error)


def server(play: Callable[[], Play], *, dying: Callable[[], None]) -> Server[dict[str, object]]:
    """The double as a server of the SDK."""

    async def listing(
        context: ServerRequestContext[dict[str, object]], params: PaginatedRequestParams | None
    ) -> ListToolsResult:
        del context
        return await anyio.to_thread.run_sync(play().listed, params.cursor if params else None)

    async def calling(
        context: ServerRequestContext[dict[str, object]], params: CallToolRequestParams
    ) -> CallToolResult:
        del context
        current = play()
        if current.dies:
            dying()
        return current.called(params.name, params.arguments or {})

    return Server("double", version="1", on_list_tools=listing, on_call_tool=calling)


class _Old:
    """A server from before `server/discover`, which its successors ask first."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and dict(scope["headers"]).get(b"mcp-method") == b"server/discover":
            message = await Request(scope, receive).json()
            answer: Response = JSONResponse(
                {
                    "jsonrpc": "2.0",
                    "id": message["id"],
                    "error": {"code": -32601, "message": "no such method"},
                },
                status_code=404,
            )
            await answer(scope, receive, send)
        else:
            await self._app(scope, receive, send)


@dataclass(slots=True, kw_only=True)
class Seen:
    """The headers of every request."""

    headers: list[Mapping[str, str]] = field(default_factory=list)


class _Watched:
    def __init__(self, app: ASGIApp, seen: Seen) -> None:
        self._app = app
        self._seen = seen

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            self._seen.headers.append({name.decode(): value.decode() for name, value in scope["headers"]})
        await self._app(scope, receive, send)


class _Server(uvicorn.Server):
    """A server that starts and stops in a thread, on a port that it chooses."""

    @property
    def port(self) -> int:
        return int(self.servers[0].sockets[0].getsockname()[1])


@contextmanager
def serving(play: Play, *, old: bool = False, seen: Seen | None = None, port: int = 0) -> Iterator[str]:
    """The URL of a running server; an old one knows only the handshake of 2025."""
    made = server(lambda: play, dying=lambda: None)
    app: ASGIApp = made.streamable_http_app(json_response=not old)
    app = _Watched(_Old(app) if old else app, seen or Seen())
    # Starlette's own lifespan is inside the wrappers, which pass every scope on.
    config = uvicorn.Config(app, port=port, log_level="critical", timeout_graceful_shutdown=1, ws="none")
    running = _Server(config)
    thread = threading.Thread(target=running.run, daemon=True)
    thread.start()
    deadline = time.monotonic() + 20
    while not running.started and time.monotonic() < deadline:
        time.sleep(0.01)
    yield f"http://127.0.0.1:{running.port}/mcp"
    running.should_exit = True
    thread.join(timeout=10)


def program(folder: Path, play: Play) -> tuple[str, str]:
    """The file of a play and of this program: what to start a server on this machine with."""
    file = folder / "play.json"
    told = {**asdict(play), "calls": []}
    file.write_text(json.dumps(told), encoding="utf-8")
    return str(Path(__file__)), str(file)


def _read(file: Path) -> Play:
    told = json.loads(file.read_text(encoding="utf-8"))
    return Play(**{**told, "tricks": [Trick(**trick) for trick in told["tricks"]]})


async def _speak(file: Path) -> None:
    made = server(lambda: _read(file), dying=lambda: os._exit(3))
    async with stdio_server() as (reading, writing):
        await made.run(reading, writing, made.create_initialization_options())


if __name__ == "__main__":
    anyio.run(_speak, Path(sys.argv[1]))
