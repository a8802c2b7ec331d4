"""A policy file is read strictly, and a slip never widens what is allowed."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from autoheal.domain.errors import ConfigError
from autoheal.policy.file import parse
from autoheal.policy.policy import Mode


def test_an_empty_table_gives_the_safe_defaults() -> None:
    assert parse("{}", where="p.yaml").mode is Mode.PROPOSE


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("mod: auto", "p.yaml: mod: no such setting; did you mean mode?"),
        ("mode: ", "p.yaml: mode:"),
        ("mode: all", "p.yaml: mode:"),
        ("a: &x 1\nb: *x", "p.yaml:1: anchors, aliases and tags are not allowed"),
        ("mode: propose\nmode: auto", "p.yaml:2: mode is given twice"),
        ("- 1", "p.yaml: a policy is a table of settings, this is list"),
        ("mode: [", "p.yaml: not YAML"),
        ("cooldown: {same_target: 15}", "p.yaml: cooldown.same_target: a duration is"),
        ("freeze: [{name: x, days: [fri], start: 16:00, end: 18:00}]", "a time of day stands in quotes"),
        ("actions: {delete: {}}", "p.yaml: actions.delete"),
        ("rates: {per_incident: -1}", "p.yaml: rates.per_incident"),
        ("mode: " + "x" * 70_000, "larger than 65536 bytes"),
    ],
)
def test_a_slip_is_one_clear_line(text: str, says: str) -> None:
    with pytest.raises(ConfigError) as error:
        parse(text, where="p.yaml")
    assert says in str(error.value)
    assert "\n" not in str(error.value)


@given(st.text(max_size=200))
@settings(max_examples=300)
def test_no_text_crashes_the_reader_or_turns_on_automatic_mode_unsaid(text: str) -> None:
    try:
        policy = parse(text, where="p.yaml")
    except ConfigError:
        return
    assert policy.mode is not Mode.AUTO or "auto" in text
