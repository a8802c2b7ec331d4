"""A postmortem draft of a closed incident, each line of its timeline with its evidence."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime

from autoheal.domain.incident import TimelineEntry
from autoheal.domain.proposal import Proposal, ProposalState
from autoheal.graph.skill_text import quoted
from autoheal.learning.lessons import Lessons
from autoheal.learning.material import Material, material_of
from autoheal.learning.postmortem_page import DRAFT
from autoheal.learning.prose import account_of


def postmortem_of(lessons: Lessons, incident_id: str) -> str:
    """The draft of one incident, from what is stored; raises NotFoundError."""
    material = material_of(lessons, incident_id)
    timeline = lessons.incidents.timeline(incident_id)
    account = account_of(lessons, incident_id)
    return draft(material, timeline, lessons.proposals.of_incident(incident_id), account)


def draft(
    material: Material,
    timeline: Sequence[TimelineEntry],
    proposals: Sequence[Proposal],
    account: Sequence[str] = (),
) -> str:
    """Markdown that a person edits and publishes; nothing in it was typed by hand."""
    return "\n".join(_lines(material, timeline, proposals, account)) + "\n"


def _lines(
    material: Material,
    timeline: Sequence[TimelineEntry],
    proposals: Sequence[Proposal],
    account: Sequence[str],
) -> Iterator[str]:
    incident = material.incident
    yield from (f"{DRAFT}{quoted(incident.title)}", "")
    yield f"Incident `{incident.id}`, {incident.severity}, {incident.outcome or 'no outcome'}. Not published."
    yield from ("", "## Impact", "", quoted(incident.impact) or "Not stated.", "", "## Times", "")
    yield from ("| moment | time |", "| --- | --- |")
    yield from (f"| {name} | {_moment(at)} |" for name, at in _times(material))
    yield from ("", "## Cause", "", *_cause(material), "")
    yield from ("## In words", "", *account, "") if account else ()
    yield from ("## Timeline", "")
    yield from (f"{_said(entry)} ({', '.join(entry.evidence)})" for entry in timeline if entry.evidence)
    yield from ("", "## Decided and done", "", "Each is a record of the audit chain of this incident.", "")
    yield from (_said(entry) for entry in timeline if not entry.evidence)
    yield from ("", "## What follows", "")
    for proposal in proposals:
        said = proposal.reason if proposal.state is ProposalState.NOTHING else proposal.title
        yield f"- {proposal.kind}, {proposal.state}: {quoted(said)}"


def _said(entry: TimelineEntry) -> str:
    return f"- {_moment(entry.at)} {entry.kind}, {quoted(entry.actor)}: {quoted(entry.text)}"


def _times(material: Material) -> Iterator[tuple[str, datetime | None]]:
    incident = material.incident
    yield "onset", incident.onset_at
    yield "detected", incident.detected_at
    yield "diagnosed", incident.diagnosed_at
    yield "mitigated", incident.mitigated_at
    yield "recovered", incident.recovered_at


def _cause(material: Material) -> Iterator[str]:
    cause = material.cause
    if cause is None:
        yield "No fault was found." if material.noise else "Not established."
        return
    yield f"{quoted(cause.statement)} (confidence {cause.confidence:.2f})."
    if material.investigation and material.investigation.unreviewed:
        yield f"Not reviewed: {quoted(material.investigation.unreviewed)}."
    for claim in cause.claims_for:
        yield f"- for: {quoted(claim.text)} ({', '.join(claim.evidence_ids)})"
    for claim in cause.claims_against:
        yield f"- against: {quoted(claim.text)} ({', '.join(claim.evidence_ids)})"


def _moment(at: datetime | None) -> str:
    return at.strftime("%Y-%m-%d %H:%M:%S UTC") if at else "unknown"
