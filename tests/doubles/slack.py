"""A Slack on loopback: its Web API as far as we use it, its socket, and signed calls made from samples."""

from __future__ import annotations

import hashlib
import hmac
import json
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qs, urlencode, urlsplit

from websockets.exceptions import ConnectionClosed
from websockets.sync.server import ServerConnection, serve

from autoheal.ports.runs import Json

SECRET = "8f742231b10e8888abcd99yyyzzz85a5"  # noqa: S105  of the recorded signature
APP_TOKEN = "xapp-of-the-double"  # noqa: S105  a double's
CHANNEL, PERSON = "C07INCIDENT", "U07DANA"
_TOO_MANY = 429
_SAMPLES = Path(__file__).parent.parent / "wire" / "samples"


@dataclass(slots=True, kw_only=True)
class Slack:
    """What was said: messages by ts in order, each request body byte for byte; down and lost break it."""

    url: str = ""
    messages: dict[str, dict[str, Json]] = field(default_factory=dict)
    bodies: list[str] = field(default_factory=list)
    authorizations: set[str] = field(default_factory=set)
    down: bool = False
    lost: bool = False
    picky: str = ""
    forbidden: frozenset[str] = frozenset()
    """The next message is posted, and the answer is an error."""
    scopes: str = "chat:write,channels:history,app_mentions:read"
    limited: list[int] = field(default_factory=list)
    """Seconds for which each of the next calls is told to wait."""
    asked: list[tuple[str, float]] = field(default_factory=list)
    """Each method that was called, with the second of the machine's steady clock."""
    line: Line | None = None

    def answer(
        self, method: str, query: Mapping[str, str], body: bytes, *, bearer: str = ""
    ) -> tuple[int, Json]:
        """What the Web API says to a call."""
        self.asked.append((method, time.monotonic()))
        if self.down or self.limited:
            return (503, _no("service_unavailable")) if self.down else (_TOO_MANY, _no("ratelimited"))
        if method in self.forbidden:
            return 200, _no("missing_scope")
        if self.picky and self.picky in body.decode():
            return 200, _no("invalid_blocks")
        if method == "chat.postMessage":
            self.bodies.append(body.decode())
            return self._posted(json.loads(body))
        if method == "apps.connections.open":
            return 200, self._opened(bearer)
        return 200, self._told(method, query, json.loads(body) if body else {})

    def _told(self, method: str, query: Mapping[str, str], given: dict[str, Json]) -> Json:
        if method == "chat.update":
            self.messages[str(given["ts"])].update(given)
            return {"ok": True, "channel": given["channel"], "ts": given["ts"]}
        if method in ("conversations.replies", "conversations.history"):
            return {"ok": True, "messages": list(self._in(query.get("ts", "")))}
        if method == "auth.test":
            return {"ok": True, "user": "autoheal", "team": "acme"}
        return _no("unknown_method")

    def headers(self, status: int) -> Mapping[str, str]:
        """What it tells in the headers of an answer: the token's scopes, or for how long to wait."""
        wait = {"Retry-After": str(self.limited.pop(0))} if status == _TOO_MANY else {}
        return wait | ({"X-OAuth-Scopes": self.scopes} if self.scopes else {})

    def _opened(self, bearer: str) -> Json:
        if bearer != f"Bearer {APP_TOKEN}":
            return _no("invalid_auth")
        if self.line is None:
            return _no("socket_mode_not_enabled")
        return {"ok": True, "url": self.line.url}

    def texts(self) -> list[str]:
        """Everything that stands there, as a person reads it."""
        return [_read(message) for message in self.messages.values()]

    def _posted(self, given: dict[str, Json]) -> tuple[int, Json]:
        ts = f"1795183{len(self.messages):03d}.000100"
        self.messages[ts] = {**given, "ts": ts}
        if self.lost:
            self.lost = False
            return 500, _no("internal_error")
        answered = sample("slack_chat_postMessage_response.json")
        return 200, {**answered, "channel": given["channel"], "ts": ts}

    def _in(self, thread: str) -> Iterator[Json]:
        for ts, message in self.messages.items():
            if not thread or thread in (ts, message.get("thread_ts")):
                yield dict(message)


