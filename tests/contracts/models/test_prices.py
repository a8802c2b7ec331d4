"""Every call has a price of its day; what is not known is an error and not free."""

from __future__ import annotations

from datetime import date

import pytest

from autoheal.domain.errors import ConfigError
from autoheal.integrations.models.prices import price_of, table

DAY = date(2026, 11, 20)


def test_the_price_of_the_day_counts() -> None:
    before = price_of("claude-sonnet-5-5", on=date(2026, 10, 6))
    after = price_of("claude-sonnet-5-5", on=date(2026, 10, 7))
    assert (before.cached, after.cached) == (0.20, 0.10)


@pytest.mark.parametrize(
    "name",
    [
        "claude-opus-5-5",
        "claude-opus-5.5",
        "claude-opus-5-5-20261001",
        "us.anthropic.claude-opus-5-5-20261001-v1:0",
        "claude-opus-5-5-latest",
    ],
)
def test_regions_dates_and_versions_do_not_hide_a_model(name: str) -> None:
    assert price_of(name, on=DAY).input == 4.0


def test_a_long_prompt_is_priced_as_a_whole_by_its_own_row() -> None:
    short, long = (price_of("claude-haiku-5.5", on=DAY, input_tokens=size) for size in (100_000, 100_001))
    assert (short.input, long.input) == (0.10, 0.50)
    assert long.dollars(input_tokens=200_000, cached_tokens=100_000, output_tokens=0) == pytest.approx(0.055)


@pytest.mark.parametrize("name", ["claude-opus-5-7", "claude-opus-55", "gpt-6-lunar", "llama4", ""])
def test_an_unknown_model_is_an_error_and_not_free(name: str) -> None:
    with pytest.raises(ConfigError, match="price of model"):
        price_of(name, on=DAY)


def test_a_model_has_no_price_before_its_first_row() -> None:
    first = min(table(), key=lambda row: row.since)
    with pytest.raises(ConfigError, match="later day"):
        price_of(first.model, on=date(2020, 1, 1))
