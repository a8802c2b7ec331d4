"""What every request must pass and every response carries, before any route is asked.

A page of another site can make a browser send us a form, and a rebound name can make it read us (DNS
rebinding). So unsafe requests from other origins and requests for other hosts are refused; senders that are
no browser send neither Origin nor Sec-Fetch-Site and pass.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from http import HTTPStatus
from urllib.parse import urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from autoheal.surfaces.http.problems import Problem, plain, respond

MAX_BODY = 1_000_000
LOOPBACK = frozenset({"127.0.0.1", "localhost", "::1"})
_SAFE = frozenset({"GET", "HEAD", "OPTIONS"})
_OWN = frozenset({"same-origin", "none"})
_HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; style-src 'self'; script-src 'self'; connect-src 'self'; img-src 'self'; "
        "base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
}
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Guard:
    """Stands around the whole application; with `hosts` empty any Host is served."""

    inner: ASGIApp
    hosts: frozenset[str] = LOOPBACK

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Refuse, or pass on with the body counted and the response's headers set."""
        if scope["type"] != "http":
            await self.inner(scope, receive, send)
            return
        answer = _Answer(send)
        problem = refusal(scope["method"], Headers(scope=scope), self.hosts)
        if problem is not None:
            await respond(problem)(scope, receive, answer.send)
            return
        try:
            await self.inner(scope, _Counted(receive).receive, answer.send)
        except Exception:
            # The outermost edge: what nobody named is logged whole and told as one line.
            _log.exception("%s %s failed", scope["method"], scope["path"])
            if answer.begun:
                raise
            problem = plain(500, "Autoheal failed; the log tells more", scope["path"])
            await respond(problem)(scope, receive, answer.send)


def refusal(method: str, headers: Headers, hosts: frozenset[str]) -> Problem | None:
    """Why a request is not even looked at, or None."""
    host = headers.get("host", "")
    if hosts and _name(host) not in hosts:
        return plain(
            HTTPStatus.MISDIRECTED_REQUEST, f"this server is not {host[:80]!r}; set http.host to serve it"
        )
    if headers.get("content-encoding", "identity").lower() != "identity":
        return plain(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, "send the body without Content-Encoding")
    if method not in _SAFE and _foreign(headers, host):
        return plain(HTTPStatus.FORBIDDEN, "a page of another origin may not send this request")
    length = headers.get("content-length", "0")
    if not length.isdecimal() or int(length[:12]) > MAX_BODY:
        return plain(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, f"the body may have {MAX_BODY} bytes")
    return None


def _foreign(headers: Headers, host: str) -> bool:
    site, origin = headers.get("sec-fetch-site"), headers.get("origin")
    if site is not None and site not in _OWN:
        return True
    return origin is not None and urlsplit(origin).netloc != host


def _name(host: str) -> str:
    try:
        return urlsplit(f"//{host}").hostname or ""
    except ValueError:
        return ""


@dataclass(slots=True)
class _Counted:
    """Reads the body as it comes and stops at the limit, whatever its length was said to be."""

    inner: Receive
    seen: int = 0

    async def receive(self) -> Message:
        message = await self.inner()
        self.seen += len(message.get("body", b""))
        if self.seen > MAX_BODY:
            raise HTTPException(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, f"the body may have {MAX_BODY} bytes")
        return message


@dataclass(slots=True)
class _Answer:
    """Sets the headers of every response and remembers whether it has begun."""

    inner: Send
    begun: bool = False

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.begun = True
            headers = MutableHeaders(scope=message)
            headers.update(_HEADERS)
            headers.setdefault("Cache-Control", "no-store")
        await self.inner(message)
