"""A model server on loopback: real HTTP in a vendor's wire format, with whatever mind it is given."""

from __future__ import annotations

import json
import threading
from collections import defaultdict
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import count
from typing import Protocol, cast

from autoheal.ports.runs import Json
from autoheal.sandbox.model import openai_wire
from autoheal.sandbox.model.conversation import Behavior, Prompt, Reply


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


OPENAI: Mapping[str, Wire] = {openai_wire.PATH: openai_wire}


@dataclass(slots=True, kw_only=True)
class ModelServer:
    """A running server: `url` serves each wire at its path, `prompts` is what it was asked, in order.

    Like a vendor's prompt cache it knows the prompts of the last while, and counts as cached what one of them
    began with; of both it keeps the last so many.
    """

    behavior: Behavior
    wires: Mapping[str, Wire] = field(default_factory=lambda: OPENAI)
    keep: int | None = None
    output: str = "final_result"
    url: str = ""
    prompts: list[Prompt] = field(default_factory=list)
    headers: list[Mapping[str, str]] = field(default_factory=list)
    closing: threading.Event = field(default_factory=threading.Event)
    _said: dict[str, list[bytes]] = field(default_factory=lambda: defaultdict(list))
    _numbers: Iterator[int] = field(default_factory=lambda: count(1))
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
            self._forget(prompt.model)
            number = next(self._numbers)
        reply = self.behavior(prompt)
        self.closing.wait(reply.seconds)
        return prompt, reply, number

    def wire_at(self, path: str) -> Wire | None:
        """The format that is spoken at a path."""
        plain = path.partition("?")[0]
        return next((wire for end, wire in self.wires.items() if plain.endswith(end)), None)

    def _forget(self, model: str) -> None:
        if self.keep is not None:
            del self.prompts[: -self.keep], self._said[model][: -self.keep], self.headers[: -self.keep]

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
def serving(server: ModelServer) -> Iterator[ModelServer]:
    """Serve it on a free port of this machine until the block ends."""
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
        wire = self._model().wire_at(self.path)
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
        elif reply.status != HTTPStatus.OK:
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
        return cast("_Http", self.server).model

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002  its own name
        """Nothing on the terminal."""
