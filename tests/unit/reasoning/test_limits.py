"""Each stage ends where it is told to; a review ends earlier than an investigation by itself."""

from __future__ import annotations

from dataclasses import astuple

import pytest
from pydantic import ValidationError

from autoheal.ports.reasoning import Stage
from autoheal.reasoning.settings import ReasoningSettings


def test_without_a_word_a_review_is_smaller_than_an_investigation_in_everything() -> None:
    settings = ReasoningSettings()
    whole, review = (astuple(settings.limits_of(stage)) for stage in (Stage.INVESTIGATE, Stage.REVIEW))
    assert all(less < more for less, more in zip(review, whole, strict=True))
    assert settings.limits_of(Stage.PATCH) == settings.limits_of(Stage.INVESTIGATE)


@pytest.mark.parametrize("stage", list(Stage))
def test_what_is_set_for_one_stage_holds_there_and_nowhere_else(stage: Stage) -> None:
    settings = ReasoningSettings.model_validate({"limits": {stage: {"input_tokens": 300_000}}})
    raised = [other for other in Stage if settings.limits_of(other).input_tokens == 300_000]
    assert raised == [stage]


def test_a_lower_limit_for_all_holds_for_reviews_too() -> None:
    assert ReasoningSettings(input_tokens=5_000).limits_of(Stage.REVIEW).input_tokens == 5_000


def test_a_limit_of_a_stage_that_there_is_not_is_refused() -> None:
    with pytest.raises(ValidationError, match="guess"):
        ReasoningSettings.model_validate({"limits": {"guess": {"seconds": 1}}})
