"""The same occurrence once, in whatever order and however often it is delivered."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime, timedelta

from autoheal.alerts.normalize import UNSTATED_START
from autoheal.domain.alert import Alert, AlertStatus


def lineage(alert: Alert) -> str:
    """What all occurrences of one alert share: the occurrence key without its start."""
    return f"{alert.source}:{alert.fingerprint}:"


def starts(alert: Alert, occurrences: Iterable[str]) -> list[datetime]:
    """When the other occurrences of this alert started."""
    prefix = lineage(alert)
    keys = (key for key in occurrences if key.startswith(prefix) and key != alert.occurrence)
    return [datetime.fromisoformat(key.removeprefix(prefix)) for key in keys]


def flaps(occurrences: Iterable[str]) -> int:
    """How often alerts of a group fired again: occurrences beyond the first of each alert."""
    keys = set(occurrences)
    return len(keys) - len({_lineage_of(key) for key in keys})


def pin(alert: Alert, firing: Iterable[str], received_at: datetime) -> Alert:
    """Give an alert without a stated start that of the occurrence that fires now, or the time it came."""
    if alert.starts_at != UNSTATED_START:
        return alert
    return replace(alert, starts_at=max(starts(alert, firing), default=received_at))


def merge(known: Alert | None, new: Alert, *, received_at: datetime, reorder_seconds: float) -> Alert:
    """The state of an occurrence after one more delivery.

    A resolve is final, for a firing delivery may be overtaken by it. Only one that comes much later is news:
    Prometheus keeps the start while Alertmanager has lost touch and resolved by timeout.
    """
    if known is None:
        return new
    if new.status is AlertStatus.RESOLVED:
        return replace(known, status=AlertStatus.RESOLVED, ends_at=new.ends_at)
    if known.status is AlertStatus.FIRING or _is_news(known, received_at, reorder_seconds):
        return new
    return replace(new, status=AlertStatus.RESOLVED, ends_at=known.ends_at)


def end(alert: Alert, at: datetime) -> Alert:
    """The occurrence as ended by a younger one of the same alert, whose resolve never came."""
    if alert.status is AlertStatus.RESOLVED:
        return alert
    return replace(alert, status=AlertStatus.RESOLVED, ends_at=at)


def _is_news(known: Alert, received_at: datetime, reorder_seconds: float) -> bool:
    return known.ends_at is not None and received_at - known.ends_at > timedelta(seconds=reorder_seconds)


def _lineage_of(key: str) -> str:
    # The start is ISO 8601 in UTC: 19 or 26 characters and `+00:00`, which holds a colon at a fixed place.
    head, _, tail = key.rpartition("T")
    return head[: -len("2026-11-20")] if tail else key
