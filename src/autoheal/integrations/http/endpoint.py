"""One outside system over HTTP: every call is bounded in time, size, number at once and per second."""

from __future__ import annotations

import json
import re
import time
import weakref
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import httpx

from autoheal.domain.errors import UnreachableError
from autoheal.integrations.http.breaker import Breaker
from autoheal.integrations.http.limiter import Limiter

_TOO_MANY = 429
_BROKEN = 500
_ESCAPED = re.compile(rb"\\u(?:0000|[dD][89a-fA-F])")
Parameters = Mapping[str, str | Sequence[str]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Reach:
    """Where a system answers, and the bounds of every call."""

    url: str
    headers: Mapping[str, str]
    timeout_seconds: float
    max_concurrent: int
    per_second: float
    max_wait_seconds: float
    max_bytes: int
    breaker_failures: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """One request, with a form or content as its body; one that changes something is not repeatable."""

    method: str
    path: str
    query: Parameters = field(default_factory=dict)
    form: Parameters | None = None
    content: bytes | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    repeatable: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """What came back, after how many seconds of waiting for our turn."""

    status: int
    body: bytes
    headers: Mapping[str, str] = field(default_factory=dict)
    delayed_seconds: float = 0.0

    @property
    def json(self) -> object:
        """The body as JSON; None where it is none."""
        try:
            document: object = json.loads(self.body.decode(errors="replace"), parse_constant=lambda _: None)
            return _storable(document) if _ESCAPED.search(self.body) else document
        except (ValueError, RecursionError):
            return None


def _storable(document: object) -> object:
    """The document without NUL and lone surrogates, which others can write but no database can keep."""
    match document:
        case str():
            return document.encode(errors="replace").decode().replace("\0", "\ufffd")
        case list():
            return [_storable(item) for item in document]
        case dict():
            return {_storable(key): _storable(value) for key, value in document.items()}
        case _:
            return document


class Endpoint:
    """Thread-safe; raises UnreachableError without a whole answer in time, OverloadedError without a turn."""

    def __init__(self, name: str, reach: Reach) -> None:
        self.name = name
        self.url = reach.url
        self._reach = reach
        self._limiter = Limiter(
            max_concurrent=reach.max_concurrent,
            per_second=reach.per_second,
            max_wait_seconds=reach.max_wait_seconds,
        )
        self._breaker = Breaker(failures=reach.breaker_failures)
        # No proxy or credential from the environment: what is asked is what the settings say.
        self._client = httpx.Client(
            headers=dict(reach.headers), timeout=reach.timeout_seconds, trust_env=False
        )
        weakref.finalize(self, self._client.close)

    def send(self, call: Call) -> Reply:
        """Send one call; a repeatable one answered by 429 is repeated once, after the wait it asks for."""
        self._breaker.check(self.name)
        with self._limiter.turn() as waited:
            try:
                reply, paused = self._patiently(call)
            except UnreachableError:
                self._breaker.note(failed=True)
                raise
        self._breaker.note(failed=reply.status >= _BROKEN)
        return replace(reply, delayed_seconds=waited + paused)

    def _patiently(self, call: Call) -> tuple[Reply, float]:
        deadline = time.monotonic() + self._reach.timeout_seconds
        reply, wait = self._exchange(call, deadline)
        if wait is None or time.monotonic() + wait >= deadline:
            return reply, 0.0
        self._limiter.pause(wait)
        return self._exchange(call, deadline)[0], wait

    def _exchange(self, call: Call, deadline: float) -> tuple[Reply, float | None]:
        """The reply, and the seconds after which the system wants to be asked again."""
        left = max(deadline - time.monotonic(), 0.001)
        try:
            with self._client.stream(
                call.method,
                self.url + call.path,
                params=call.query,
                data=call.form,
                content=call.content,
                headers=call.headers,
                timeout=left,
            ) as response:
                body = self._read(response, deadline)
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            raise UnreachableError(f"{self.name} at {self.url}: {_reason(error, left)}") from error
        again = _retry_after(response) if call.repeatable else None
        return Reply(status=response.status_code, body=body, headers=response.headers), again

    def _read(self, response: httpx.Response, deadline: float) -> bytes:
        body = bytearray()
        for chunk in response.iter_bytes():
            body += chunk
            if len(body) > self._reach.max_bytes:
                raise UnreachableError(
                    f"{self.name}: the answer is larger than {self._reach.max_bytes} bytes"
                )
            if time.monotonic() > deadline:
                raise UnreachableError(
                    f"{self.name}: no whole answer within {self._reach.timeout_seconds:g} s"
                )
        return bytes(body)


def _retry_after(response: httpx.Response) -> float | None:
    if response.status_code != _TOO_MANY:
        return None
    try:
        return max(float(response.headers.get("Retry-After", "1")), 0.0)
    except ValueError:
        return 1.0


def _reason(error: Exception, seconds: float) -> str:
    if isinstance(error, httpx.TimeoutException):
        return f"no answer within {seconds:.3g} s"
    return str(error) or type(error).__name__
