"""Mitigations, approvals, verifications, fence epochs, and the switch that stops them all."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import cast

from sqlalchemy import CursorResult, select, text, update

from autoheal.domain.approval import Approval
from autoheal.domain.errors import NotFoundError
from autoheal.domain.mitigation import Mitigation, Verification
from autoheal.integrations.database import schema
from autoheal.integrations.database.codec import encode
from autoheal.integrations.database.connections import Connections
from autoheal.integrations.database.reading import words
from autoheal.integrations.database.writing import upsert

_KILL = "kill"
_RAISE_EPOCH = text(
    "INSERT INTO fence (target, epoch) VALUES (:target, 1)"
    " ON CONFLICT (target) DO UPDATE SET epoch = fence.epoch + 1 RETURNING epoch"
)


class DatabaseMitigations:
    """The MitigationStore on a database."""

    def __init__(self, connections: Connections) -> None:
        self._connections = connections

    def save(self, mitigation: Mitigation) -> None:
        """Insert or replace by id."""
        with self._connections.write() as connection:
            upsert(connection, schema.mitigation, _row(mitigation), "id")

    def transition(self, mitigation: Mitigation, *, expected_state: str) -> bool:
        """Replace only from the expected state; false when another was faster."""
        table = schema.mitigation
        where = (table.c.id == mitigation.id) & (table.c.state == str(expected_state))
        with self._connections.write() as connection:
            done = connection.execute(update(table).where(where).values(**_row(mitigation)))
        return cast("CursorResult[object]", done).rowcount == 1

    def get(self, mitigation_id: str) -> Mitigation:
        """One mitigation."""
        table = schema.mitigation
        found = words(self._connections, Mitigation, select(table.c.body).where(table.c.id == mitigation_id))
        if not found:
            raise NotFoundError(f"there is no mitigation {mitigation_id}; `autoheal action list` names them")
        return found[0]

    def of_incident(self, incident_id: str) -> Sequence[Mitigation]:
        """In the order they were proposed."""
        table = schema.mitigation
        query = select(table.c.body).where(table.c.incident_id == incident_id)
        return words(self._connections, Mitigation, query.order_by(table.c.at, table.c.id))

    def since(self, moment: datetime) -> Sequence[Mitigation]:
        """Proposed at or after a moment."""
        table = schema.mitigation
        query = select(table.c.body).where(table.c.at >= moment.timestamp()).order_by(table.c.at)
        return words(self._connections, Mitigation, query)

    def add_approval(self, approval: Approval) -> None:
        """Append one decision."""
        values = {
            "id": approval.id,
            "mitigation_id": approval.mitigation_id,
            "at": approval.decided_at.timestamp(),
            "used": approval.used_at is not None,
            "body": encode(approval),
        }
        with self._connections.write() as connection:
            connection.execute(schema.approval.insert().values(**values))

    def approvals(self, mitigation_id: str) -> Sequence[Approval]:
        """Decisions in the order they came."""
        table = schema.approval
        query = select(table.c.body).where(table.c.mitigation_id == mitigation_id)
        return words(self._connections, Approval, query.order_by(table.c.at, table.c.id))

    def use_approval(self, approval: Approval) -> bool:
        """Mark as used if it was unused."""
        table = schema.approval
        where = (table.c.id == approval.id) & table.c.used.is_(False)
        with self._connections.write() as connection:
            done = connection.execute(update(table).where(where).values(used=True, body=encode(approval)))
        return cast("CursorResult[object]", done).rowcount == 1

    def save_verification(self, verification: Verification) -> None:
        """Insert or replace by mitigation."""
        values = {"mitigation_id": verification.mitigation_id, "body": encode(verification)}
        with self._connections.write() as connection:
            upsert(connection, schema.verification, values, "mitigation_id")

    def verification(self, mitigation_id: str) -> Verification | None:
        """The judgment, once it is there."""
        table = schema.verification
        found = words(
            self._connections,
            Verification,
            select(table.c.body).where(table.c.mitigation_id == mitigation_id),
        )
        return found[0] if found else None

    def next_epoch(self, target: str) -> int:
        """Higher than any before; one statement, so that two racing writers never get the same."""
        with self._connections.write() as connection:
            return int(connection.execute(_RAISE_EPOCH, {"target": target}).scalar_one())

    def killed(self) -> str | None:
        """Why everything is stopped."""
        query = select(schema.switch.c.reason).where(schema.switch.c.name == _KILL)
        with self._connections.read() as connection:
            return connection.execute(query).scalar()

    def set_killed(self, reason: str | None) -> None:
        """Engage or release the kill switch."""
        with self._connections.write() as connection:
            upsert(connection, schema.switch, {"name": _KILL, "reason": reason}, "name")


def _row(mitigation: Mitigation) -> dict[str, object]:
    return {
        "id": mitigation.id,
        "incident_id": mitigation.incident_id,
        "at": mitigation.proposed_at.timestamp(),
        "state": mitigation.state.value,
        "body": encode(mitigation),
    }
