"""A loopback server that answers what a test tells it to."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

Answer = tuple[int, bytes]
Backend = Callable[[str, str, bytes, dict[str, str]], Answer]
Serve = Callable[[Backend], str]


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False

    def handle_error(self, request: object, client_address: object) -> None:
        """A client that hung up is part of the test."""


def _handler(backend: Backend) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def _answer(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", "0")))
            status, content = backend(self.command, self.path, body, dict(self.headers))
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(content)))
            if status == 429:
                self.send_header("Retry-After", "0.3")
            self.end_headers()
            self.wfile.write(content)

        do_GET = do_POST = _answer  # noqa: N815  names that http.server looks for

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002  its own name
            """Nothing on the terminal."""

    return Handler


@pytest.fixture
def serve() -> Iterator[Serve]:
    """Starts a backend on a free port; gives its URL."""
    servers: list[_Server] = []

    def start(backend: Backend) -> str:
        server = _Server(("127.0.0.1", 0), _handler(backend))
        servers.append(server)
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
        return f"http://127.0.0.1:{server.server_port}"

    yield start
    for server in servers:
        server.shutdown()
        server.server_close()


@pytest.fixture(scope="session")
def samples() -> Path:
    """Payloads as vendors send them."""
    return Path(__file__).parent.parent / "wire" / "samples"
