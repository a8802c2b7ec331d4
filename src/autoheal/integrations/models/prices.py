"""What a model costs per token on a day; a model without a price is an error and not free."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Sequence
from datetime import date
from functools import cache
from importlib.resources import files

from pydantic import BaseModel, ConfigDict, Field

from autoheal.domain.errors import ConfigError

_MILLION = 1_000_000


class Price(BaseModel):
    """US dollars per million tokens: fresh input, input from and to the vendor's cache, and output."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    input: float = Field(ge=0, description="dollars per million input tokens")
    cached: float = Field(ge=0, description="dollars per million input tokens read from the vendor's cache")
    output: float = Field(ge=0, description="dollars per million output tokens")
    write: float | None = Field(
        default=None,
        ge=0,
        description="dollars per million input tokens written to the vendor's cache; else as input",
    )

    def dollars(
        self, *, input_tokens: int, cached_tokens: int, output_tokens: int, written_tokens: int = 0
    ) -> float:
        """What a call costs; input_tokens includes those read from the cache and those written to it."""
        fresh = max(input_tokens - cached_tokens - written_tokens, 0)
        write = self.input if self.write is None else self.write
        read = fresh * self.input + cached_tokens * self.cached + written_tokens * write
        return (read + output_tokens * self.output) / _MILLION


class DatedPrice(Price):
    """A row of the table: from that day on, for prompts above that many tokens."""

    model: str
    since: date
    input_tokens_above: int = 0

    def holds_for(self, input_tokens: int) -> bool:
        """Whether a prompt of that length has this price."""
        return not self.input_tokens_above or input_tokens > self.input_tokens_above


@cache
def table() -> tuple[DatedPrice, ...]:
    """The table that comes with the product."""
    text = files(__package__).joinpath("prices.toml").read_text(encoding="utf-8")
    return tuple(DatedPrice.model_validate(row) for row in tomllib.loads(text)["price"])


def price_of(
    model: str, *, on: date, input_tokens: int = 0, rows: Sequence[DatedPrice] | None = None
) -> Price:
    """The price of a vendor's model for a prompt of that length on a day (UTC); raises ConfigError.

    Vendors add regions, dates and versions to a name: the longest listed name that begins or follows the
    vendor's prefix counts.
    """
    plain = _plain(model)
    listed = [row for row in (table() if rows is None else rows) if _is(_plain(row.model), plain)]
    fitting = [row for row in listed if row.since <= on and row.holds_for(input_tokens)]
    if not fitting:
        known = "only from a later day on" if listed else "not known"
        raise ConfigError(
            f"the price of model {model!r} is {known}; "
            "state it, as in price = { input = 0.0, cached = 0.0, output = 0.0 }"
        )
    return max(fitting, key=lambda row: (len(row.model), row.since, row.input_tokens_above))


def _plain(name: str) -> str:
    return re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")


def _is(listed: str, name: str) -> bool:
    # A short number behind the name is another version of the model, a long one is a date.
    return re.search(rf"(^|-){re.escape(listed)}(?!-\d{{1,3}}(-|$))(-|$)", name) is not None
