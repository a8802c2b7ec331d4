"""Judges a life that is over: by what was acknowledged, what really happened, and what is on record."""

from __future__ import annotations

import json
import subprocess
from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime

from tests.crash.life import Life, Plot

from autoheal.domain.incident import Incident, IncidentState
from autoheal.domain.mitigation import Mitigation, MitigationState
from autoheal.domain.proposal import ProposalKind, ProposalState
from autoheal.integrations.database.database import Database

_NEVER = datetime.fromtimestamp(0, tz=UTC)
_S = MitigationState
_END = {
    Plot.MENDED: (_S.VERIFIED, (1, 0)),
    Plot.STUBBORN: (_S.UNDONE, (1, 1)),
    Plot.REFUSED: (_S.REJECTED, (0, 0)),
    Plot.LOST: (_S.UNKNOWN, (1, 0)),
}
"""In what state the mitigation must end, and how often it and its way back must stand in the outside log."""


def faults_of(life: Life) -> list[str]:
    """Every promise that was broken, in words; empty when none was."""
    database = Database(f"sqlite:///{life.folder / 'autoheal.db'}", now=lambda: _NEVER, new_id=str)
    try:
        incidents = list(database.incidents.list())
        if len(incidents) != 1:
            return [f"{len(incidents)} incidents of one fault"]
        (incident,) = incidents
        return [
            *_of_the_alert(life, database, incident),
            *_of_the_runs(life),
            *_of_the_effects(life, database.mitigations.of_incident(incident.id), incident),
            *_of_the_records(life, database, incident),
            *_of_the_books(life, database, incident),
            *_of_the_lessons(life, database, incident),
        ]
    finally:
        database.close()


def _of_the_alert(life: Life, database: Database, incident: Incident) -> Iterator[str]:
    for status, event_id in life.acknowledged.items():
        if not database.alerts.event(event_id).handled:
            yield f"the {status} notification was acknowledged and never handled"
    if len(database.alerts.group_of_incident(incident.id).occurrences) != 2:
        yield "the incident does not hold both alerts"
    if incident.state is not IncidentState.CLOSED or incident.outcome is None:
        yield f"the incident ended as {incident.state}, {incident.outcome}"


def _of_the_runs(life: Life) -> Iterator[str]:
    if dead := life.runs().dead():
        yield f"dead runs: {dead}"
    if unfinished := life.runs().unfinished():
        yield f"unfinished runs: {unfinished}"


def _of_the_effects(life: Life, mitigations: Sequence[Mitigation], incident: Incident) -> Iterator[str]:
    done = Counter(effect["key"] for effect in life.world.effects())
    yield from (f"{key} was done {times} times" for key, times in done.items() if times > 1)
    known = {mitigation.id for mitigation in mitigations}
    yield from (f"nobody decided {key}" for key in done if key.partition(":")[0] not in known)
    if len(mitigations) != int(life.plot in _END):
        yield f"{len(mitigations)} mitigations"
    for mitigation in mitigations:
        times = tuple(
            sum(key.startswith(f"{mitigation.id}:{verb}:") for key in done) for verb in ("execute", "undo")
        )
        if (mitigation.state, times) != _END[life.plot]:
            yield f"{mitigation.id} ended as {mitigation.state} ({mitigation.result}), outside {times}"
    if bool(incident.escalation) is (life.plot is Plot.MENDED):
        yield f"handed to a person: {incident.escalation or 'no'}"


def _of_the_records(life: Life, database: Database, incident: Incident) -> Iterator[str]:
    asked = int(life.plot in _END)
    acted = int(life.plot in (Plot.MENDED, Plot.STUBBORN, Plot.LOST))
    known = int(life.plot in (Plot.MENDED, Plot.STUBBORN))
    if (broken := database.audit.verify()) is not None:
        yield f"the audit chain is broken at {broken}"
    kinds = Counter(record.kind for record in database.audit.records(incident.id))
    wanted = {"approval": asked, "effect.intended": acted, "effect.executed": known}
    wanted["effect.unknown"] = acted - known
    for kind, times in wanted.items():
        if kinds[kind] != times:
            yield f"{kinds[kind]} audit records of {kind}"
    if asked and not kinds["ruling"]:
        yield "no ruling is on record"
    for mitigation in database.mitigations.of_incident(incident.id):
        used = [approval for approval in database.mitigations.approvals(mitigation.id) if approval.used_at]
        if len(used) != acted:
            yield f"{len(used)} approvals of {mitigation.id} were used"


def _of_the_books(life: Life, database: Database, incident: Incident) -> Iterator[str]:
    stages = Counter((entry.stage, entry.backend) for entry in database.incidents.costs(incident.id))
    if stages["heal", "autoheal"] != 1:
        yield f"the wall time was booked {stages['heal', 'autoheal']} times"
    if stages["escalate", "expert"] != int(bool(incident.escalation)):
        yield f"{stages['escalate', 'expert']} questions to a person were booked"
    if bool(incident.escalation) != bool(_pages(life)):
        yield f"a person got {_pages(life)} pages"


def _of_the_lessons(life: Life, database: Database, incident: Incident) -> Iterator[str]:
    proposals = database.proposals.of_incident(incident.id)
    if Counter(p.kind for p in proposals) != Counter(ProposalKind):
        yield f"the proposals are {[p.kind for p in proposals]}"
    records = database.audit.records(incident.id)
    recorded = Counter(json.loads(r.body)["proposal"] for r in records if r.kind == "proposal.merged")
    for proposal in proposals:
        if "could not be prepared" in proposal.reason:
            yield f"{proposal.kind}: {proposal.reason}"
        if proposal.state is ProposalState.MERGED:
            commits = _commits(life, proposal.repository, proposal.id)
            if (commits, recorded[proposal.id]) != (1, 1):
                yield f"{proposal.kind} was merged {commits} times, recorded {recorded[proposal.id]} times"


def _commits(life: Life, repository: str, proposal_id: str) -> int:
    folder = life.folder / {"shop": "shop.git", "context": "repos/context"}[repository]
    asked = ["git", "-C", str(folder), "log", "--format=%H", f"--grep=Proposal {proposal_id} ", "main"]
    said = subprocess.run(asked, check=True, capture_output=True, text=True)
    return len(said.stdout.split())


def _pages(life: Life) -> int:
    file = life.folder / "pages.jsonl"
    return len([json.loads(line) for line in file.read_text().splitlines()]) if file.exists() else 0
