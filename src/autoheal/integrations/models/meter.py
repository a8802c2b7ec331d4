"""Counts what models read and write over the calls of one task; none begins that would break a limit."""

from __future__ import annotations

import json
import math
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime

from pydantic_ai.exceptions import UsageLimitExceeded
from pydantic_ai.messages import ModelMessage, ModelMessagesTypeAdapter, ModelResponse
from pydantic_ai.models import Model, ModelRequestParameters
from pydantic_ai.models.wrapper import WrapperModel
from pydantic_ai.settings import ModelSettings as CallSettings
from pydantic_ai.usage import RequestUsage

from autoheal.integrations.models.config import ModelSettings
from autoheal.integrations.models.gate import Gate
from autoheal.ports.reasoning import Limits, Spent

_BYTES_PER_TOKEN = 3.5
"""English text and JSON need about four bytes a token: too low a figure errs on the safe side."""


@dataclass(slots=True, kw_only=True)
class Meter:
    """One task's tokens, tool calls and dollars so far; asked is the model that was asked last.

    dollars_left is what the day still has; per_guess is how many tokens the vendor counted for each one that
    we guessed, where it counted more.
    """

    limits: Limits
    spent: Callable[[Spent], None]
    dollars_left: float = math.inf
    asked: str = ""
    input_tokens: int = 0
    output_tokens: int = 0
    tool_calls: int = 0
    dollars: float = 0.0
    per_guess: float = 1.0
    begun: float = field(default_factory=time.monotonic)
    reached: str = ""

    @property
    def output_left(self) -> int:
        """How many tokens may still be written."""
        return max(self.limits.output_tokens - self.output_tokens, 0)

    def admit(self, size: int) -> None:
        """Raise UsageLimitExceeded where a call that reads about that many tokens would break a limit."""
        if self.input_tokens + size * self.per_guess > self.limits.input_tokens:
            self._stop(f"the limit of {self.limits.input_tokens} input tokens")
        if not self.output_left:
            self._stop(f"the limit of {self.limits.output_tokens} output tokens")
        if self.dollars >= self.dollars_left:
            self._stop("the limit of dollars a day")

    def last(self, size: int) -> bool:
        """Whether a call of about that size leaves no room for another one, or no tool call is left."""
        return (
            self.tool_calls >= self.limits.tool_calls
            or self.input_tokens + 2.5 * size * self.per_guess > self.limits.input_tokens
            or self.output_tokens > 0.8 * self.limits.output_tokens
            or time.monotonic() - self.begun > 0.7 * self.limits.seconds
        )

    def heard(self, call: Spent, size: int) -> None:
        """Count a call that was guessed to read that many tokens, and pass it on."""
        self.input_tokens += call.input_tokens
        self.output_tokens += call.output_tokens
        self.dollars += call.dollars
        self.per_guess = max(self.per_guess, call.input_tokens / max(size, 1))
        self.spent(call)

    def _stop(self, limit: str) -> None:
        self.reached = limit
        raise UsageLimitExceeded(limit)


def tokens_of(messages: list[ModelMessage], parameters: ModelRequestParameters | None = None) -> int:
    """About how many tokens a request has."""
    size = len(ModelMessagesTypeAdapter.dump_json(messages))
    tools = [*parameters.function_tools, *parameters.output_tools] if parameters else []
    size += sum(len(tool.name + (tool.description or "")) for tool in tools)
    size += sum(len(json.dumps(tool.parameters_json_schema)) for tool in tools)
    return int(size / _BYTES_PER_TOKEN)


class MeteredModel(WrapperModel):
    """A model each of whose calls is admitted, timed, priced and counted."""

    def __init__(self, wrapped: Model, *, name: str, settings: ModelSettings, meter: Meter) -> None:
        super().__init__(wrapped)
        self._name = name
        self._vendor = settings
        self._meter = meter

    async def request(
        self,
        messages: list[ModelMessage],
        model_settings: CallSettings | None,
        model_request_parameters: ModelRequestParameters,
    ) -> ModelResponse:
        """One call of the model."""
        size = tokens_of(messages, model_request_parameters)
        self._meter.admit(size)
        self._meter.asked = self._name
        within = CallSettings(**(self.wrapped.settings or {}) | (model_settings or {}))
        within["max_tokens"] = self._meter.output_left
        begun = time.monotonic()
        response = await super().request(messages, within, model_request_parameters)
        usage = _counted(response, size)
        self._meter.heard(self._spent(usage, time.monotonic() - begun), size)
        return response

    def _spent(self, usage: RequestUsage, seconds: float) -> Spent:
        price = self._vendor.price_on(datetime.now(UTC).date(), input_tokens=usage.input_tokens)
        return Spent(
            model=self._name,
            input_tokens=usage.input_tokens,
            cached_tokens=usage.cache_read_tokens,
            output_tokens=usage.output_tokens,
            reasoning_tokens=usage.output_reasoning_tokens,
            seconds=seconds,
            dollars=price.dollars(
                input_tokens=usage.input_tokens,
                cached_tokens=usage.cache_read_tokens,
                output_tokens=usage.output_tokens,
                written_tokens=usage.cache_write_tokens,
            ),
        )


class GatedModel(WrapperModel):
    """A model each of whose calls waits for its turn."""

    def __init__(self, wrapped: Model, gate: Gate) -> None:
        super().__init__(wrapped)
        self._gate = gate

    async def request(
        self,
        messages: list[ModelMessage],
        model_settings: CallSettings | None,
        model_request_parameters: ModelRequestParameters,
    ) -> ModelResponse:
        """One call of the model."""
        async with self._gate.passed():
            return await super().request(messages, model_settings, model_request_parameters)


def _counted(response: ModelResponse, size: int) -> RequestUsage:
    """The vendor's count, else our guess: a server that counts nothing must not think without limits."""
    usage = response.usage
    return replace(
        usage,
        input_tokens=usage.input_tokens or size,
        output_tokens=usage.output_tokens or tokens_of([response]),
    )
