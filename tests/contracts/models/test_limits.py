"""Limits hold over each call of a task, also where a server counts nothing, too much, or repeats a key."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date

import pytest
from pydantic import BaseModel, SecretStr
from pydantic_ai.exceptions import UsageLimitExceeded
from tests.doubles.behaviors import looping
from tests.doubles.model_server import ModelServer, model_server

from autoheal.integrations.models.config import ModelSettings
from autoheal.integrations.models.meter import Meter
from autoheal.integrations.models.minds import ConfiguredMinds
from autoheal.integrations.models.prices import Price, price_of
from autoheal.ports.reasoning import Ending, Limits, Mind, Spent, Stage, Task, Thought, Tool
from autoheal.reasoning.settings import ReasoningSettings
from autoheal.sandbox.model.conversation import Behavior, Prompt, Reply, answered

LIMITS = Limits(input_tokens=4_000, output_tokens=1_000, tool_calls=30, seconds=20)


class Said(BaseModel):
    """The typed answer of these tests."""

    verdict: str


def task(limits: Limits = LIMITS) -> Task[Said]:
    tool = Tool(
        name="look",
        description="Look once.",
        parameters={"type": "object", "properties": {}},
        call=lambda arguments: f"rows: {len(arguments)}",
    )
    return Task(
        incident_id="inc_1",
        stage=Stage.INVESTIGATE,
        instructions="You investigate. " * 60,
        context="",
        question="Checkout fails.",
        answer=Said,
        limits=limits,
        tools=(tool,),
    )


def settings_of(server: ModelServer, *, key: str = "none", dollars: float = 1.0) -> ModelSettings:
    price = Price(input=dollars, cached=dollars, output=dollars)
    return ModelSettings.model_validate(
        {
            "provider": "compatible",
            "model": "big",
            "url": server.openai,
            "key": SecretStr(key),
            "retries": 0,
            "price": price,
        }
    )


@contextmanager
def asking(behavior: Behavior, *, key: str = "none") -> Iterator[tuple[ModelServer, Mind]]:
    with model_server(behavior) as server:
        yield server, mind_of(house=settings_of(server, key=key))


def mind_of(*, dollars_today: float = 0.0, **models: ModelSettings) -> Mind:
    minds = ConfiguredMinds(
        models=models,
        settings=ReasoningSettings(investigate=tuple(models)),
        dollars_today=lambda: dollars_today,
    )
    mind = minds.of(Stage.INVESTIGATE)
    assert mind is not None
    return mind


def think(mind: Mind, asked: Task[Said] | None = None) -> tuple[Thought[Said], list[Spent]]:
    spent: list[Spent] = []
    return mind.think(asked or task(), spent=spent.append), spent


def counted(prompt: Prompt, usage: dict[str, int] | None) -> Reply:
    """Looks once more, with that count, or none."""
    call = {"id": "c1", "type": "function", "function": {"name": "look", "arguments": "{}"}}
    choice = {
        "index": 0,
        "finish_reason": "tool_calls",
        "message": {"role": "assistant", "content": None, "tool_calls": [call]},
    }
    body = {"id": "x", "object": "chat.completion", "created": 1, "model": prompt.model, "choices": [choice]}
    return Reply(raw=json.dumps(body if usage is None else {**body, "usage": usage}).encode())


@pytest.mark.criterion(28)
def test_a_server_that_counts_no_tokens_is_held_to_our_own_guess() -> None:
    with asking(lambda prompt: counted(prompt, None)) as (server, mind):
        thought, spent = think(mind)
    assert thought.ending is not Ending.ANSWERED
    assert sum(prompt.tokens for prompt in server.prompts) <= LIMITS.input_tokens
    assert all(call.input_tokens > 0 and call.dollars > 0 for call in spent)


@pytest.mark.criterion(28)
def test_a_tokenizer_that_counts_more_than_we_guess_brings_no_call_over_the_limit() -> None:
    def dense(prompt: Prompt) -> Reply:
        read = 5 * prompt.tokens
        return counted(prompt, {"prompt_tokens": read, "completion_tokens": 5, "total_tokens": read + 5})

    with asking(dense) as (_, mind):
        _, spent = think(mind)
    assert 0 < sum(call.input_tokens for call in spent) <= LIMITS.input_tokens


@pytest.mark.criterion(28)
def test_each_call_may_write_only_what_is_left() -> None:
    meter = Meter(limits=LIMITS, spent=lambda call: None)  # noqa: ARG005  nobody listens
    assert meter.output_left == 1_000
    meter.heard(written(700), size=10)
    assert meter.output_left == 300
    meter.heard(written(400), size=10)
    with pytest.raises(UsageLimitExceeded, match="output tokens"):
        meter.admit(10)


@pytest.mark.criterion(28)
def test_thinking_ends_within_a_task_once_the_day_s_dollars_are_gone() -> None:
    with model_server(looping) as server:
        mind = mind_of(dollars_today=49.0, house=settings_of(server, dollars=10_000.0))
        thought, spent = think(mind)
    assert (thought.ending, len(spent), len(server.prompts)) == (Ending.LIMIT, 1, 1)
    assert "dollars a day" in thought.reason


def test_a_key_that_a_server_repeats_in_its_refusal_is_not_told() -> None:
    key = "plain-words-as-a-key"
    refusal = json.dumps({"error": {"message": f"no such key: {key}", "type": "auth"}}).encode()
    with asking(lambda _: Reply(status=401, raw=refusal), key=key) as (_, mind):
        thought, _ = think(mind)
    assert thought.ending is Ending.FAILED
    assert "no such key: [the key]" in thought.reason


def test_a_model_that_cannot_be_opened_leaves_the_others_to_be_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    keyless = ModelSettings(provider="google", model="gemini", price=Price(input=1, cached=1, output=1))
    for name in ("GOOGLE_API_KEY", "GEMINI_API_KEY"):
        monkeypatch.delenv(name, raising=False)
    with model_server(lambda prompt: answered(prompt, {"verdict": "cause"})) as server:
        both = mind_of(keyless=keyless, house=settings_of(server))
        assert think(both)[0].answer == Said(verdict="cause")
        alone, _ = think(mind_of(keyless=keyless))
    assert (alone.answer, alone.ending) == (None, Ending.FAILED)
    assert alone.reason.startswith("models.keyless: ")


def test_what_is_written_to_a_vendor_s_cache_has_its_own_price() -> None:
    price = price_of("claude-opus-5.5", on=date(2026, 11, 20))
    cost = price.dollars(input_tokens=3_000, cached_tokens=1_000, output_tokens=0, written_tokens=1_000)
    assert cost == pytest.approx((1_000 * 4.0 + 1_000 * 0.2 + 1_000 * 5.0) / 1e6)


def written(tokens: int) -> Spent:
    return Spent(
        model="house",
        input_tokens=1,
        cached_tokens=0,
        output_tokens=tokens,
        reasoning_tokens=0,
        seconds=0.1,
        dollars=0.0,
    )
