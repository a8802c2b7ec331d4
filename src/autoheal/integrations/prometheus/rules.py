"""Reads the alerting rules of the rules API."""

from __future__ import annotations

from collections.abc import Iterator

from autoheal.ports.telemetry import AlertRule


def alert_rules(data: object) -> Iterator[AlertRule]:
    """The alerting rules; what has not their shape is skipped."""
    for group in _objects(data, "groups"):
        file = str(group.get("file", ""))
        for rule in _objects(group, "rules"):
            if rule.get("type") == "alerting" and rule.get("name") and rule.get("query"):
                yield _rule(rule, file)


def _rule(rule: dict[str, object], file: str) -> AlertRule:
    labels = rule.get("labels")
    held = rule.get("duration")
    return AlertRule(
        name=str(rule["name"]),
        expression=str(rule["query"]),
        for_seconds=float(held) if isinstance(held, int | float) else 0.0,
        state=str(rule.get("state", "inactive")),
        labels={str(k): str(v) for k, v in labels.items()} if isinstance(labels, dict) else {},
        file=file,
    )


def _objects(parent: object, key: str) -> list[dict[str, object]]:
    children = parent.get(key) if isinstance(parent, dict) else None
    return [child for child in children if isinstance(child, dict)] if isinstance(children, list) else []
