"""Minds for the model server: helpful, slow, rate-limited, malformed, lying and looping ones.

A behavior is a function from a prompt to a reply; those that take another one change what it says.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

from autoheal.ports.runs import Json
from autoheal.sandbox.model.conversation import Behavior, Call, Prompt, Reply, answered
from autoheal.sandbox.model.schema import instance

_NUMBER = re.compile(r"(?<![\w.])\d+(?:\.\d+)?")


def scripted(*replies: Reply) -> Behavior:
    """Says the replies in order, whatever it is asked; the last one from then on."""
    left = list(replies)

    def behave(prompt: Prompt) -> Reply:
        del prompt
        return left.pop(0) if len(left) > 1 else left[0]

    return behave


def helpful(answer: Callable[[Prompt], Mapping[str, Json]], *, asks: Sequence[Call] = ()) -> Behavior:
    """Calls each of the tools once, one a turn, then gives the answer that it reads off the prompt."""

    def behave(prompt: Prompt) -> Reply:
        offered = {tool.name for tool in prompt.tools}
        done = len([call for call in prompt.called if call.name in {ask.name for ask in asks}])
        left = [ask for ask in asks if ask.name in offered][done:]
        return Reply(calls=(left[0],)) if left else answered(prompt, answer(prompt))

    return behave


def slow(behavior: Behavior, *, seconds: float) -> Behavior:
    """Says the same, later."""
    return lambda prompt: replace(behavior(prompt), seconds=seconds)


def failing(
    behavior: Behavior, *, status: int, times: int = 1_000_000, retry_after: float | None = None
) -> Behavior:
    """Refuses some calls with a status (429 with Retry-After, 500, 529), then behaves."""
    left = [times]

    def behave(prompt: Prompt) -> Reply:
        if left[0] > 0:
            left[0] -= 1
            return Reply(status=status, retry_after=retry_after)
        return behavior(prompt)

    return behave


def rate_limited(behavior: Behavior, *, times: int, retry_after: float) -> Behavior:
    """Refuses the first calls with 429 and Retry-After (seconds)."""
    return failing(behavior, status=429, times=times, retry_after=retry_after)


def malformed(prompt: Prompt) -> Reply:
    """Begins the typed answer and never ends it."""
    name = prompt.output.name if prompt.output else ""
    broken = '{"hypotheses": [{"entity": "chec'
    return Reply(calls=(Call(name=name, arguments=broken),)) if name else Reply(text=broken)


def garbled(prompt: Prompt) -> Reply:
    """Answers with something that is no JSON at all, as a broken proxy does."""
    del prompt
    return Reply(raw=b"<html>502 Bad Gateway</html>")


def lying(behavior: Behavior) -> Behavior:
    """Gives the same answer with every number wrong, in fields and in prose."""

    def behave(prompt: Prompt) -> Reply:
        reply = behavior(prompt)
        output = prompt.output.name if prompt.output else ""
        calls = tuple(_falsified(call) if call.name == output else call for call in reply.calls)
        return replace(reply, calls=calls, text=_false(reply.text) if not reply.calls else reply.text)

    return behave


def looping(prompt: Prompt) -> Reply:
    """Calls the first tool again and again and never answers."""
    output = prompt.output.name if prompt.output else ""
    tools = [tool for tool in prompt.tools if tool.name != output]
    if not tools:
        return Reply(text="let me look once more")
    given = instance(tools[0].schema, lambda name, schema: None)  # noqa: ARG005  no wish for any field
    return Reply(calls=(Call(name=tools[0].name, arguments=given if isinstance(given, dict) else {}),))


def _falsified(call: Call) -> Call:
    if isinstance(call.arguments, str):
        return replace(call, arguments=_false(call.arguments))
    return replace(call, arguments={key: _wrong(value) for key, value in call.arguments.items()})


def _wrong(value: Json) -> Json:
    if isinstance(value, dict):
        return {key: _wrong(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_wrong(item) for item in value]
    if isinstance(value, bool) or value is None:
        return value
    if isinstance(value, str):
        return _false(value) if " " in value else value  # a single word is a name or an id: left alone
    return value * 3 + 7


def _false(text: str) -> str:
    return _NUMBER.sub(lambda found: f"{float(found[0]) * 3 + 7:g}", text)
