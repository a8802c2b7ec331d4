"""The chat-completions wire format: a request becomes a prompt, a reply becomes JSON or server-sent events.

Source: the public API reference of OpenAI's chat completions, which local servers (vLLM, Ollama) copy.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from http import HTTPStatus

from autoheal.ports.runs import Json
from autoheal.sandbox.model.conversation import Call, Prompt, Reply, Tool, Turn

PATH = "/chat/completions"
_CACHE_FROM, _CACHE_STEP = 1024, 128


def read(body: Mapping[str, Json], *, output: str) -> Prompt:
    """The prompt of a request; the tool whose name begins with `output` takes the typed answer."""
    messages = _items(body, "messages")
    tools = tuple(_tool(_object(item["function"])) for item in _items(body, "tools"))
    typed = next((tool for tool in tools if tool.name.startswith(output)), None)
    if typed is None and isinstance(body.get("response_format"), dict):
        typed = _format(_object(body["response_format"]))
    front = [*_items(body, "tools"), _object(body.get("response_format") or {}), *messages]
    canonical = "\n".join(json.dumps(item, ensure_ascii=False) for item in front).encode()
    return Prompt(
        wire="openai",
        model=str(body["model"]),
        turns=tuple(_turn(message) for message in messages),
        tools=tools,
        output=typed,
        canonical=canonical,
        cacheable_bytes=len(canonical),
        streamed=body.get("stream") is True,
    )


def write(prompt: Prompt, reply: Reply, number: int) -> dict[str, Json]:
    """The response of a call that was not streamed."""
    message: dict[str, Json] = {"role": "assistant", "content": reply.text or None, "refusal": None}
    if reply.calls:
        message["tool_calls"] = [_call(call, number, i) for i, call in enumerate(reply.calls)]
    choice: Json = {"index": 0, "message": message, "logprobs": None, "finish_reason": _finish(reply)}
    return {
        **_envelope(prompt, number, "chat.completion"),
        "choices": [choice],
        "usage": usage(prompt, reply),
    }


def stream(prompt: Prompt, reply: Reply, number: int) -> Iterator[bytes]:
    """The same response as server-sent events."""
    deltas: list[Json] = [{"role": "assistant", "content": reply.text or None}]
    for i, call in enumerate(reply.calls):
        deltas.append({"tool_calls": [{"index": i, **_call(call, number, i)}]})
    envelope = _envelope(prompt, number, "chat.completion.chunk")
    for delta in deltas:
        choice: Json = {"index": 0, "delta": delta, "finish_reason": None}
        yield _event({**envelope, "choices": [choice]})
    yield _event({**envelope, "choices": [{"index": 0, "delta": {}, "finish_reason": _finish(reply)}]})
    yield _event({**envelope, "choices": [], "usage": usage(prompt, reply)})
    yield b"data: [DONE]\n\n"


def error(status: int) -> dict[str, Json]:
    """The body of a refusal."""
    kind = "rate_limit_exceeded" if status == HTTPStatus.TOO_MANY_REQUESTS else "server_error"
    return {"error": {"message": f"refused with {status}", "type": kind, "param": None, "code": kind}}


def usage(prompt: Prompt, reply: Reply) -> dict[str, Json]:
    """What would be billed: the cache counts from 1,024 tokens on, in steps of 128."""
    cached = prompt.cached_tokens if prompt.cached_tokens >= _CACHE_FROM else 0
    return {
        "prompt_tokens": prompt.tokens,
        "completion_tokens": reply.tokens,
        "total_tokens": prompt.tokens + reply.tokens,
        "prompt_tokens_details": {"cached_tokens": cached - cached % _CACHE_STEP},
        "completion_tokens_details": {"reasoning_tokens": reply.reasoning},
    }


def _envelope(prompt: Prompt, number: int, kind: str) -> dict[str, Json]:
    return {"id": f"chatcmpl-{number}", "object": kind, "created": 1_795_183_600, "model": prompt.model}


def _finish(reply: Reply) -> str:
    return "tool_calls" if reply.calls else "stop"


def _call(call: Call, number: int, index: int) -> dict[str, Json]:
    arguments = call.arguments if isinstance(call.arguments, str) else json.dumps(dict(call.arguments))
    function: Json = {"name": call.name, "arguments": arguments}
    return {"id": f"call_{number}_{index}", "type": "function", "function": function}


def _event(chunk: Json) -> bytes:
    return b"data: " + json.dumps(chunk).encode() + b"\n\n"


def _tool(function: Mapping[str, Json]) -> Tool:
    schema = _object(function.get("parameters") or {})
    return Tool(name=str(function["name"]), description=str(function.get("description") or ""), schema=schema)


def _format(wanted: Mapping[str, Json]) -> Tool | None:
    if wanted.get("type") != "json_schema":
        return None
    named = _object(wanted["json_schema"])
    return Tool(name="", description=str(named.get("name") or ""), schema=_object(named.get("schema") or {}))


def _turn(message: Mapping[str, Json]) -> Turn:
    calls = [_object(call["function"]) for call in _items(message, "tool_calls")]
    role = str(message["role"])
    return Turn(
        role="system" if role == "developer" else role,
        text=text_of(message.get("content")),
        calls=tuple(Call(name=str(c["name"]), arguments=str(c["arguments"])) for c in calls),
    )


def text_of(content: Json) -> str:
    """The text of a message that may be a string or a list of parts."""
    if isinstance(content, list):
        return "\n".join(str(part.get("text", "")) for part in content if isinstance(part, dict))
    return content if isinstance(content, str) else ""


def _items(body: Mapping[str, Json], name: str) -> list[dict[str, Json]]:
    found = body.get(name) or []
    return [_object(item) for item in found] if isinstance(found, list) else []


def _object(value: Json) -> dict[str, Json]:
    if not isinstance(value, dict):
        raise TypeError(f"an object was expected, not {value!r}")
    return value
