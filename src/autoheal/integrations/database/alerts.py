"""Raw deliveries, alert occurrences and their groups."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractContextManager
from datetime import UTC, datetime

from sqlalchemy import Row, select, update

from autoheal.domain.alert import Alert
from autoheal.domain.alert_group import AlertGroup
from autoheal.domain.errors import NotFoundError
from autoheal.domain.incident import IncidentState
from autoheal.integrations.database import schema
from autoheal.integrations.database.codec import decode, encode
from autoheal.integrations.database.connections import Connections
from autoheal.integrations.database.writing import upsert
from autoheal.ports.stores import RawEvent


class DatabaseAlerts:
    """The AlertStore on a database."""

    def __init__(self, connections: Connections) -> None:
        self._connections = connections

    def append_event(self, event: RawEvent) -> None:
        """Store the delivery; on disk when this returns."""
        values = {
            "id": event.id,
            "source": event.source,
            "at": event.received_at.timestamp(),
            "payload": event.body,
            "handled": event.handled,
        }
        with self._connections.write() as connection:
            connection.execute(schema.raw_event.insert().values(**values))

    def event(self, event_id: str) -> RawEvent:
        """One delivery."""
        query = select(schema.raw_event).where(schema.raw_event.c.id == event_id)
        with self._connections.read() as connection:
            found = connection.execute(query).first()
        if found is None:
            raise NotFoundError(f"there is no delivery {event_id}")
        return _event(found)

    def unhandled_events(self) -> Sequence[RawEvent]:
        """Acknowledged but not yet turned into alerts, oldest first."""
        table = schema.raw_event
        query = select(table).where(table.c.handled.is_(False)).order_by(table.c.at, table.c.id)
        with self._connections.read() as connection:
            return [_event(row) for row in connection.execute(query)]

    def exclusively(self) -> AbstractContextManager[None]:
        """One transaction without other writers of alerts in between."""
        return self._connections.exclusively()

    def mark_handled(self, event_id: str) -> None:
        """Note that its alerts are stored."""
        table = schema.raw_event
        with self._connections.write() as connection:
            connection.execute(update(table).where(table.c.id == event_id).values(handled=True))

    def occurrence(self, occurrence: str) -> Alert | None:
        """The latest known state of an occurrence."""
        query = select(schema.alert.c.body).where(schema.alert.c.occurrence == occurrence)
        with self._connections.read() as connection:
            body = connection.execute(query).scalar()
        return decode(Alert, body) if body is not None else None

    def save_alert(self, alert: Alert) -> None:
        """Insert or replace by occurrence."""
        latest = max(alert.starts_at, alert.ends_at or alert.starts_at)
        values = {"occurrence": alert.occurrence, "at": latest.timestamp(), "body": encode(alert)}
        with self._connections.write() as connection:
            upsert(connection, schema.alert, values, "occurrence")

    def alerts(self, *, since: datetime) -> Sequence[Alert]:
        """Occurrences that started or ended since, oldest first."""
        table = schema.alert
        query = select(table.c.body).where(table.c.at >= since.timestamp()).order_by(table.c.at)
        with self._connections.read() as connection:
            return [decode(Alert, body) for body in connection.execute(query).scalars()]

    def save_group(self, group: AlertGroup) -> None:
        """Insert or replace by id."""
        values = {
            "id": group.id,
            "incident_id": group.incident_id,
            "at": group.last_at.timestamp(),
            "body": encode(group),
        }
        with self._connections.write() as connection:
            upsert(connection, schema.alert_group, values, "id")

    def group(self, group_id: str) -> AlertGroup:
        """One group."""
        return self._one("id", group_id)

    def group_of_incident(self, incident_id: str) -> AlertGroup:
        """The group that opened an incident."""
        return self._one("incident_id", incident_id)

    def open_groups(self) -> Sequence[AlertGroup]:
        """Groups whose incident is not closed, newest first."""
        groups, incidents = schema.alert_group, schema.incident
        query = (
            select(groups.c.body)
            .join(incidents, incidents.c.id == groups.c.incident_id)
            .where(incidents.c.state != IncidentState.CLOSED.value)
            .order_by(groups.c.at.desc())
        )
        with self._connections.read() as connection:
            return [decode(AlertGroup, body) for body in connection.execute(query).scalars()]

    def _one(self, column: str, value: str) -> AlertGroup:
        query = select(schema.alert_group.c.body).where(schema.alert_group.c[column] == value)
        with self._connections.read() as connection:
            body = connection.execute(query).scalar()
        if body is None:
            raise NotFoundError(f"there is no alert group with {column} {value}")
        return decode(AlertGroup, body)


def _event(row: Row[tuple[object, ...]]) -> RawEvent:
    found = row._mapping  # noqa: SLF001  SQLAlchemy's documented way to a row by column
    return RawEvent(
        id=found["id"],
        source=found["source"],
        received_at=datetime.fromtimestamp(found["at"], tz=UTC),
        body=found["payload"],
        handled=found["handled"],
    )
