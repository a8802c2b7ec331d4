"""Opens the way to a server for one exchange, within an allowance of bytes."""

from __future__ import annotations

import os
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TextIO

import httpx2
from mcp import StdioServerParameters
from mcp.client import Transport
from mcp.client.stdio import stdio_client
from mcp.client.streamable_http import streamable_http_client

from autoheal.integrations.mcp import relay
from autoheal.integrations.mcp.bounded import Allowance, BoundedTransport
from autoheal.integrations.mcp.doors import HttpDoor, Place, ProgramDoor

_RELAY = str(Path(relay.__file__))


@asynccontextmanager
async def opened(place: Place, allowance: Allowance, said: TextIO) -> AsyncIterator[Transport]:
    """The transport of the library; `said` hears why a program ended."""
    if isinstance(place.door, ProgramDoor):
        yield stdio_client(_program(place.door, allowance), errlog=said)
        return
    async with _client(place.door, place.bounds.timeout_seconds, allowance) as client:
        yield streamable_http_client(place.door.url, http_client=client, terminate_on_close=False)


def _client(door: HttpDoor, seconds: float, allowance: Allowance) -> httpx2.AsyncClient:
    """One client for one exchange; the library follows redirects only within the server's own origin."""
    return httpx2.AsyncClient(
        headers=dict(door.headers),
        timeout=seconds,
        trust_env=False,
        transport=BoundedTransport(allowance),
    )


def _program(door: ProgramDoor, allowance: Allowance) -> StdioServerParameters:
    """It gets the named variables of our environment and its secrets, and nothing else of ours."""
    passed = {name: os.environ[name] for name in door.environment if name in os.environ}
    return StdioServerParameters(
        command=sys.executable,
        args=["-I", "-S", _RELAY, str(allowance.left), *door.command],
        env={**passed, **door.secrets},
    )
