"""One exchange with a server: opened, asked and closed again, within its bounds whatever the server does."""

from __future__ import annotations

import asyncio
import json
import logging
import tempfile
from collections.abc import Awaitable, Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

import anyio
from mcp import Client, MCPError
from mcp.types import (
    PARSE_ERROR,
    CallToolRequest,
    CallToolRequestParams,
    CallToolResult,
    ContentBlock,
    EmbeddedResource,
    Implementation,
    PaginatedRequestParams,
    ResourceLink,
    TextContent,
    TextResourceContents,
    Tool,
)
from pydantic import ValidationError

from autoheal.domain.errors import StaleTargetError, UnreachableError, WorldError
from autoheal.domain.tool import OfferedTool
from autoheal.integrations.mcp.bounded import Allowance
from autoheal.integrations.mcp.doors import Place
from autoheal.integrations.mcp.offer import offers
from autoheal.integrations.mcp.transports import opened
from autoheal.policy.untrusted import fit
from autoheal.ports.runs import Json
from autoheal.ports.tools import ToolAnswer

T = TypeVar("T")
_US = Implementation(name="autoheal", version="1")
_MAX_PAGES = 20
_MAX_TOOLS = 500
_REASON = 300
_STATUS = 60
_ENDING_SECONDS = 10.0
"""How long a program may take to be ended, beyond the time of the exchange."""


def offered(place: Place) -> Sequence[OfferedTool]:
    """What the server offers now; raises UnreachableError."""
    return _exchanged(place, lambda client: _offered(place, client))


def called(place: Place, tool: OfferedTool, arguments: Mapping[str, Json]) -> ToolAnswer:
    """What the tool answers; raises StaleTargetError, uncalled, when it is not what it was."""

    async def ask(client: Client) -> ToolAnswer:
        if tool not in await _offered(place, client):
            raise StaleTargetError(f"MCP tool {tool.id} changed since it was looked at; not called")
        request = CallToolRequest(params=CallToolRequestParams(name=tool.name, arguments=dict(arguments)))
        # Not Client.call_tool: it runs the server's own patterns over the server's own data, unbounded.
        return _answer(await client.session.send_request(request, CallToolResult))

    return _exchanged(place, ask)


async def _offered(place: Place, client: Client) -> Sequence[OfferedTool]:
    tools: list[Tool] = []
    cursor: str | None = None
    for _ in range(_MAX_PAGES):
        page = await client.session.list_tools(params=PaginatedRequestParams(cursor=cursor))
        tools += page.tools
        cursor = page.next_cursor
        if cursor is None:
            break
    if cursor is not None or len(tools) > _MAX_TOOLS:
        raise UnreachableError(f"MCP server {place.name} lists more than {_MAX_TOOLS} tools, or without end")
    return offers(place.name, place.door.origin, tools)


def _exchanged(place: Place, work: Callable[[Client], Awaitable[T]]) -> T:
    _hush()
    # A thread of its own, since the caller's may already have an event loop.
    thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="mcp")
    running = thread.submit(lambda: asyncio.run(_bounded(place, work)))
    thread.shutdown(wait=False)
    try:
        return running.result(timeout=place.bounds.timeout_seconds + _ENDING_SECONDS)
    except TimeoutError as error:
        raise _failed(place, error, Allowance(left=0), "") from None


async def _bounded(place: Place, work: Callable[[Client], Awaitable[T]]) -> T:
    allowance = Allowance(left=place.bounds.max_bytes)
    with tempfile.TemporaryFile("w+") as said:
        try:
            with anyio.fail_after(place.bounds.timeout_seconds) as scope:
                allowance.stop = scope.cancel
                async with (
                    opened(place, allowance, said) as transport,
                    Client(transport, cache=None, client_info=_US) as client,
                ):
                    return await work(client)
        except WorldError:
            raise
        except Exception as error:  # noqa: BLE001  whatever a stranger's server makes a library raise
            said.seek(0)
            raise _failed(place, error, allowance, said.read(_REASON)) from None
    raise _failed(place, None, allowance, "")


def _failed(place: Place, error: Exception | None, allowance: Allowance, said: str) -> WorldError:
    first = _first(error)
    if isinstance(first, WorldError):
        return first
    reason = said.strip() or _reason(place, first, allowance)
    return UnreachableError(
        f"MCP server {place.name} ({place.door.egress}): {reason}; see [mcp.{place.name}]"
    )


def _reason(place: Place, first: BaseException | None, allowance: Allowance) -> str:
    words = " ".join(fit(str(first) or type(first).__name__, _REASON).split())
    if allowance.exceeded:
        return f"it sent more than the {place.bounds.max_bytes} bytes that are read"
    if isinstance(first, ValidationError):
        return "its answer does not fit the protocol, or asks us something back, which is refused"
    if isinstance(first, TimeoutError):
        return f"no whole answer within {place.bounds.timeout_seconds:g} s"
    if isinstance(first, MCPError) and first.error.code == PARSE_ERROR:
        return "what it answered is no MCP message; is the path of the URL right?"
    if allowance.refused:
        return f"it refused with HTTP {fit(allowance.refused, _STATUS)}: {words}"
    return words


def _first(error: BaseException | None) -> BaseException | None:
    """The first cause in a group of causes."""
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return error


def _hush() -> None:
    """What the library would log is a stranger's text, with a traceback; we say what matters ourselves."""
    for name in ("mcp.client", "mcp.shared", "httpx2", "httpcore2"):
        logger = logging.getLogger(name)
        logger.propagate = False
        if not logger.handlers:
            logger.addHandler(logging.NullHandler())


def _answer(result: CallToolResult) -> ToolAnswer:
    text = "\n".join(_text(block) for block in result.content)
    if not text and result.structured_content is not None:
        text = json.dumps(result.structured_content, ensure_ascii=False)
    return ToolAnswer(text=text, error=result.is_error)


def _text(block: ContentBlock) -> str:
    match block:
        case TextContent():
            return block.text
        case EmbeddedResource(resource=TextResourceContents() as inside):
            return inside.text
        case ResourceLink():
            return f"[a link to {block.uri}, not followed]"
    return f"[{block.type}, left out]"
