"""The two ways to a server: Streamable HTTP, or a program on this machine that speaks over its pipes."""

from __future__ import annotations

import os
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol, TextIO
from urllib.parse import urlsplit

import httpx2
from mcp import StdioServerParameters
from mcp.client import Transport
from mcp.client.stdio import stdio_client
from mcp.client.streamable_http import streamable_http_client

from autoheal.integrations.mcp import relay
from autoheal.integrations.mcp.bounded import Allowance, BoundedTransport

_RELAY = str(Path(relay.__file__))


class Door(Protocol):
    """A way to a server."""

    @property
    def origin(self) -> str:
        """Where the server runs, without any secret: part of what a person approves."""
        ...

    @property
    def egress(self) -> str:
        """Where data goes: a host, or the program."""
        ...

    def opened(self, allowance: Allowance, said: TextIO) -> AbstractAsyncContextManager[Transport]:
        """A transport within the allowance; `said` hears why a program ended."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class HttpDoor:
    """A server behind a URL."""

    url: str
    headers: Mapping[str, str] = field(repr=False)
    timeout_seconds: float

    @property
    def origin(self) -> str:
        """The URL without user, password, query and fragment."""
        parts = urlsplit(self.url)
        return f"{parts.scheme}://{self.egress}{parts.path}"

    @property
    def egress(self) -> str:
        """Host and port."""
        return urlsplit(self.url).netloc.rpartition("@")[2]

    @asynccontextmanager
    async def opened(self, allowance: Allowance, said: TextIO) -> AsyncIterator[Transport]:
        """One HTTP client for one exchange; redirects stay within the server's own origin."""
        del said
        async with httpx2.AsyncClient(
            headers=dict(self.headers),
            timeout=self.timeout_seconds,
            trust_env=False,
            transport=BoundedTransport(allowance),
        ) as client:
            yield streamable_http_client(self.url, http_client=client, terminate_on_close=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class ProgramDoor:
    """A server that is started for one exchange, behind a relay that bounds what it sends."""

    command: tuple[str, ...]
    environment: tuple[str, ...]
    secrets: Mapping[str, str] = field(repr=False)

    @property
    def origin(self) -> str:
        """The command line: another version of a program is another server."""
        return " ".join(self.command)

    @property
    def egress(self) -> str:
        """The program; where it sends what it hears, only its maker knows."""
        return f"program {Path(self.command[0]).name}"

    @asynccontextmanager
    async def opened(self, allowance: Allowance, said: TextIO) -> AsyncIterator[Transport]:
        """Start it with the named variables of our environment and its secrets, and nothing else of ours."""
        passed = {name: os.environ[name] for name in self.environment if name in os.environ}
        parameters = StdioServerParameters(
            command=sys.executable,
            args=["-I", "-S", _RELAY, str(allowance.left), *self.command],
            env={**passed, **self.secrets},
        )
        yield stdio_client(parameters, errlog=said)
