"""What we ask of an AI model: one typed answer, with read-only tools, within limits that hold."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Generic, Protocol, TypeVar

from pydantic import BaseModel

from autoheal.ports.runs import Json

T = TypeVar("T", bound=BaseModel)


class Stage(StrEnum):
    """What a model is asked for; each stage has its own models and limits in the settings."""

    INVESTIGATE = "investigate"
    REVIEW = "review"
    WRITE = "write"
    PATCH = "patch"


@dataclass(frozen=True, slots=True, kw_only=True)
class Tool:
    """One thing a model may do while it thinks; it only reads, except in a scratch copy that is thrown away.

    parameters is a JSON Schema of an object. call gets arguments that fit it and answers text that is fit to
    be shown to a model; it does not raise for what production or the model does.
    """

    name: str
    description: str
    parameters: Mapping[str, Json]
    call: Callable[[Mapping[str, Json]], str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """Where thinking ends, whatever the model wants; tokens over all of its calls, time in seconds."""

    input_tokens: int
    output_tokens: int
    tool_calls: int
    seconds: float

    def within(self, other: Limits) -> Limits:
        """Whichever limit is reached first, one by one."""
        return Limits(
            input_tokens=min(self.input_tokens, other.input_tokens),
            output_tokens=min(self.output_tokens, other.output_tokens),
            tool_calls=min(self.tool_calls, other.tool_calls),
            seconds=min(self.seconds, other.seconds),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Task(Generic[T]):
    """One question to a model, ordered so that what stays the same comes first and prompt caches hit.

    instructions are our words and the same for every incident; context is what is known of production and
    changes slowly; question is this incident. What others wrote stands in context and question as quotations
    (`policy.untrusted.quoted`). check answers why an answer cannot stand, for the model to mend, or None.
    """

    incident_id: str
    stage: Stage
    instructions: str
    context: str
    question: str
    answer: type[T]
    limits: Limits
    tools: tuple[Tool, ...] = ()
    check: Callable[[T], str | None] = lambda answer: None  # noqa: ARG005  by default every answer stands


@dataclass(frozen=True, slots=True, kw_only=True)
class Spent:
    """What one call of a model cost: input_tokens includes the cached ones, output_tokens the reasoning.

    Money in US dollars, by the price at that time.
    """

    model: str
    input_tokens: int
    cached_tokens: int
    output_tokens: int
    reasoning_tokens: int
    seconds: float
    dollars: float


class Ending(StrEnum):
    """Why a model stopped thinking."""

    ANSWERED = "answered"
    LIMIT = "limit"
    FAILED = "failed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Thought(Generic[T]):
    """What came of a task.

    At a limit, answer is the last one that was given and would have stood, if any; reason says in one line
    which limit or what failed; model is the one that answered, or that was asked last.
    """

    answer: T | None
    ending: Ending
    model: str
    reason: str = ""
    tool_calls: int = 0


class Mind(Protocol):
    """A model, or several that stand in for each other."""

    def think(self, task: Task[T], *, spent: Callable[[Spent], None]) -> Thought[T]:
        """Answer the task; `spent` hears of each call once it is over; a model's fault is no exception."""
        ...


class Minds(Protocol):
    """The models that are configured, by stage."""

    def of(self, stage: Stage, *, other_than: Collection[str] = ()) -> Mind | None:
        """Who thinks at that stage, but for those named, under whatever name, or None."""
        ...

    def each(self) -> Mapping[str, Mind]:
        """Every configured model on its own, whether a stage names it or not."""
        ...
