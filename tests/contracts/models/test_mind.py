"""A model answers over HTTP in two vendors' formats; whatever it does, limits hold and nothing raises."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field, replace

import pytest
from pydantic import BaseModel, SecretStr
from tests.doubles.behaviors import (
    failing,
    garbled,
    helpful,
    looping,
    lying,
    malformed,
    rate_limited,
    scripted,
    slow,
)
from tests.doubles.model_server import ModelServer, model_server

from autoheal.integrations.models.config import ModelSettings
from autoheal.integrations.models.minds import ConfiguredMinds
from autoheal.integrations.models.prices import Price
from autoheal.ports.reasoning import Ending, Limits, Spent, Stage, Task, Thought, Tool
from autoheal.ports.runs import Json
from autoheal.reasoning.settings import ReasoningSettings
from autoheal.sandbox.model.conversation import Behavior, Call, Prompt, Reply

KEY = "sk-canary-0123456789abcdefghij"
LIMITS = Limits(input_tokens=50_000, output_tokens=5_000, tool_calls=6, seconds=20)
PRICE = Price(input=2.0, cached=0.2, output=10.0)


class Said(BaseModel):
    """The typed answer of these tests."""

    verdict: str
    confidence: float


@dataclass(kw_only=True)
class Asked:
    """A model server with the mind that asks it."""

    server: ModelServer
    settings: ModelSettings
    limits: Limits = LIMITS
    dollars_today: float = 0.0
    spent: list[Spent] = field(default_factory=list)
    asked_tools: list[Mapping[str, Json]] = field(default_factory=list)
    check: Callable[[Said], str | None] = lambda answer: None  # noqa: ARG005  every answer stands
    standby: ModelSettings | None = None

    def think(self) -> Thought[Said]:
        """Ask the one question of these tests."""
        models = {"first": self.settings} | ({"second": self.standby} if self.standby else {})
        minds = ConfiguredMinds(
            models=models,
            settings=ReasoningSettings(investigate=tuple(models)),
            dollars_today=lambda: self.dollars_today,
        )
        mind = minds.of(Stage.INVESTIGATE)
        assert mind is not None
        return mind.think(self._task(), spent=self.spent.append)

    def _task(self) -> Task[Said]:
        def look(arguments: Mapping[str, Json]) -> str:
            self.asked_tools.append(arguments)
            return "rows: 3"

        tool = Tool(
            name="query_metrics",
            description="Ask for a metric.",
            parameters={
                "type": "object",
                "properties": {"expression": {"type": "string", "maxLength": 20}},
                "required": ["expression"],
                "additionalProperties": False,
            },
            call=look,
        )
        return Task(
            incident_id="inc_1",
            stage=Stage.INVESTIGATE,
            instructions="You investigate incidents. " * 120,
            context="The shop has five services. " * 40,
            question="Checkout fails since noon.",
            answer=Said,
            limits=self.limits,
            tools=(tool,),
            check=self.check,
        )


def _answer(prompt: Prompt) -> dict[str, Json]:
    del prompt
    return {"verdict": "cause", "confidence": 0.8}


LOOK = Call(name="query_metrics", arguments={"expression": "up"})
GOOD = helpful(_answer, asks=[LOOK])
Ask = Callable[[Behavior], Asked]


@pytest.fixture(params=["compatible", "anthropic"])
def ask(request: pytest.FixtureRequest) -> Iterator[Ask]:
    """Serves a behavior and gives the mind that asks it, in one of the vendors' formats."""
    with ExitStack() as stack:

        def asked(behavior: Behavior) -> Asked:
            server = stack.enter_context(model_server(behavior))
            url = server.openai if request.param == "compatible" else server.url
            settings = ModelSettings.model_validate(
                {
                    "provider": request.param,
                    "model": "big",
                    "url": url,
                    "key": SecretStr(KEY),
                    "timeout_seconds": 5,
                    "retries": 1,
                    "price": PRICE,
                }
            )
            return Asked(server=server, settings=settings)

        yield asked


def test_a_helpful_model_looks_and_gives_the_typed_answer(ask: Ask) -> None:
    asked = ask(GOOD)
    thought = asked.think()
    assert (thought.answer, thought.ending) == (Said(verdict="cause", confidence=0.8), Ending.ANSWERED)
    assert (thought.model, thought.tool_calls) == ("first", 1)
    assert asked.asked_tools == [{"expression": "up"}]


@pytest.mark.criterion(100)
def test_each_call_is_counted_and_priced_as_the_vendor_counts_it(ask: Ask) -> None:
    asked = ask(GOOD)
    asked.think()
    prompts = asked.server.prompts
    assert [call.input_tokens for call in asked.spent] == [prompt.tokens for prompt in prompts]
    assert {call.model for call in asked.spent} == {"first"}
    for call in asked.spent:
        fresh = call.input_tokens - call.cached_tokens
        cost = (fresh * 2.0 + call.cached_tokens * 0.2 + call.output_tokens * 10.0) / 1e6
        assert call.dollars == pytest.approx(cost)


def test_the_second_call_repeats_the_first_as_its_prefix(ask: Ask) -> None:
    asked = ask(GOOD)
    asked.think()
    first, second = asked.spent
    assert second.cached_tokens >= 0.6 * second.input_tokens
    assert first.cached_tokens == 0


def test_no_tool_is_called_with_arguments_that_do_not_fit(ask: Ask) -> None:
    bad = Call(name="query_metrics", arguments={"expression": "x" * 21})
    extra = Call(name="query_metrics", arguments={"expression": "up", "shell": "rm"})
    asked = ask(scripted(Reply(calls=(bad,)), Reply(calls=(extra,)), Reply(calls=(LOOK,)), _final()))
    assert asked.think().ending is Ending.ANSWERED
    assert asked.asked_tools == [{"expression": "up"}]


