"""Diffs: edits that break things score high, edits that cannot score low."""

from __future__ import annotations

import pytest

from autoheal.diagnosis.diff_risk import risk_of

RISKY = {
    "a guard is removed": (
        "-    if user is None:\n-        return None\n-    return user.name\n+    return user.name",
        "app/user.py",
    ),
    "a timeout shrinks": (
        "-    timeout = 5 * time.Second\n+    timeout = 200 * time.Millisecond",
        "svc/client.go",
    ),
    "a limit leaves a query": (
        "-    SELECT id FROM events WHERE tenant = ? LIMIT 50\n+    SELECT id FROM events WHERE tenant = ?",
        "svc/query.go",
    ),
    "a loop calls out": (
        "-    names = order.names\n+    for line in order.lines:\n+        names += [catalog.get(line.sku)]",
        "svc/order.py",
    ),
    "a level becomes debug": (
        "-  level: info\n-  sample_rate: 0.1\n+  level: debug\n+  sample_rate: 1.0",
        "svc/config/log.yaml",
    ),
    "a field is renamed": (
        '-    "title": {"type": "text"},\n+    "name": {"type": "text"},',
        "svc/mapping.go",
    ),
    "a call is dropped": ("-    register_agents(registry)\n-    registry.warm()", "svc/boot.py"),
}

HARMLESS = {
    "documentation": ("-old words\n+new words", "docs/guide.md"),
    "a test": ("+    assert total == 3", "svc/order_test.go"),
    "a stylesheet": ("-  padding: 4px;\n+  padding: 8px;", "web/static/site.css"),
    "a dependency bump": ("-\tlib v1.2.3\n+\tlib v1.2.4", "go.mod"),
    "a comment": ("-// counts the lines\n+// counts all the lines", "svc/order.go"),
    "a slight tuning": ("-  cache_entries: 50000\n+  cache_entries: 55000", "svc/config/cache.yaml"),
}


@pytest.mark.parametrize("name", sorted(RISKY))
def test_a_breaking_edit_is_risky(name: str) -> None:
    diff, path = RISKY[name]
    found = risk_of(diff, (path,), "refactor: tidy")
    assert found.score >= 0.4
    assert found.reasons


@pytest.mark.parametrize("name", sorted(HARMLESS))
def test_an_edit_that_cannot_break_is_not(name: str) -> None:
    diff, path = HARMLESS[name]
    assert risk_of(diff, (path,), "chore: tidy").score < 0.3


def test_a_configuration_file_is_known_as_one() -> None:
    assert risk_of("-a: 1\n+a: 9", ("svc/settings.yaml",), "tune").config
    assert not risk_of("-a = 1\n+a = 9", ("svc/code.py",), "tune").config
