"""What a model is asked and what it says, whichever wire format carried it."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

from autoheal.ports.runs import Json

BYTES_PER_TOKEN = 4
"""English text and JSON need about four bytes a token; the exact tokenizer is the vendor's and not here."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Tool:
    """A tool as the model sees it: also its description is text that somebody else may have written."""

    name: str
    description: str
    schema: Mapping[str, Json]


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """A tool that the model wants called; arguments as text are sent as they stand, valid JSON or not."""

    name: str
    arguments: Mapping[str, Json] | str


@dataclass(frozen=True, slots=True, kw_only=True)
class Turn:
    """One message: role is system, user, assistant or tool; failed marks a tool result that is an error."""

    role: str
    text: str
    calls: tuple[Call, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Prompt:
    """One request; output is the tool or schema that the typed answer must fit, if there is one.

    canonical is everything the vendor counts, in the order its cache reads it: tools, system, messages;
    cacheable_bytes is how much of it the vendor would keep.
    """

    wire: str
    model: str
    turns: tuple[Turn, ...]
    tools: tuple[Tool, ...]
    output: Tool | None
    canonical: bytes
    cacheable_bytes: int
    cached_bytes: int = 0
    streamed: bool = False

    @property
    def tokens(self) -> int:
        """Tokens of the whole prompt."""
        return -(-len(self.canonical) // BYTES_PER_TOKEN)

    @property
    def cached_tokens(self) -> int:
        """Tokens at the front that an earlier prompt began with too."""
        return self.cached_bytes // BYTES_PER_TOKEN

    @property
    def text(self) -> str:
        """Every word the model can read, tools included."""
        tools = [f"{tool.name}: {tool.description}" for tool in self.tools]
        return "\n".join([*tools, *(turn.text for turn in self.turns)])

    @property
    def called(self) -> tuple[Call, ...]:
        """What the model called so far in this conversation, in order."""
        return tuple(call for turn in self.turns for call in turn.calls)


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """What the model says; a status other than 200 brings the vendor's error; raw is sent as it is."""

    text: str = ""
    calls: tuple[Call, ...] = ()
    seconds: float = 0.0
    status: int = 200
    retry_after: float | None = None
    raw: bytes | None = None
    reasoning: int = 0
    """Tokens of thinking that is billed and not shown."""

    @property
    def tokens(self) -> int:
        """Tokens that were written, thinking included."""
        said = self.text + "".join(call.name + str(call.arguments) for call in self.calls)
        return self.reasoning + max(1, -(-len(said.encode()) // BYTES_PER_TOKEN))


Behavior = Callable[[Prompt], Reply]


def answered(prompt: Prompt, value: Mapping[str, Json]) -> Reply:
    """The typed answer in the form the prompt wants it: a call of the output tool, or JSON as text."""
    if prompt.output is None or not prompt.output.name:
        return Reply(text=json.dumps(dict(value)))
    return Reply(calls=(Call(name=prompt.output.name, arguments=value),))


def scalars(value: Json) -> Iterator[str | float]:
    """Every text and number inside a JSON value."""
    if isinstance(value, dict):
        for item in value.values():
            yield from scalars(item)
    elif isinstance(value, list):
        for item in value:
            yield from scalars(item)
    elif isinstance(value, str | int | float) and not isinstance(value, bool):
        yield value
