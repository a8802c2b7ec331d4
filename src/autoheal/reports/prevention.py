"""Time to prevention: from the first mitigation of a cause to the deployed change that keeps it away."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from autoheal.domain.incident import Incident
from autoheal.domain.proposal import Proposal, ProposalKind
from autoheal.reports.history import History


@dataclass(frozen=True, slots=True, kw_only=True)
class Prevention:
    """One run of the clock for one family on one service; voided when the cause came back after the stop."""

    family: str
    service: str
    incidents: tuple[str, ...]
    started_at: datetime
    stopped_at: datetime | None = None
    proposal_id: str = ""
    voided_by: str | None = None

    @property
    def seconds(self) -> float | None:
        """How long the clock ran; None while it runs."""
        return (self.stopped_at - self.started_at).total_seconds() if self.stopped_at else None


def preventions(history: History) -> tuple[Prevention, ...]:
    """Every run of every clock: a recurrence before the stop keeps the start, one after it starts anew."""
    causes: dict[tuple[str, str], list[Incident]] = {}
    for incident in sorted(history.incidents, key=_began):
        if incident.family and incident.service:
            causes.setdefault((incident.family, incident.service), []).append(incident)
    return tuple(run for cause, incidents in causes.items() for run in _runs(cause, incidents, history))


def _runs(cause: tuple[str, str], incidents: Sequence[Incident], history: History) -> Iterator[Prevention]:
    run: Prevention | None = None
    for incident in incidents:
        if run is not None:
            stopped = _stop(run, history.proposals, before=_began(incident))
            if stopped.stopped_at is not None:
                yield replace(stopped, voided_by=incident.id)
                run = None
        run = _join(run, cause, incident)
    if run is not None:
        yield _stop(run, history.proposals, before=None)


def _join(run: Prevention | None, cause: tuple[str, str], incident: Incident) -> Prevention | None:
    """The clock with one more incident; it starts with the first incident that was mitigated."""
    if run is not None:
        return replace(run, incidents=(*run.incidents, incident.id))
    if incident.mitigated_at is None:
        return None
    family, service = cause
    return Prevention(
        family=family, service=service, incidents=(incident.id,), started_at=incident.mitigated_at
    )


def _stop(run: Prevention, proposals: Sequence[Proposal], *, before: datetime | None) -> Prevention:
    deployed = sorted(
        (p.deployed_at, p.id)
        for p in proposals
        if p.kind is ProposalKind.FIX and p.incident_id in run.incidents and p.deployed_at is not None
    )
    if not deployed or (before is not None and deployed[0][0] > before):
        return run
    return replace(run, stopped_at=deployed[0][0], proposal_id=deployed[0][1])


def _began(incident: Incident) -> datetime:
    return incident.onset_at or incident.detected_at or incident.opened_at
