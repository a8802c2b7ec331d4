"""Each check of the doctor: when it is content, when it is not, and that it names the mend."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from autoheal.domain.errors import ConfigError, UnreachableError
from autoheal.integrations.memory.actuator import MemoryActuator
from autoheal.integrations.memory.alerts import MemoryAlerts
from autoheal.integrations.memory.changes import MemoryChanges
from autoheal.integrations.memory.logs import MemoryLogs
from autoheal.integrations.memory.metrics import MemoryMetrics
from autoheal.integrations.memory.traces import MemoryTraces
from autoheal.policy.policy import Mode, Policy
from autoheal.ports.stores import RawEvent
from autoheal.ports.telemetry import AlertRule
from autoheal.reports.checks import (
    LEAST_FREE_BYTES,
    Check,
    Probe,
    Status,
    actuator_probe,
    changes_probe,
    clock_probe,
    disk_probe,
    healthy,
    logs_probe,
    metrics_probe,
    ok,
    policy_probe,
    programs_probe,
    rules_probe,
    run,
    store_probe,
    traces_probe,
)

NOW = datetime(2026, 11, 1, 12, tzinfo=UTC)


def check(probe: Probe) -> Check:
    (found,) = run([probe], timer=lambda: 0.0)
    return found


def metrics(*, label: str = "service", newest: float = 0.0) -> MemoryMetrics:
    source = MemoryMetrics()
    at = NOW.timestamp() - newest
    source.add("up", {label: "cart"}, [(at - 15, 1.0), (at, 1.0)])
    return source


def test_a_fed_metrics_backend_is_ok() -> None:
    found = check(metrics_probe(metrics(), label="service", now=NOW))
    assert (found.status, found.mend) == (Status.OK, "")
    assert "1 services" in found.text


def test_no_metrics_backend_fails_and_names_the_setting() -> None:
    found = check(metrics_probe(None, label="service", now=NOW))
    assert (found.status, found.mend) == (Status.FAIL, "set sources.prometheus.url")


def test_a_backend_that_knows_nothing_fails() -> None:
    assert check(metrics_probe(MemoryMetrics(), label="service", now=NOW)).status is Status.FAIL


def test_series_without_the_label_of_services_are_a_warning_that_names_the_setting() -> None:
    found = check(metrics_probe(metrics(label="job"), label="service", now=NOW))
    assert found.status is Status.WARN
    assert "healing.entity_label" in found.mend


def test_a_backend_that_refuses_fails_with_its_reason() -> None:
    source = metrics()
    source.broken = "503 from the proxy"
    found = check(metrics_probe(source, label="service", now=NOW))
    assert (found.status, found.text) == (Status.FAIL, "503 from the proxy")
    assert found.mend


def test_without_alerting_rules_nothing_would_ever_call() -> None:
    assert check(rules_probe(metrics())).status is Status.WARN
    assert check(rules_probe(None)).status is Status.SKIP
    source = metrics()
    source.rules = [AlertRule(name="A", expression="up == 0", for_seconds=5, state="firing", labels={})]
    assert check(rules_probe(source)).text == "1 alerting rules, 1 firing"


@pytest.mark.parametrize(
    ("newest", "status"),
    [(5.0, Status.OK), (299.0, Status.OK), (301.0, Status.WARN), (-400.0, Status.WARN)],
)
def test_samples_far_from_our_clock_are_not_ok(newest: float, status: Status) -> None:
    """In a backend with a look-back of five minutes such samples are not even found."""
    assert check(clock_probe(metrics(newest=newest), now=NOW)).status is status


def test_other_sources_are_skipped_when_absent_and_fail_when_broken() -> None:
    logs, traces, changes = MemoryLogs(), MemoryTraces(), MemoryChanges()
    logs.broken = traces.broken = changes.broken = "timed out"
    assert check(logs_probe(None, now=NOW)).status is Status.SKIP
    assert check(traces_probe(None, now=NOW)).status is Status.SKIP
    assert check(changes_probe([], now=NOW)).status is Status.WARN
    assert check(logs_probe(logs, now=NOW)).status is Status.FAIL
    assert check(traces_probe(traces, now=NOW)).status is Status.FAIL
    assert check(changes_probe([MemoryChanges(), changes], now=NOW)).status is Status.FAIL


def test_asking_the_platform_changes_nothing() -> None:
    actuator = MemoryActuator()
    assert check(actuator_probe(actuator)).status is Status.OK
    assert actuator.effects == []
    actuator.unreachable = "connection refused"
    assert check(actuator_probe(actuator)).status is Status.FAIL
    assert check(actuator_probe(None)).status is Status.WARN


def test_deliveries_that_wait_are_a_warning() -> None:
    store = MemoryAlerts(is_closed=lambda _: False)
    assert check(store_probe(store)).status is Status.OK
    store.append_event(RawEvent(id="e1", source="generic", received_at=NOW, body=b""))
    assert check(store_probe(store)).status is Status.WARN


def test_a_wrong_policy_fails_and_one_that_only_observes_is_a_warning() -> None:
    def broken() -> Policy:
        raise ConfigError("policy.yaml:3: modes: no such setting; did you mean mode?")

    assert check(policy_probe(Policy, "production")).status is Status.OK
    assert check(policy_probe(lambda: Policy(mode=Mode.OBSERVE), "production")).status is Status.WARN
    found = check(policy_probe(broken, "production"))
    assert (found.status, "policy.yaml:3" in found.text) == (Status.FAIL, True)


def test_a_nearly_full_disk_fails() -> None:
    assert check(disk_probe(lambda: LEAST_FREE_BYTES)).status is Status.OK
    assert check(disk_probe(lambda: LEAST_FREE_BYTES - 1)).status is Status.FAIL


def test_a_missing_program_is_named_with_what_needs_it() -> None:
    found = check(
        programs_probe({"promtool": None, "git": "/usr/bin/git"}, {"promtool": "proves alert rules"})
    )
    assert (found.status, found.text) == (Status.WARN, "promtool is missing (proves alert rules)")


def test_a_check_that_fails_stops_no_other() -> None:
    def unreachable() -> int:
        raise UnreachableError("gone")

    checks = run([disk_probe(unreachable), disk_probe(lambda: LEAST_FREE_BYTES)], timer=lambda: 0.0)
    assert [c.status for c in checks] == [Status.FAIL, Status.OK]
    assert not healthy(checks)
    assert healthy(checks[1:])


def test_a_check_says_how_long_it_took() -> None:
    ticks = iter([10.0, 12.5])
    (found,) = run([Probe(name="x", group="g", look=lambda: ok("fine"), mend="m")], timer=lambda: next(ticks))
    assert found.seconds == 2.5