@dataclass(slots=True, kw_only=True)
class Line:
    """The socket: its connections in order, and the envelopes that were acknowledged."""

    url: str = ""
    connected: list[ServerConnection] = field(default_factory=list)
    acknowledged: list[str] = field(default_factory=list)

    def send(self, kind: str, payload: Json, *, envelope_id: str) -> None:
        """One envelope over the newest connection, as Slack wraps an event or a press."""
        told: Json = {
            "envelope_id": envelope_id,
            "type": kind,
            "payload": payload,
            "accepts_response_payload": kind == "interactive",
        }
        self.connected[-1].send(json.dumps(told))

    def send_raw(self, text: str) -> None:
        """Something else than an envelope."""
        self.connected[-1].send(text)

    def refresh(self) -> None:
        """Ask the client to come again, as Slack does every few hours."""
        self.connected[-1].send(json.dumps({"type": "disconnect", "reason": "refresh_requested"}))

    def drop(self) -> None:
        """Break the connection."""
        self.connected[-1].close()

    def serve(self, connection: ServerConnection) -> None:
        """One connection until it ends."""
        self.connected.append(connection)
        hello: Json = {"type": "hello", "num_connections": 1, "connection_info": {"app_id": "A07"}}
        connection.send(json.dumps(hello))
        with suppress(ConnectionClosed):
            for said in connection:
                document = json.loads(said)
                self.acknowledged.append(str(document["envelope_id"]))


@contextmanager
def socket_mode(slack: Slack) -> Iterator[Line]:
    """Give a Slack its socket until the block ends."""
    line = Line()
    with serve(line.serve, "127.0.0.1", 0) as server:
        line.url = f"ws://127.0.0.1:{server.socket.getsockname()[1]}/link/?ticket=t1&app_id=A07"
        slack.line = line
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield line
        server.shutdown()
    slack.line = None


def _no(error: str) -> Json:
    return {"ok": False, "error": error}


def sample(name: str) -> dict[str, Json]:
    """A recorded document."""
    document: Json = json.loads((_SAMPLES / name).read_text(encoding="utf-8"))
    assert isinstance(document, dict)
    return document


def pressed(
    action: str, value: str, thread: str, *, user: str = PERSON, at: str = "1.1"
) -> tuple[bytes, str]:
    """A press of a button as Slack posts it: body and content type."""
    document = sample("slack_block_actions.json")
    actions = document["actions"]
    assert isinstance(actions, list)
    assert isinstance(actions[0], dict)
    channel, _, ts = thread.rpartition(":")
    container: Json = {"type": "message", "message_ts": "9.9", "channel_id": channel, "thread_ts": ts}
    made = {**actions[0], "action_id": action, "value": value, "action_ts": at}
    body = {**document, "user": {"id": user}, "container": container, "actions": [made]}
    form = urlencode({"payload": json.dumps(body)})
    return form.encode(), "application/x-www-form-urlencoded"


def mention(text: str, thread: str, *, user: str = PERSON, event_id: str = "Ev1") -> tuple[bytes, str]:
    """Something said in a thread, as Slack posts it: body and content type."""
    document = sample("slack_event_app_mention.json")
    event = document["event"]
    assert isinstance(event, dict)
    channel, _, ts = thread.rpartition(":")
    said = {**event, "text": text, "user": user, "channel": channel, "thread_ts": ts}
    return json.dumps({**document, "event_id": event_id, "event": said}).encode(), "application/json"


def signed(body: bytes, kind: str, *, at: float, secret: str = SECRET) -> dict[str, str]:
    """The headers of a call that Slack signed at a time (unix seconds)."""
    stamp = f"{at:.0f}"
    digest = hmac.new(secret.encode(), b"v0:" + stamp.encode() + b":" + body, hashlib.sha256).hexdigest()
    signature = f"v0={digest}"
    return {"Content-Type": kind, "X-Slack-Request-Timestamp": stamp, "X-Slack-Signature": signature}


@contextmanager
def slack_server() -> Iterator[Slack]:
    """Serve it on a free port until the block ends."""
    slack = Slack()
    http = _Http(slack)
    slack.url = f"http://127.0.0.1:{http.server_port}/api"
    threading.Thread(target=http.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
    try:
        yield slack
    finally:
        http.shutdown()
        http.server_close()


def _read(message: Mapping[str, Json]) -> str:
    """The words of every block, in order."""
    words: list[str] = []

    def walk(value: Json) -> None:
        if isinstance(value, dict):
            if value.get("type") == "plain_text":
                words.append(str(value["text"]))
            for item in value.values():
                walk(item)
        elif isinstance(value, list):
            for item in value:
                walk(item)

    walk(message.get("blocks"))
    return "\n".join(words)


class _Http(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False

    def __init__(self, slack: Slack) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.slack = slack


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def do_POST(self) -> None:
        self._answer(self.rfile.read(int(self.headers.get("Content-Length", "0"))))

    def do_GET(self) -> None:
        self._answer(b"")

    def _answer(self, body: bytes) -> None:
        assert isinstance(self.server, _Http)
        parts = urlsplit(self.path)
        query = {name: values[0] for name, values in parse_qs(parts.query).items()}
        slack, bearer = self.server.slack, self.headers.get("Authorization", "")
        slack.authorizations.add(bearer)
        status, said = slack.answer(parts.path.rpartition("/")[2], query, body, bearer=bearer)
        content = json.dumps(said).encode()
        self.send_response(status)
        for name, value in slack.headers(status).items():
            self.send_header(name, value)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002  its own name
        """Nothing on the terminal."""
