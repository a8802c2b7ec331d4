"""Runs one task on a model: tools, typed answer, limits; whatever goes wrong ends in a Thought."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Callable, Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TypeVar

import jsonschema
from pydantic import BaseModel
from pydantic_ai import Agent, ModelRetry, RunContext, Tool, ToolOutput
from pydantic_ai.capabilities import Caching, PrepareTools
from pydantic_ai.exceptions import UsageLimitExceeded
from pydantic_ai.models import Model
from pydantic_ai.models.fallback import FallbackModel
from pydantic_ai.tools import ToolDefinition
from pydantic_ai.usage import UsageLimits

from autoheal.domain.errors import ConfigError
from autoheal.integrations.models.config import ModelSettings
from autoheal.integrations.models.gate import Gate
from autoheal.integrations.models.meter import GatedModel, Meter, MeteredModel, tokens_of
from autoheal.integrations.models.vendors import vendor_model
from autoheal.policy.untrusted import PAGE, fit
from autoheal.ports import reasoning
from autoheal.ports.reasoning import Ending, Spent, Task, Thought
from autoheal.ports.runs import Json

T = TypeVar("T", bound=BaseModel)

_TRIES = 3
"""How often in a row an answer or a tool call may be sent back to be mended."""

_NO_MORE = "No more tool calls are left: answer now with what you have."


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelMind:
    """The models of one stage by name, in the order in which they stand in for one another."""

    models: Mapping[str, ModelSettings]
    gates: Mapping[str, Gate]
    dollars_left: float = math.inf

    def think(self, task: Task[T], *, spent: Callable[[Spent], None]) -> Thought[T]:
        """Answer the task; see the port."""
        first = next(iter(self.models))
        meter = Meter(limits=task.limits, spent=spent, dollars_left=self.dollars_left, asked=first)
        try:
            answer = asyncio.run(self._asked(task, meter))
        except UsageLimitExceeded:
            return _ended(meter, Ending.LIMIT, meter.reached or "the limit of its calls")
        except TimeoutError:
            return _ended(meter, Ending.LIMIT, f"the limit of {task.limits.seconds:g} seconds")
        except ConfigError as error:
            return _ended(meter, Ending.FAILED, self._told(error))
        except Exception as error:  # noqa: BLE001  clients of five vendors, each with errors of its own
            if meter.reached:
                return _ended(meter, Ending.LIMIT, meter.reached)
            return _ended(meter, Ending.FAILED, self._told(error))
        return Thought(answer=answer, ending=Ending.ANSWERED, model=meter.asked, tool_calls=meter.tool_calls)

    async def _asked(self, task: Task[T], meter: Meter) -> T:
        async with AsyncExitStack() as closing, asyncio.timeout(task.limits.seconds):
            agent = self._agent(task, meter, self._model(meter, closing))
            rounds = task.limits.tool_calls + 2 * _TRIES
            result = await agent.run(task.question, usage_limits=UsageLimits(request_limit=rounds))
            return _fitted(result.output)

    def _agent(self, task: Task[T], meter: Meter, model: Model) -> Agent[object, T]:
        agent: Agent[object, T] = Agent(
            model,
            output_type=ToolOutput(task.answer, name="final_result"),
            instructions=[task.instructions, task.context] if task.context else task.instructions,
            tools=[_tool(tool, meter) for tool in task.tools],
            retries={"tools": _TRIES, "output": _TRIES},
            capabilities=[Caching(), PrepareTools(_withdrawing(meter))],
        )
        agent.output_validator(_checking(task))
        return agent

    def _model(self, meter: Meter, closing: AsyncExitStack) -> Model:
        opened: list[Model] = []
        refused: list[ConfigError] = []
        for name, settings in self.models.items():
            try:
                settings.check_price(name, datetime.now(UTC))
                model = vendor_model(name, settings, closing)
            except ConfigError as error:
                refused.append(error)
            else:
                metered = MeteredModel(model, name=name, settings=settings, meter=meter)
                opened.append(GatedModel(metered, self.gates[name]))
        if not opened:
            raise ConfigError("; ".join(map(str, refused)))
        first, *others = opened
        return FallbackModel(first, *others, fallback_on=_another_may_do) if others else first

    def _told(self, error: BaseException) -> str:
        """The innermost errors in one line; a server that repeats our key in its refusal is not repeated."""
        inner: Sequence[BaseException] = (
            error.exceptions if isinstance(error, BaseExceptionGroup) else (error,)
        )
        text = "; ".join(" ".join(_named(one).split()) for one in inner)
        for settings in self.models.values():
            if settings.key is not None and settings.key.get_secret_value():
                text = text.replace(settings.key.get_secret_value(), "[the key]")
        return fit(text, 400)


def _another_may_do(error: Exception) -> bool:
    """Whatever fails at one vendor may work at the next; a limit is a limit everywhere."""
    return not isinstance(error, UsageLimitExceeded)


def _tool(tool: reasoning.Tool, meter: Meter) -> Tool[object]:
    schema = dict(tool.parameters)

    def call(**arguments: Json) -> str:
        if meter.tool_calls >= meter.limits.tool_calls:
            return _NO_MORE
        meter.tool_calls += 1
        problem = next(iter(jsonschema.Draft202012Validator(schema).iter_errors(arguments)), None)
        if problem is not None:
            raise ModelRetry(f"{tool.name}: {fit(problem.message, 300)}")
        return tool.call(arguments)

    # One after the other: evidence keeps the order in which it was asked for.
    return Tool.from_schema(call, tool.name, tool.description, schema, sequential=True)


def _withdrawing(
    meter: Meter,
) -> Callable[[RunContext[object], list[ToolDefinition]], list[ToolDefinition]]:
    """Offers no tools once the next call must be the last one."""

    def prepared(context: RunContext[object], tools: list[ToolDefinition]) -> list[ToolDefinition]:
        return [] if meter.last(tokens_of(context.messages)) else tools

    return prepared


def _checking(task: Task[T]) -> Callable[[T], T]:
    def checked(answer: T) -> T:
        objection = task.check(answer)
        if objection is not None:
            raise ModelRetry(objection)
        return answer

    return checked


def _fitted(answer: T) -> T:
    """What a model says is text that others may have dictated."""
    return type(answer).model_validate(_fit(answer.model_dump(mode="json")))


def _fit(value: Json) -> Json:
    if isinstance(value, str):
        return fit(value, PAGE)
    if isinstance(value, dict):
        return {key: _fit(item) for key, item in value.items()}
    return [_fit(item) for item in value] if isinstance(value, list) else value


def _ended(meter: Meter, ending: Ending, reason: str) -> Thought[T]:
    return Thought(answer=None, ending=ending, model=meter.asked, reason=reason, tool_calls=meter.tool_calls)


def _named(error: BaseException) -> str:
    return str(error) if isinstance(error, ConfigError) else f"{type(error).__name__}: {error}"
