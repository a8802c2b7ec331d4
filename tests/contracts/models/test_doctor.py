"""`autoheal doctor` asks each configured model something small, and tells each fault with its mend."""

from __future__ import annotations

import time
from collections.abc import Callable

import pytest
from pydantic import SecretStr
from tests.doubles.behaviors import failing, helpful, malformed
from tests.doubles.model_server import model_server

from autoheal.config import Config
from autoheal.integrations.models.config import ModelSettings
from autoheal.ports.runs import Json
from autoheal.reasoning.settings import ReasoningSettings
from autoheal.reports.checks import Check, Status, run
from autoheal.reports.model_checks import model_probes
from autoheal.sandbox.model.conversation import Behavior, Call, Prompt, answered
from autoheal.wiring import minds_of


def looked_at(behavior: Behavior) -> Check:
    with model_server(behavior) as server:
        settings = ModelSettings.model_validate(
            {
                "provider": "compatible",
                "model": "big",
                "url": server.openai,
                "key": SecretStr("sk-0123456789abcdefghij"),
                "retries": 0,
                "price": {"input": 1.0, "cached": 0.1, "output": 2.0},
            }
        )
        minds = minds_of(Config(models={"house": settings}), lambda: 0.0)
        (check,) = run(model_probes(minds.each(), ReasoningSettings()), timer=time.monotonic)
        return check


def _as_told(prompt: Prompt) -> dict[str, Json]:
    return {"word": prompt.turns[-1].text}


def test_a_model_that_calls_the_tool_and_answers_is_well() -> None:
    check = looked_at(helpful(_as_told, asks=[Call(name="tell_word", arguments={})]))
    assert (check.name, check.status) == ("model house", Status.OK)
    assert "tokens, $" in check.text


def test_a_model_that_makes_up_the_word_is_told() -> None:
    check = looked_at(lambda prompt: answered(prompt, {"word": "cypress"}))
    assert check.status is Status.WARN
    assert "did not use the tool" in check.text


@pytest.mark.criterion(123)
@pytest.mark.parametrize(
    "make",
    [lambda good: failing(good, status=401), lambda good: failing(good, status=404), lambda _: malformed],
)
def test_what_keeps_a_model_from_answering_is_told_with_the_mend(
    make: Callable[[Behavior], Behavior],
) -> None:
    check = looked_at(make(helpful(_as_told)))
    assert check.status is Status.FAIL
    assert "[models.house]" in check.mend
    assert "sk-0123456789abcdefghij" not in check.text


@pytest.mark.criterion(123)
def test_a_model_without_a_price_is_told_before_a_call_is_paid_for() -> None:
    with model_server(helpful(_as_told)) as server:
        bare = ModelSettings.model_validate({"provider": "compatible", "model": "big", "url": server.openai})
        (check,) = run(
            model_probes(minds_of(Config(models={"house": bare}), lambda: 0.0).each(), ReasoningSettings()),
            timer=time.monotonic,
        )
    assert (check.status, server.prompts) == (Status.FAIL, [])
    assert "models.house: the price of model 'big' is not known" in check.text


@pytest.mark.criterion(123)
def test_a_server_that_is_not_there_is_told_with_the_mend() -> None:
    with model_server(helpful(_as_told)) as server:
        gone = server.openai
    settings = {"provider": "compatible", "model": "big", "url": gone, "retries": 0}
    price = {"input": 0.0, "cached": 0.0, "output": 0.0}
    model = ModelSettings.model_validate({**settings, "price": price})
    (check,) = run(
        model_probes(minds_of(Config(models={"house": model}), lambda: 0.0).each(), ReasoningSettings()),
        timer=time.monotonic,
    )
    assert check.status is Status.FAIL
    assert "url" in check.mend


def test_doctor_says_where_the_tasks_of_each_stage_end() -> None:
    set_here = ReasoningSettings.model_validate(
        {"review": ["house"], "limits": {"review": {"input_tokens": 9_000}}, "seconds": 60}
    )
    (check,) = run(model_probes({}, set_here), timer=time.monotonic)
    assert check.name == "stage review"
    assert "house; each task ends at 9000 tokens read, 8000 written, 12 tool calls, 60 s" in str(check)