@pytest.mark.criterion(119)
def test_a_tool_that_was_not_offered_is_never_called(ask: Ask) -> None:
    other = Call(name="restart_service", arguments={"service": "checkout"})
    asked = ask(scripted(Reply(calls=(other,)), Reply(calls=(LOOK,)), _final()))
    assert asked.think().ending is Ending.ANSWERED
    assert asked.asked_tools == [{"expression": "up"}]


def test_an_answer_that_does_not_stand_goes_back_with_the_objection(ask: Ask) -> None:
    asked = ask(scripted(_final("guess"), _final("cause")))
    asked.check = lambda said: "the verdict must not be a guess" if said.verdict == "guess" else None
    assert asked.think().answer == Said(verdict="cause", confidence=0.8)
    assert "the verdict must not be a guess" in asked.server.prompts[1].turns[-1].text


def test_a_model_that_keeps_lying_is_told_so_and_then_not_believed(ask: Ask) -> None:
    asked = ask(lying(GOOD))
    asked.check = lambda said: None if said.confidence == 0.8 else f"{said.confidence:g} is in no evidence"
    thought = asked.think()
    assert (thought.answer, thought.ending) == (None, Ending.FAILED)
    assert "9.4 is in no evidence" in asked.server.prompts[-1].turns[-1].text
    assert len(asked.server.prompts) <= 6


@pytest.mark.criterion(28)
def test_a_model_that_only_looks_is_stopped_at_the_limit_of_its_calls(ask: Ask) -> None:
    asked = ask(looping)
    thought = asked.think()
    assert thought.answer is None
    assert len(asked.asked_tools) <= LIMITS.tool_calls
    assert len(asked.server.prompts) <= LIMITS.tool_calls + 8


@pytest.mark.criterion(28)
def test_no_call_begins_that_would_read_more_than_the_limit(ask: Ask) -> None:
    asked = ask(looping)
    asked.limits = replace(LIMITS, input_tokens=3_000, tool_calls=100)
    thought = asked.think()
    assert sum(prompt.tokens for prompt in asked.server.prompts) <= 3_000
    assert thought.ending in (Ending.LIMIT, Ending.FAILED)


@pytest.mark.criterion(28)
def test_near_the_limit_the_tools_are_withdrawn_and_an_answer_is_had(ask: Ask) -> None:
    def looks_while_it_can(prompt: Prompt) -> Reply:
        offered = {tool.name for tool in prompt.tools}
        return Reply(calls=(LOOK,)) if "query_metrics" in offered else _final()

    asked = ask(looks_while_it_can)
    thought = asked.think()
    assert (thought.ending, thought.tool_calls) == (Ending.ANSWERED, LIMITS.tool_calls)


@pytest.mark.criterion(28)
def test_a_slow_model_is_left_at_the_limit_of_time(ask: Ask) -> None:
    asked = ask(slow(GOOD, seconds=3))
    asked.limits = replace(LIMITS, seconds=0.5)
    thought = asked.think()
    assert (thought.answer, thought.ending) == (None, Ending.LIMIT)
    assert "0.5 seconds" in thought.reason


@pytest.mark.parametrize(
    "behavior", [malformed, garbled, failing(GOOD, status=500), failing(GOOD, status=401)]
)
def test_what_goes_wrong_ends_in_one_line_without_the_key(ask: Ask, behavior: Behavior) -> None:
    thought = ask(behavior).think()
    assert (thought.answer, thought.ending) == (None, Ending.FAILED)
    assert thought.reason
    assert "\n" not in thought.reason
    assert KEY not in thought.reason


def test_a_rate_limit_is_waited_for(ask: Ask) -> None:
    assert ask(rate_limited(GOOD, times=1, retry_after=0.1)).think().ending is Ending.ANSWERED


@pytest.mark.parametrize("behavior", [failing(GOOD, status=500), garbled, failing(GOOD, status=429)])
def test_another_model_stands_in(ask: Ask, behavior: Behavior) -> None:
    asked = ask(behavior)
    asked.standby = ask(GOOD).settings
    thought = asked.think()
    assert (thought.ending, thought.model) == (Ending.ANSWERED, "second")
    assert {call.model for call in asked.spent} == {"second"}


def test_when_the_day_s_money_is_gone_no_model_is_asked(ask: Ask) -> None:
    asked = ask(GOOD)
    asked.dollars_today = 50.0
    thought = asked.think()
    assert (thought.ending, asked.server.prompts) == (Ending.LIMIT, [])
    assert "$50.00" in thought.reason


def test_what_a_model_says_is_cleaned_before_anybody_reads_it(ask: Ask) -> None:
    asked = ask(scripted(_final("cause\x1b[2J\u202e")))
    answer = asked.think().answer
    assert answer is not None
    assert answer.verdict == "cause"


def test_no_model_means_no_mind_and_no_import() -> None:
    program = (
        "import sys; from autoheal.config import Config; from autoheal.wiring import minds_of;"
        "from autoheal.ports.reasoning import Stage;"
        "assert minds_of(Config(), lambda: 0.0).of(Stage.REVIEW) is None;"
        "print(*[name for name in ('pydantic_ai', 'openai', 'anthropic') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == ""


def _final(verdict: str = "cause") -> Reply:
    return Reply(calls=(Call(name="final_result", arguments={"verdict": verdict, "confidence": 0.8}),))
