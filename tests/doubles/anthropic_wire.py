"""The messages wire format: a request becomes a prompt, a reply becomes JSON or server-sent events.

Source: the public API reference of Anthropic's messages API, with its prompt caching by breakpoints.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping

from autoheal.ports.runs import Json
from autoheal.sandbox.model.conversation import Call, Prompt, Reply, Tool, Turn

PATH = "/v1/messages"
_CACHE_FROM = 1024
_OVERLOADED = 529


def read(body: Mapping[str, Json], *, output: str) -> Prompt:
    """The prompt of a request; the tool whose name begins with `output` takes the typed answer."""
    tools = tuple(
        Tool(
            name=str(item["name"]),
            description=str(item.get("description") or ""),
            schema=_object(item.get("input_schema") or {}),
        )
        for item in _blocks(body.get("tools"))
    )
    typed = next((tool for tool in tools if tool.name.startswith(output)), None)
    messages = _blocks(body.get("messages"))
    turns = [Turn(role="system", text=block_text(block)) for block in _blocks(body.get("system"))]
    turns += [turn for message in messages for turn in _turns(message)]
    return Prompt(
        wire="anthropic",
        model=str(body["model"]),
        turns=tuple(turns),
        tools=tools,
        output=typed or _format(body),
        canonical=b"".join(_line(piece) for piece in _pieces(body)),
        cacheable_bytes=_cacheable(body),
        streamed=body.get("stream") is True,
    )


def write(prompt: Prompt, reply: Reply, number: int) -> dict[str, Json]:
    """The response of a call that was not streamed."""
    content: list[Json] = [{"type": "text", "text": reply.text}] if reply.text else []
    content += [_use(call, number, i) for i, call in enumerate(reply.calls)]
    return {
        **_envelope(prompt, number),
        "content": content,
        "stop_reason": _stop(reply),
        "usage": usage(prompt, reply),
    }


def stream(prompt: Prompt, reply: Reply, number: int) -> Iterator[bytes]:
    """The same response as server-sent events."""
    used = usage(prompt, reply)
    empty: Json = {**_envelope(prompt, number), "content": [], "stop_reason": None, "usage": used}
    yield _event("message_start", {"message": empty})
    index = 0
    if reply.text:
        yield from _block(index, {"type": "text", "text": ""}, {"type": "text_delta", "text": reply.text})
        index += 1
    for i, call in enumerate(reply.calls):
        use = _use(call, number, i)
        given: Json = {"type": "input_json_delta", "partial_json": json.dumps(use["input"])}
        yield from _block(index + i, {**use, "input": {}}, given)
    yield _event(
        "message_delta", {"delta": {"stop_reason": _stop(reply), "stop_sequence": None}, "usage": used}
    )
    yield _event("message_stop", {})


def error(status: int) -> dict[str, Json]:
    """The body of a refusal."""
    kinds = {429: "rate_limit_error", _OVERLOADED: "overloaded_error"}
    return {
        "type": "error",
        "error": {"type": kinds.get(status, "api_error"), "message": f"refused with {status}"},
    }


def usage(prompt: Prompt, reply: Reply) -> dict[str, Json]:
    """What would be billed: cached and fresh input apart, the cache from 1,024 tokens on."""
    cached = prompt.cached_tokens if prompt.cached_tokens >= _CACHE_FROM else 0
    return {
        "input_tokens": prompt.tokens - cached,
        "cache_creation_input_tokens": 0,
        "cache_read_input_tokens": cached,
        "output_tokens": reply.tokens,
    }


def _cacheable(body: Mapping[str, Json]) -> int:
    """Bytes of the canonical prompt up to the last cache breakpoint; 0 without any."""
    end, last = 0, 0
    for piece in _pieces(body):
        end += len(_line(piece))
        last = end if "cache_control" in piece else last
    return last


def _pieces(body: Mapping[str, Json]) -> Iterator[dict[str, Json]]:
    yield from _blocks(body.get("tools"))
    yield from _blocks(body.get("system"))
    for message in _blocks(body.get("messages")):
        for block in _blocks(message.get("content")):
            yield {"role": message["role"], **block}


def _line(piece: Mapping[str, Json]) -> bytes:
    plain = {key: value for key, value in piece.items() if key != "cache_control"}
    return json.dumps(plain, ensure_ascii=False).encode() + b"\n"


def _envelope(prompt: Prompt, number: int) -> dict[str, Json]:
    kind: dict[str, Json] = {"id": f"msg_{number}", "type": "message", "role": "assistant"}
    return {**kind, "model": prompt.model, "stop_sequence": None}


def _stop(reply: Reply) -> str:
    return "tool_use" if reply.calls else "end_turn"


def _use(call: Call, number: int, index: int) -> dict[str, Json]:
    # This format carries arguments as an object: text that is no JSON object becomes one field.
    given: Json = {"text": call.arguments} if isinstance(call.arguments, str) else dict(call.arguments)
    return {"type": "tool_use", "id": f"toolu_{number}_{index}", "name": call.name, "input": given}


def _block(index: int, opened: Json, delta: Json) -> Iterator[bytes]:
    yield _event("content_block_start", {"index": index, "content_block": opened})
    yield _event("content_block_delta", {"index": index, "delta": delta})
    yield _event("content_block_stop", {"index": index})


def _event(kind: str, data: dict[str, Json]) -> bytes:
    return f"event: {kind}\ndata: {json.dumps({'type': kind, **data})}\n\n".encode()


def _turns(message: Mapping[str, Json]) -> Iterator[Turn]:
    role = str(message["role"])
    blocks = _blocks(message.get("content"))
    results = [block for block in blocks if block.get("type") == "tool_result"]
    yield from (Turn(role="tool", text=_result(block)) for block in results)
    said = "\n".join(block_text(block) for block in blocks if block.get("type") == "text")
    uses = [block for block in blocks if block.get("type") == "tool_use"]
    calls = tuple(Call(name=str(use["name"]), arguments=json.dumps(use["input"])) for use in uses)
    if said or calls:
        yield Turn(role=role, text=said, calls=calls)


def _result(block: Mapping[str, Json]) -> str:
    return "\n".join(block_text(part) for part in _blocks(block.get("content")))


def block_text(block: Mapping[str, Json]) -> str:
    """The text of a block, empty for a block of another kind."""
    return str(block.get("text") or "")


def _format(body: Mapping[str, Json]) -> Tool | None:
    config = body.get("output_config")
    wanted = body.get("output_format") or (config.get("format") if isinstance(config, dict) else None)
    if not isinstance(wanted, dict):
        return None
    return Tool(name="", description="", schema=_object(wanted.get("schema") or {}))


def _blocks(value: Json) -> list[dict[str, Json]]:
    if isinstance(value, str):
        return [{"type": "text", "text": value}]
    return [_object(item) for item in value] if isinstance(value, list) else []


def _object(value: Json) -> dict[str, Json]:
    assert isinstance(value, dict), f"an object was expected, not {value!r}"
    return value
