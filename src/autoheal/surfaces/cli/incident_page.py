"""One incident as text: what a person reads first when called."""

from __future__ import annotations

from collections.abc import Iterator

from autoheal.app import IncidentFile
from autoheal.domain.investigation import Hypothesis, Investigation
from autoheal.domain.mitigation import Mitigation
from autoheal.reports.economics import bill, model_costs
from autoheal.surfaces.cli.output import cell, printable

_TIMES = (
    "onset_at",
    "detected_at",
    "opened_at",
    "first_query_at",
    "diagnosed_at",
    "mitigated_at",
    "recovered_at",
)


def page(file: IncidentFile) -> str:
    """The whole page."""
    parts = (
        _head(file),
        _times(file),
        _alerts(file),
        _findings(file),
        _judgment(file),
        _actions(file),
        _lessons(file),
        _cost(file),
    )
    return printable("\n\n".join("\n".join(lines) for part in parts if (lines := list(part))))


def _head(file: IncidentFile) -> Iterator[str]:
    incident = file.incident
    yield f"{incident.id}  {incident.title}"
    services = ", ".join(incident.services) or "-"
    yield f"  {incident.state} · {incident.severity} · {incident.environment} · {services}"
    if file.tombstone is not None:
        stone = file.tombstone
        yield f"  DELETED by {stone.actor} at {cell(stone.at)}: {stone.reason}"
    if incident.impact:
        yield f"  impact: {incident.impact}"
    if incident.outcome:
        yield f"  outcome: {incident.outcome}" + (f" by {incident.skill}" if incident.skill else "")
    if incident.escalation:
        yield f"  escalated: {incident.escalation}"


def _times(file: IncidentFile) -> Iterator[str]:
    for name in _TIMES:
        if (moment := getattr(file.incident, name)) is not None:
            yield f"  {name.removesuffix('_at').replace('_', ' '):<12} {cell(moment)}"


def _alerts(file: IncidentFile) -> Iterator[str]:
    if file.alerts:
        yield "Alerts"
    for alert in file.alerts:
        what = f"{alert.name} of {cell(alert.service)}: {alert.summary}"
        yield f"  {cell(alert.starts_at)}  {alert.status:<8} {what}"


def _findings(file: IncidentFile) -> Iterator[str]:
    for investigation in file.investigations:
        yield from _finding(investigation)


def _judgment(file: IncidentFile) -> Iterator[str]:
    if file.judgment is not None:
        yield f"Judgment: {file.judgment.says}"
    if file.judgment is not None and file.judgment.note:
        yield f"  {file.judgment.note}"


def _finding(investigation: Investigation) -> Iterator[str]:
    verdict = investigation.verdict
    yield f"Investigation {investigation.attempt}: {verdict.kind}, confidence {verdict.confidence.value:.2f}"
    yield f"  because {verdict.confidence.reason}"
    if investigation.unreviewed:
        yield f"  NOT REVIEWED: {investigation.unreviewed}"
    for missing in verdict.missing:
        yield f"  missing: {missing}"
    for hypothesis in investigation.hypotheses:
        yield from _hypothesis(hypothesis)
    for objection in investigation.review.objections if investigation.review else ():
        yield f"  review {'passed' if objection.passed else 'FAILED'}: {objection.test}: {objection.text}"


def _hypothesis(hypothesis: Hypothesis) -> Iterator[str]:
    yield f"  [{hypothesis.state}] {hypothesis.confidence:.2f} {hypothesis.statement} ({hypothesis.author})"
    for sign, claims in (("+", hypothesis.claims_for), ("-", hypothesis.claims_against)):
        for claim in claims:
            yield f"      {sign} {claim.text} [{' '.join(claim.evidence_ids)}]"
    if hypothesis.not_tested_because:
        yield f"      not tested: {hypothesis.not_tested_because}"


def _actions(file: IncidentFile) -> Iterator[str]:
    for mitigation in file.mitigations:
        yield from _action(mitigation, file)


def _action(mitigation: Mitigation, file: IncidentFile) -> Iterator[str]:
    yield f"Action {mitigation.id}: {mitigation.action} [{mitigation.state}, {mitigation.tier}]"
    yield f"  expected: {mitigation.expected_effect}; reaches: {mitigation.blast_radius}"
    yield f"  way back: {cell(mitigation.way_back)}; rule: {cell(mitigation.rule)}"
    yield f"  check: {mitigation.check.expression} gone for {mitigation.check.stable_seconds:g} s"
    for approval in file.approvals.get(mitigation.id, ()):
        yield f"  {approval.decision} by {approval.actor} ({approval.channel}) {cell(approval.decided_at)}"
    if (verification := file.verifications.get(mitigation.id)) is not None:
        yield f"  verified: {verification.result}: {verification.text}"


def _lessons(file: IncidentFile) -> Iterator[str]:
    if file.proposals:
        yield "Lessons"
    for proposal in file.proposals:
        yield f"  {proposal.kind:<16} {proposal.state:<9} {proposal.id}  {proposal.reason or proposal.title}"


def _cost(file: IncidentFile) -> Iterator[str]:
    spent = bill(file.costs)
    queries = ", ".join(f"{backend} {count}" for backend, count in spent.queries.items()) or "none"
    models = ", ".join(f"{model} {count}" for model, count in spent.tokens.items()) or "none"
    yield "Cost"
    yield f"  queries: {queries}; tokens: {models}; ${spent.dollars:.4f}; {spent.wall_seconds:.1f} s of work"
    for cost in model_costs(file.costs):
        told = f"input {cost.input} (cached {cost.cached}), output {cost.output} (reasoning {cost.reasoning})"
        yield f"  {cost.stage} by {cost.model}: {told}, ${cost.dollars:.4f}"
    yield f"  questions to people: {spent.questions}; their minutes: {spent.expert_minutes:.1f}"
