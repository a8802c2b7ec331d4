"""The door for alerts: durable before it is acknowledged, each occurrence once, bounded in what may wait."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime

from autoheal.alerts.fit import fit_alert
from autoheal.alerts.normalize import UNKNOWN_ENVIRONMENT
from autoheal.alerts.payload import MAX_BYTES
from autoheal.alerts.seat import Seating
from autoheal.alerts.settings import AlertSettings
from autoheal.domain.alert import Alert
from autoheal.domain.alert_group import AlertGroup
from autoheal.domain.errors import MalformedError, NotFoundError, OverloadedError
from autoheal.domain.incident import IncidentState
from autoheal.ports.machine import Clock, Ids
from autoheal.ports.runs import Runs
from autoheal.ports.stores import AlertStore, GraphStore, IncidentStore, RawEvent
from autoheal.ports.telemetry import AlertDecoder

HEAL = "heal"
RESOLVED = "resolved"


@dataclass(frozen=True, slots=True, kw_only=True)
class Intake:
    """Takes deliveries in, from any thread; `environment` is that of alerts that name none."""

    alerts: AlertStore
    incidents: IncidentStore
    graph: GraphStore
    runs: Runs
    clock: Clock
    ids: Ids
    decoders: Mapping[str, AlertDecoder]
    settings: AlertSettings = field(default_factory=AlertSettings)
    environment: str = UNKNOWN_ENVIRONMENT
    _doors: threading.BoundedSemaphore = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_doors", threading.BoundedSemaphore(self.settings.pending))

    def receive(self, source: str, body: bytes) -> str:
        """Store one delivery for good, then act on it; returns its event id.

        Raises NotFoundError for an unknown source, MalformedError, and OverloadedError before anything is
        stored. Whatever fails afterwards is made up for by `sweep`, so the sender may also just try again.
        """
        decoder = self._decoder(source)
        with self._door():
            event = RawEvent(id=self.ids.new("evt"), source=source, received_at=self.clock.now(), body=body)
            alerts = _decode(decoder, event)
            self.alerts.append_event(event)
            self._handle(event, alerts)
        return event.id

    def sweep(self) -> Sequence[str]:
        """Finish what a crash or a lost message left: returns ids of stored deliveries that nobody can read.

        Call it at start and every few seconds: it also opens incidents for alerts that outlast theirs.
        """
        unreadable = [event.id for event in self.alerts.unhandled_events() if not self._retry(event)]
        with self.alerts.exclusively():
            self._seating(self.clock.now()).reopen_held()
        for group in self.alerts.open_groups():
            self._advance(group, self.incidents.get(group.incident_id).state)
        return unreadable

    def _retry(self, event: RawEvent) -> bool:
        decoder = self.decoders.get(event.source)
        if decoder is None:
            return False
        try:
            alerts = _decode(decoder, event)
        except MalformedError:
            return False  # it was readable when it was accepted: kept, and reported by the caller
        self._handle(event, alerts)
        return True

    def _handle(self, event: RawEvent, alerts: Sequence[Alert]) -> None:
        with self.alerts.exclusively():
            if self.alerts.event(event.id).handled:
                return
            turned = self._seating(event.received_at).seat_all(alerts)
            self.alerts.mark_handled(event.id)
        for candidate in turned:
            self._advance(candidate.group, candidate.incident.state)

    def _advance(self, group: AlertGroup, state: IncidentState) -> None:
        """Start the healing run of a new incident; tell a run when all its alerts are resolved."""
        if state is IncidentState.OPEN:
            self.runs.start(HEAL, group.incident_id)
        if not group.firing and state is not IncidentState.CLOSED:
            once = f"{group.incident_id}:{group.last_at.isoformat()}"
            self.runs.tell(HEAL, group.incident_id, RESOLVED, True, once=once)  # noqa: FBT003  the message itself

    def _seating(self, now: datetime) -> Seating:
        return Seating(
            alerts=self.alerts,
            incidents=self.incidents,
            graph=self.graph,
            ids=self.ids,
            settings=self.settings,
            environment=self.environment,
            now=now,
        )

    def _decoder(self, source: str) -> AlertDecoder:
        if source not in self.decoders:
            known = ", ".join(sorted(self.decoders))
            raise NotFoundError(f"no alert source is called {source[:80]!r}; known: {known}")
        return self.decoders[source]

    @contextmanager
    def _door(self) -> Iterator[None]:
        """Never queue: a sender that is told at once tries again, one that hangs gives up."""
        if not self._doors.acquire(blocking=False):
            raise OverloadedError(f"{self.settings.pending} deliveries are being handled already; try again")
        try:
            yield
        finally:
            self._doors.release()


def _decode(decoder: AlertDecoder, event: RawEvent) -> Sequence[Alert]:
    if len(event.body) > MAX_BYTES:
        raise MalformedError(f"the payload has {len(event.body)} bytes; the limit is {MAX_BYTES}")
    alerts = decoder.decode(event.body, event_id=event.id, received_at=event.received_at)
    return [fit_alert(alert) for alert in alerts]
