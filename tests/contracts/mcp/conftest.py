"""Servers of the double, and clients for them."""

from __future__ import annotations

import socketserver
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from tests.doubles.mcp_server import Play, program, serving

from autoheal.integrations.mcp.config import McpSettings
from autoheal.integrations.mcp.server import McpServer

Reach = Callable[..., McpServer]


@pytest.fixture(params=["http", "program"])
def reach(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Reach]:
    """Starts a server that plays this, and gives the client; by HTTP and as a program."""
    with ExitStack() as stack:

        def http(play: Play, **settings: object) -> McpServer:
            url = stack.enter_context(serving(play))
            return McpSettings.model_validate({"url": url, **settings}).open("double")

        def started(play: Play, **settings: object) -> McpServer:
            given = {"command": sys.executable, "args": program(tmp_path, play), **settings}
            return McpSettings.model_validate(given).open("double")

        yield http if request.param == "http" else started


@pytest.fixture
def raw() -> Iterator[Callable[[bytes], str]]:
    """Starts a server that answers every request with these very bytes; gives its URL."""
    with ExitStack() as stack:

        def start(answer: bytes) -> str:
            class Handler(socketserver.BaseRequestHandler):
                def handle(self) -> None:
                    self.request.recv(65_536)
                    self.request.sendall(answer)

            server = stack.enter_context(socketserver.ThreadingTCPServer(("127.0.0.1", 0), Handler))
            server.daemon_threads = True
            server.block_on_close = False
            stack.callback(server.shutdown)
            threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
            return f"http://127.0.0.1:{server.server_address[1]}"

        yield start
