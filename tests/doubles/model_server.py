"""A model server on loopback: real HTTP in two vendors' wire formats, with whatever mind a test gives it."""

from __future__ import annotations

import json
import threading
from collections import defaultdict
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Protocol

from tests.doubles import anthropic_wire, openai_wire
from tests.doubles.conversation import Behavior, Prompt, Reply

from autoheal.ports.runs import Json


class Wire(Protocol):
    """One vendor's format."""

    def read(self, body: Mapping[str, Json], *, output: str) -> Prompt:
        """The prompt of a request."""
        ...

    def write(self, prompt: Prompt, reply: Reply, number: int) -> dict[str, Json]:
        """The response of a call that was not streamed."""
        ...

    def stream(self, prompt: Prompt, reply: Reply, number: int) -> Iterator[bytes]:
        """The response as server-sent events."""
        ...

    def error(self, status: int) -> dict[str, Json]:
        """The body of a refusal."""
        ...


@dataclass(slots=True, kw_only=True)
class ModelServer:
    """A running server: `url` serves both formats, `prompts` is all it was asked, in order."""

    behavior: Behavior
    output: str = "final_result"
    url: str = ""
    prompts: list[Prompt] = field(default_factory=list)
    headers: list[Mapping[str, str]] = field(default_factory=list)
    closing: threading.Event = field(default_factory=threading.Event)
    _said: dict[str, list[bytes]] = field(default_factory=lambda: defaultdict(list))
    _lock: threading.Lock = field(default_factory=threading.Lock)

    @property
    def openai(self) -> str:
        """The base URL for clients of the chat-completions format."""
        return f"{self.url}/v1"

    def ask(self, wire: Wire, body: Mapping[str, Json]) -> tuple[Prompt, Reply, int]:
        """Read a request, remember it, and let the behavior answer."""
        prompt = wire.read(body, output=self.output)
        with self._lock:
            prompt = replace(prompt, cached_bytes=min(self._known(prompt), prompt.cacheable_bytes))
            self._said[prompt.model].append(prompt.canonical)
            self.prompts.append(prompt)
            number = len(self.prompts)
        reply = self.behavior(prompt)
        self.closing.wait(reply.seconds)
        return prompt, reply, number

    def _known(self, prompt: Prompt) -> int:
        earlier = self._said[prompt.model]
        return max((_common(said, prompt.canonical) for said in earlier), default=0)


def _common(one: bytes, other: bytes) -> int:
    """How many bytes both begin with, by halving: prompts are long and compared often."""
    low, high = 0, min(len(one), len(other))
    while low < high:
        middle = (low + high + 1) // 2
        low, high = (middle, high) if one[:middle] == other[:middle] else (low, middle - 1)
    return low


@contextmanager
def model_server(behavior: Behavior, *, output: str = "final_result") -> Iterator[ModelServer]:
    """Serve the behavior on a free port until the block ends."""
    server = ModelServer(behavior=behavior, output=output)
    http = _Http(server)
    server.url = f"http://127.0.0.1:{http.server_port}"
    threading.Thread(target=http.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
    try:
        yield server
    finally:
        server.closing.set()
        http.shutdown()
        http.server_close()


class _Http(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False

    def __init__(self, model: ModelServer) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.model = model

    def handle_error(self, request: object, client_address: object) -> None:
        """A client that gave up on a slow model is part of the test."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", "0")))
        wire = _wire(self.path)
        if wire is None:
            self._send(404, b'{"error": {"message": "no such path"}}', {})
            return
        server = self._model()
        server.headers.append(dict(self.headers))
        prompt, reply, number = server.ask(wire, json.loads(body))
        self._answer(wire, prompt, reply, number)

    def do_GET(self) -> None:
        models: Json = {"object": "list", "data": [{"id": "double", "object": "model"}]}
        self._send(200, json.dumps(models).encode(), {})

    def _answer(self, wire: Wire, prompt: Prompt, reply: Reply, number: int) -> None:
        if reply.raw is not None:
            self._send(reply.status, reply.raw, {})
        elif reply.status != 200:
            wait = {} if reply.retry_after is None else {"Retry-After": f"{reply.retry_after:g}"}
            self._send(reply.status, json.dumps(wire.error(reply.status)).encode(), wait)
        elif prompt.streamed:
            events = b"".join(wire.stream(prompt, reply, number))
            self._send(200, events, {"Content-Type": "text/event-stream"})
        else:
            self._send(200, json.dumps(wire.write(prompt, reply, number)).encode(), {})

    def _send(self, status: int, content: bytes, headers: Mapping[str, str]) -> None:
        self.send_response(status)
        for name, value in {"Content-Type": "application/json", **headers}.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def _model(self) -> ModelServer:
        assert isinstance(self.server, _Http)
        return self.server.model

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002  its own name
        """Nothing on the terminal."""


def _wire(path: str) -> Wire | None:
    plain = path.partition("?")[0]
    if plain.endswith(openai_wire.PATH):
        return openai_wire
    return anthropic_wire if plain.endswith(anthropic_wire.PATH) else None
