"""Rule files are edited in place, and what is written passes the real promtool."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from autoheal.integrations.prover.prover import SandboxedProver
from autoheal.learning.rule_file import (
    NewAlert,
    check_rules,
    find_rule,
    outcome,
    run_rule_tests,
    with_for,
    with_threshold,
)

SHOP = Path(__file__).parents[3] / "src" / "autoheal" / "sandbox" / "shop" / "alerts" / "shop.yml"
ALERT = NewAlert(
    name="EarlyCart",
    record="autoheal:cart:errors",
    expression='sum by (service) (rate(errors{status=~"5.."}[1m]))',
    service="cart",
    label="service",
    environment="sandbox",
    rises=True,
    threshold=0.2,
    hold=10.0,
    interval=5.0,
    summary='a "quoted" summary: {with} braces',
)


@pytest.fixture
def prover(tmp_path: Path) -> SandboxedProver:
    return SandboxedProver(tmp_path)


@pytest.mark.parametrize("alert", [ALERT, replace(ALERT, rises=False, threshold=-2, hold=0.0, interval=1.0)])
def test_a_new_rule_and_its_test_pass_promtool(prover: SandboxedProver, alert: NewAlert) -> None:
    files = {"alerts/new.yml": alert.text()}
    sick = 0.9 if alert.rises else -3.0
    tests = {"tests.yml": alert.test("alerts/new.yml", 0.01, sick)}
    assert outcome(check_rules(prover, files)) == "passed"
    assert outcome(run_rule_tests(prover, {**files, **tests}, list(tests))) == "passed"


def test_the_generated_test_fails_for_a_rule_that_would_not_fire(prover: SandboxedProver) -> None:
    files = {"new.yml": replace(ALERT, threshold=5.0).text()}
    tests = {"tests.yml": ALERT.test("new.yml", 0.01, 0.9)}
    assert not run_rule_tests(prover, {**files, **tests}, list(tests)).passed


def test_a_broken_rule_does_not_pass(prover: SandboxedProver) -> None:
    broken = check_rules(prover, {"new.yml": replace(ALERT, expression="sum by (").text()})
    assert outcome(broken).startswith("FAILED")


def test_the_wait_of_one_rule_changes_and_no_other_line(prover: SandboxedProver) -> None:
    text = SHOP.read_text()
    found = find_rule({"a.yml": text}, "HighLatency")
    assert found is not None
    changed = with_for(text, found, 90)
    differing = [(a, b) for a, b in zip(text.splitlines(), changed.splitlines(), strict=True) if a != b]
    assert differing == [("        for: 4s", "        for: 90s")]
    assert check_rules(prover, {"a.yml": changed}).passed


@pytest.mark.parametrize(
    ("name", "old", "before", "after"),
    [("HighErrorRate", 0.08, "> 0.08", "> 0.5"), ("MemoryGrowth", 250e6, "> 250e6", "> 0.5")],
)
def test_a_threshold_is_found_by_its_value(name: str, old: float, before: str, after: str) -> None:
    text = SHOP.read_text()
    found = find_rule({"a.yml": text}, name)
    assert found is not None
    changed = with_threshold(text, found, old, "0.5") or ""
    assert (text.count(before), changed.count(before), changed.count(after)) == (1, 0, 1)


def test_a_rule_that_is_there_twice_or_not_at_all_is_not_touched() -> None:
    text = SHOP.read_text()
    assert find_rule({"a.yml": text, "b.yml": text}, "HighLatency") is None
    assert find_rule({"a.yml": text}, "Unknown") is None
    found = find_rule({"a.yml": text}, "HighLatency")
    assert found is not None
    assert with_threshold(text, found, 123.0, "1") is None
