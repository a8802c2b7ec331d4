"""A scripted model on loopback: it looks at the first candidate with every tool, then blames it."""

from __future__ import annotations

import json
import re
import threading
from bisect import bisect_left
from collections import deque
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import count

from autoheal.ports.runs import Json

_REMEMBERED = 256
BYTES_PER_TOKEN = 4
"""English text and JSON need about four bytes a token."""

_FIRST = re.compile(
    r"^1\. (?P<entity>[^:\n]+): (?P<mechanism>\w+)(?:, change (?P<change>[^,\n]+))?", re.MULTILINE
)
_SHOWN = re.compile(
    r'\[(?P<evidence_id>ev_\w+)\] "(?P<subject>[^"]+)" of "(?P<entity>[^"]+)": (?P<statistic>\w+) '
    r"(?:(?P<before>[-\d.e]+) before, )?(?P<after>[-\d.e]+) since"
)
_METRIC = "max by (service) (http_requests_total)"
_ANSWER = "final_result"


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """One call: its prompt as bytes in the order that caches read, and how many an earlier one began with."""

    prompt: bytes
    known: int
    told: int
    """Bytes of the messages' texts."""


@dataclass(slots=True)
class ScriptedModel:
    """What it was asked lately, in order; `url` is its base URL.

    Like a vendor's prompt cache it knows the prompts of the last minutes, and charges less for what one of
    them began with.
    """

    url: str = ""
    requests: deque[Request] = field(default_factory=lambda: deque(maxlen=_REMEMBERED))
    _asked: Iterator[int] = field(default_factory=lambda: count(1))

    def reply(self, body: Mapping[str, Json]) -> dict[str, Json]:
        """The response to a chat-completions request."""
        messages = [m for m in _list(body.get("messages")) if isinstance(m, dict)]
        parts = [*_list(body.get("tools")), *messages]
        prompt = "\n".join(json.dumps(part, sort_keys=True) for part in parts).encode()
        texts = [str(message.get("content") or "") for message in messages]
        known = max((_common(prompt, earlier.prompt) for earlier in self.requests), default=0)
        told = sum(len(text.encode()) for text in texts)
        self.requests.append(Request(prompt=prompt, known=known, told=told))
        number = next(self._asked)
        calls = sum(message.get("role") == "tool" for message in messages)
        name, given = _next("\n".join(texts), calls)
        written = json.dumps(given)
        usage: dict[str, Json] = {
            "prompt_tokens": len(prompt) // BYTES_PER_TOKEN,
            "completion_tokens": len(written) // BYTES_PER_TOKEN,
            "total_tokens": (len(prompt) + len(written)) // BYTES_PER_TOKEN,
            "prompt_tokens_details": {"cached_tokens": known // BYTES_PER_TOKEN},
        }
        call: Json = {
            "id": f"call_{number}",
            "type": "function",
            "function": {"name": name, "arguments": written},
        }
        message: Json = {"role": "assistant", "content": None, "tool_calls": [call]}
        choice: Json = {"index": 0, "message": message, "finish_reason": "tool_calls"}
        return {
            "id": f"chat_{number}",
            "object": "chat.completion",
            "created": 0,
            "model": "scripted",
            "choices": [choice],
            "usage": usage,
        }


@contextmanager
def scripted_model() -> Iterator[ScriptedModel]:
    """Serve it on a free port of this machine until the block ends."""
    model = ScriptedModel()
    server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(model))
    model.url = f"http://127.0.0.1:{server.server_port}/v1"
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
    try:
        yield model
    finally:
        server.shutdown()
        server.server_close()


def _next(read: str, calls: int) -> tuple[str, dict[str, Json]]:
    first = _FIRST.search(read)
    if first is None:
        return _ANSWER, {"kind": "inconclusive", "missing": ["a candidate"]}
    entity, change = first["entity"], first["change"]
    plan: list[tuple[str, dict[str, Json]]] = [
        ("service", {"service": entity}),
        ("known", {"service": entity}),
        ("metrics", {"expression": _METRIC}),
        ("logs", {"service": entity, "contains": "ERROR"}),
        ("spans", {"service": entity}),
        *([("change", {"change_id": change})] if change else []),
    ]
    if calls < len(plan):
        return plan[calls]
    claims: list[Json] = [_claim(found) for found in _SHOWN.finditer(read) if found["entity"] == entity]
    cause: Json = {
        "entity": entity,
        "mechanism": first["mechanism"],
        "change_id": change,
        "claims_for": claims[:12],
        "confidence": 0.8,
    }
    return _ANSWER, {"kind": "cause", "hypotheses": [cause]}


def _claim(found: re.Match[str]) -> Json:
    keys = ("evidence_id", "subject", "entity", "statistic")
    before = float(found["before"]) if found["before"] else None
    return {**{key: found[key] for key in keys}, "before": before, "after": float(found["after"])}


def _common(one: bytes, other: bytes) -> int:
    """Bytes that both begin with, by bisection: comparing slices is as fast as memory."""
    most = range(min(len(one), len(other)) + 1)
    return bisect_left(most, x=True, lo=1, key=lambda size: one[:size] != other[:size]) - 1


def _list(value: Json) -> list[Json]:
    return value if isinstance(value, list) else []


def _handler(model: ScriptedModel) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers.get("Content-Length", "0"))))
            content = json.dumps(model.reply(body)).encode()
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002  its own name
            """Nothing on the terminal."""

    return Handler
