"""Bounds on what a server may send: HTTP bodies are counted as they come, before anything reads them."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass

import httpx2

_REFUSED = 300


@dataclass(slots=True, kw_only=True)
class Allowance:
    """Bytes that one exchange may still bring; when there are none left, `stop` is called, once.

    refused is the latest HTTP status that was no success, in words.
    """

    left: int
    stop: Callable[[], None] = lambda: None
    exceeded: bool = False
    refused: str = ""

    def take(self, number: int) -> bool:
        """Whether so many more are allowed."""
        self.left -= number
        if self.left < 0 and not self.exceeded:
            self.exceeded = True
            self.stop()
        return self.left >= 0


class BoundedTransport(httpx2.AsyncBaseTransport):
    """HTTP within an allowance; a compressed answer is refused, since its true size is not known."""

    def __init__(self, allowance: Allowance) -> None:
        self._allowance = allowance
        # No proxy or credential from the environment: what is asked is what the settings say.
        self._inner = httpx2.AsyncHTTPTransport(trust_env=False)

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        """Send one request; its answer is counted while it is read."""
        request.headers["Accept-Encoding"] = "identity"
        response = await self._inner.handle_async_request(request)
        if response.status_code >= _REFUSED:
            self._allowance.refused = f"{response.status_code} {response.reason_phrase}".strip()
        if response.headers.get("Content-Encoding", "identity") != "identity":
            await response.aclose()
            raise httpx2.ReadError("the answer is compressed, though that was declined")
        if isinstance(response.stream, httpx2.AsyncByteStream):
            response.stream = _Counted(response.stream, self._allowance)
        return response

    async def aclose(self) -> None:
        """Give back the connections."""
        await self._inner.aclose()


class _Counted(httpx2.AsyncByteStream):
    def __init__(self, inner: httpx2.AsyncByteStream, allowance: Allowance) -> None:
        self._inner = inner
        self._allowance = allowance

    async def __aiter__(self) -> AsyncIterator[bytes]:
        async for chunk in self._inner:
            if not self._allowance.take(len(chunk)):
                raise httpx2.ReadError("the answer is larger than is read")
            yield chunk

    async def aclose(self) -> None:
        await self._inner.aclose()
