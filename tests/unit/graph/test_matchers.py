"""Matchers mean what Alertmanager means, and no pattern runs away."""

from __future__ import annotations

import time

import pytest

from autoheal.domain.errors import ConfigError
from autoheal.graph.matchers import holds, narrows, parse, render


@pytest.mark.parametrize(
    ("text", "labels", "held"),
    [
        ('alertname="High"', {"alertname": "High"}, True),
        ('alertname="High"', {"alertname": "Higher"}, False),
        ('alertname!="High"', {}, True),
        ('alertname=~"High.*"', {"alertname": "Higher"}, True),
        ('alertname=~"High"', {"alertname": "Higher"}, False),
        ('alertname!~"High|Low"', {"alertname": "Low"}, False),
        ('env=""', {}, True),
    ],
)
def test_a_matcher_holds_as_in_alertmanager(text: str, labels: dict[str, str], *, held: bool) -> None:
    assert holds(parse(text), labels) is held


@pytest.mark.parametrize("text", ['a="b"', 'a=~"b|c"', r'a="say \"hi\""', r'a="back\\slash"'])
def test_a_matcher_is_written_as_it_is_read(text: str) -> None:
    assert render(parse(text)) == text


@pytest.mark.parametrize(
    "pattern", ["(a+)+$", "(a|a)*", "(.*a){9}", r"(a)\\1", "(?=a)", "a*b*c*d*", "a{1,9}{1,9}", "[", "a" * 300]
)
def test_a_pattern_that_could_run_away_is_refused(pattern: str) -> None:
    with pytest.raises(ConfigError):
        parse(f'alertname=~"{pattern}"')


def test_the_slowest_pattern_that_is_allowed_is_fast_on_the_longest_value() -> None:
    matcher = parse('alertname=~".*a.*b"')
    started = time.perf_counter()
    assert not holds(matcher, {"alertname": "a" * 100_000})
    assert time.perf_counter() - started < 0.1


@pytest.mark.parametrize("text", ['alertname=~".*"', 'alertname=~".+"', 'alertname!="x"', 'alertname=~"|x"'])
def test_a_matcher_that_any_alert_meets_does_not_narrow(text: str) -> None:
    assert not narrows(parse(text))
