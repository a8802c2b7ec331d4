"""What an incident's investigations saw and concluded is deleted; who did it, when and why stays for good."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path

from autoheal.domain.decision_trace import DELETED, DecisionTrace
from autoheal.domain.errors import ConflictError, UserError
from autoheal.domain.incident import IncidentState, TimelineEntry
from autoheal.healing.correct import CORRECTION
from autoheal.healing.investigate import TRACE
from autoheal.healing.judge import JUDGED
from autoheal.healing.skill_credit import SHADOW
from autoheal.healing.theory import WEIGHED
from autoheal.learning.prose import WRITTEN
from autoheal.policy.masking import mask
from autoheal.policy.untrusted import fit
from autoheal.ports.machine import Clock
from autoheal.ports.stores import Audit, IncidentStore

CONTENT = frozenset({TRACE, CORRECTION, WEIGHED, SHADOW, JUDGED, WRITTEN})
"""Kinds of records that repeat what was seen or thought; what was done to production stays readable."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Tombstone:
    """What stays of a deleted investigation: who deleted it, when, why, and how many records it had."""

    incident_id: str
    actor: str
    at: datetime
    reason: str
    records: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Deletion:
    """Deletes investigations from the stores and from the folders of recorded cases."""

    incidents: IncidentStore
    audit: Audit
    clock: Clock
    whole: Callable[[], AbstractContextManager[None]]
    folders: tuple[Path, ...]

    def delete(self, incident_id: str, *, actor: str, reason: str) -> Tombstone:
        """Delete evidence, hypotheses, traces, timeline and recordings of a closed incident.

        Its times, outcome, cost, actions with their approvals, and proposals stay. Raises ConflictError for
        an incident that is not closed or has nothing left to delete, UserError without a reason.
        """
        if not reason.strip():
            raise UserError("say why it is deleted: the reason is what stays")
        incident = self.incidents.get(incident_id)
        if incident.state is not IncidentState.CLOSED:
            raise ConflictError(f"{incident_id} is {incident.state}: only what is closed can be deleted")
        if incident.deleted_at is not None:
            raise ConflictError(f"{incident_id} was deleted at {incident.deleted_at.isoformat()} already")
        now = self.clock.now()
        why = fit(mask(reason))
        for folder in self.folders:
            shutil.rmtree(folder / incident_id, ignore_errors=True)
        with self.whole():
            buried = self.audit.bury(incident_id=incident_id, kinds=CONTENT, actor=actor, reason=why)
            self.incidents.forget(incident_id)
            self.incidents.save(replace(incident, impact="", novelty_reason="", deleted_at=now))
            text = f"deleted by {actor}: {why}"
            self.incidents.add_timeline(
                incident_id, TimelineEntry(at=now, kind="human", text=text, actor=actor)
            )
        (left,) = tombstones([buried])
        return left


def tombstones(records: Sequence[DecisionTrace]) -> list[Tombstone]:
    """The tombstones among records of the audit chain."""
    return [_tombstone(record) for record in records if record.kind == DELETED]


def _tombstone(record: DecisionTrace) -> Tombstone:
    body = json.loads(record.body)
    return Tombstone(
        incident_id=record.incident_id,
        actor=record.actor,
        at=record.recorded_at,
        reason=str(body["reason"]),
        records=len(body["records"]),
    )
