"""Servers that do not speak as they should: each ends as one clear line, and nothing of ours is reached."""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest
from tests.contracts.conftest import Serve

from autoheal.domain.errors import UnreachableError, WorldError
from autoheal.integrations.mcp.config import McpSettings
from autoheal.integrations.mcp.server import McpServer

_DISCOVERED = {
    "resultType": "complete",
    "supportedVersions": ["2026-07-28"],
    "capabilities": {"tools": {}},
    "ttlMs": 0,
    "cacheScope": "private",
}
_LISTED = {
    "resultType": "complete",
    "ttlMs": 0,
    "cacheScope": "private",
    "tools": [{"name": "query", "inputSchema": {"type": "object"}}],
}
Answers = Mapping[str, object]
Start = Callable[..., McpServer]


@pytest.fixture
def start(serve: Serve) -> Start:
    """Starts a server that answers each method with this result, and gives the client."""

    def started(answers: Answers, *, asked: list[str] | None = None) -> McpServer:
        def backend(method: str, path: str, body: bytes, headers: dict[str, str]) -> tuple[int, bytes]:
            del method, path, headers
            message = json.loads(body)
            (asked if asked is not None else []).append(message["method"])
            result = {"server/discover": _DISCOVERED, "tools/list": _LISTED, **answers}.get(message["method"])
            return 200, json.dumps({"jsonrpc": "2.0", "id": message.get("id"), "result": result}).encode()

        return _client(f"{serve(backend)}/mcp")

    return started


def _client(url: str, **settings: object) -> McpServer:
    given = {"url": url, "timeout_seconds": 5.0, **settings}
    return McpSettings.model_validate(given).open("double")


def test_tools_are_read_from_the_wire_as_documented(start: Start, samples: Path) -> None:
    sample = json.loads((samples / "mcp_tools_list_2026-07-28.json").read_text(encoding="utf-8"))
    server = start({"tools/list": sample["result"]})
    tools = {tool.name: tool for tool in server.tools()}
    found = tools["autoheal_incident_get"]
    assert (found.title, found.flaw) == ("Get incident", "")
    assert found.hints == ("readOnlyHint=true", "openWorldHint=false")
    assert json.loads(found.schema)["required"] == ["incident_id"]


def test_a_question_back_to_us_is_refused(start: Start, samples: Path) -> None:
    name = "mcp_tools_call_input_required_2026-07-28.json"
    asking = json.loads((samples / name).read_text(encoding="utf-8"))["result"]
    asked: list[str] = []
    server = start({"tools/call": asking}, asked=asked)
    with pytest.raises(UnreachableError, match="asks us something back, which is refused"):
        server.call(server.tools()[0], {})
    assert asked.count("tools/call") == 1


@pytest.mark.parametrize(
    "result",
    [{"content": 7}, {"content": [{"type": "text"}]}, [], "yes", {"content": [], "isError": "maybe"}],
    ids=str,
)
def test_an_answer_that_is_none_is_one_line(start: Start, result: object) -> None:
    server = start({"tools/call": result})
    with pytest.raises(WorldError) as failed:
        server.call(server.tools()[0], {})
    assert str(failed.value).startswith("MCP server double (127.0.0.1:")
    assert "\n" not in str(failed.value)
    assert len(str(failed.value)) < 500


def test_what_is_no_text_is_named_and_left_out(start: Start) -> None:
    content = [
        {"type": "text", "text": "see"},
        {"type": "image", "data": "aGk=", "mimeType": "image/png"},
        {"type": "resource_link", "uri": "file:///etc/passwd", "name": "x"},
        {"type": "resource", "resource": {"uri": "a://b", "text": "inside"}},
        {"type": "resource", "resource": {"uri": "a://b", "blob": "aGk="}},
    ]
    server = start({"tools/call": {"resultType": "complete", "content": content}})
    assert server.call(server.tools()[0], {}).text.splitlines() == [
        "see",
        "[image, left out]",
        "[a link to file:///etc/passwd, not followed]",
        "inside",
        "[resource, left out]",
    ]


def test_an_answer_with_structure_alone_is_read(start: Start) -> None:
    result = {"resultType": "complete", "content": [], "structuredContent": {"errors": 42}}
    server = start({"tools/call": result})
    assert server.call(server.tools()[0], {}).text == '{"errors": 42}'


@pytest.mark.parametrize("status", [401, 403, 404, 429, 500, 503])
def test_a_refusal_over_http_is_one_line(serve: Serve, status: int) -> None:
    server = _client(f"{serve(lambda *_: (status, b'{}'))}/mcp")
    with pytest.raises(UnreachableError, match=rf"refused with HTTP {status}.*; see \[mcp.double\]"):
        server.tools()


@pytest.mark.parametrize("body", [b"", b"not json", b"[" * 100_000, b"\xff\xfe", b'{"jsonrpc": "2.0"}'])
def test_a_body_that_is_no_message_is_one_line(serve: Serve, body: bytes) -> None:
    server = _client(f"{serve(lambda *_: (200, body))}/mcp")
    with pytest.raises(UnreachableError) as failed:
        server.tools()
    assert "is no MCP message" in str(failed.value)


def test_a_compressed_answer_is_declined(raw: Callable[[bytes], str]) -> None:
    bomb = gzip.compress(b"x" * 50_000_000)
    head = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Encoding: gzip\r\n"
    length = f"Content-Length: {len(bomb)}\r\n\r\n"
    with pytest.raises(UnreachableError):
        _client(f"{raw((head + length).encode() + bomb)}/mcp").tools()


def test_a_redirect_to_elsewhere_is_not_followed(serve: Serve, raw: Callable[[bytes], str]) -> None:
    reached: list[str] = []

    def elsewhere(method: str, path: str, body: bytes, headers: dict[str, str]) -> tuple[int, bytes]:
        del method, body, headers
        reached.append(path)
        return 200, b"{}"

    target = serve(elsewhere)
    head = f"HTTP/1.1 307 Temporary Redirect\r\nLocation: {target}/stolen\r\nContent-Length: 0\r\n\r\n"
    with pytest.raises(UnreachableError):
        _client(f"{raw(head.encode())}/mcp", headers={"Authorization": "s3cret"}).tools()
    assert reached == []
