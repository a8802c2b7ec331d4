"""Raw deliveries, alert occurrences and groups in dictionaries; one lock makes a transaction."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from copy import copy
from dataclasses import dataclass, field, replace
from datetime import datetime

from autoheal.domain.alert import Alert
from autoheal.domain.alert_group import AlertGroup
from autoheal.domain.errors import NotFoundError
from autoheal.ports.stores import RawEvent


@dataclass(slots=True, kw_only=True)
class MemoryAlerts:
    """An AlertStore; `is_closed` tells whether an incident is closed."""

    is_closed: Callable[[str], bool]
    _events: dict[str, RawEvent] = field(default_factory=dict)
    _alerts: dict[str, Alert] = field(default_factory=dict)
    _groups: dict[str, AlertGroup] = field(default_factory=dict)
    _lock: threading.RLock = field(default_factory=threading.RLock)

    def append_event(self, event: RawEvent) -> None:
        """Keep the delivery."""
        self._events[event.id] = event

    def event(self, event_id: str) -> RawEvent:
        """One delivery; raises NotFoundError."""
        if event_id not in self._events:
            raise NotFoundError(f"no delivery {event_id}")
        return self._events[event_id]

    def unhandled_events(self) -> Sequence[RawEvent]:
        """Deliveries without alerts yet, oldest first."""
        return [event for event in self._events.values() if not event.handled]

    @contextmanager
    def exclusively(self) -> Iterator[None]:
        """One writer at a time; a failure restores what was before."""
        with self._lock:
            before = copy(self._events), copy(self._alerts), copy(self._groups)
            try:
                yield
            except BaseException:
                self._events, self._alerts, self._groups = before
                raise

    def mark_handled(self, event_id: str) -> None:
        """Note that its alerts are stored."""
        self._events[event_id] = replace(self.event(event_id), handled=True)

    def occurrence(self, occurrence: str) -> Alert | None:
        """The latest known state."""
        return self._alerts.get(occurrence)

    def save_alert(self, alert: Alert) -> None:
        """Insert or replace."""
        self._alerts[alert.occurrence] = alert

    def alerts(self, *, since: datetime) -> Sequence[Alert]:
        """Occurrences that started or ended since then."""
        found = (a for a in self._alerts.values() if max(a.starts_at, a.ends_at or a.starts_at) >= since)
        return sorted(found, key=lambda alert: alert.starts_at)

    def save_group(self, group: AlertGroup) -> None:
        """Insert or replace."""
        self._groups[group.id] = group

    def group(self, group_id: str) -> AlertGroup:
        """One group; raises NotFoundError."""
        if group_id not in self._groups:
            raise NotFoundError(f"no alert group {group_id}")
        return self._groups[group_id]

    def group_of_incident(self, incident_id: str) -> AlertGroup:
        """The group that opened an incident; raises NotFoundError."""
        for group in self._groups.values():
            if group.incident_id == incident_id:
                return group
        raise NotFoundError(f"no alert group opened incident {incident_id}")

    def open_groups(self) -> Sequence[AlertGroup]:
        """Groups whose incident is not closed, newest first."""
        return [group for group in reversed(self._groups.values()) if not self.is_closed(group.incident_id)]
