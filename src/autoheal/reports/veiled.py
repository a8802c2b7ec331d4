"""Draws the veil over one incident from what is stored of it, for readers without the right to raw text."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import replace

from autoheal.domain.alert import Alert
from autoheal.domain.evidence import Evidence, Failed
from autoheal.domain.incident import Incident
from autoheal.domain.investigation import Investigation
from autoheal.domain.mitigation import Mitigation
from autoheal.domain.proposal import Proof, Proposal
from autoheal.healing.bring_back import SOURCE as MEMORY
from autoheal.policy.veil import WITHHELD, Veil, drawn
from autoheal.ports.memory import Memory
from autoheal.ports.stores import IncidentStore

_CHANGES = "changes"


def veil_of(incident_id: str, memory: Memory) -> Veil:
    """What must not be repeated of this incident, and what may."""
    alerts, incidents, mitigations = memory.alerts, memory.incidents, memory.mitigations
    evidence = incidents.evidence_of(incident_id)
    investigations = incidents.investigations(incident_id)
    acts = mitigations.of_incident(incident_id)
    keys = alerts.group_of_incident(incident_id).occurrences
    told = [alert for alert in map(alerts.occurrence, keys) if alert is not None]
    incident = incidents.get(incident_id)
    changes = {one.id for one in evidence if one.expression == _CHANGES}
    names = [
        *_named(incident, told, investigations, acts),
        *(name for one in evidence for name in (one.source, one.stage, *_asked(one))),
        *(_title(row.text) for one in changes for row in incidents.rows(one)),
    ]
    claims = [c for i in investigations for h in i.hypotheses for c in (*h.claims_for, *h.claims_against)]
    return drawn(
        _raw(incidents, evidence, told, acts),
        names=filter(None, names),
        claims=claims,
        plain=changes,
        blind=incident.closed_at is not None and not evidence,
    )


def listed(incident: Incident) -> Incident:
    """An incident in a list, where no veil is drawn for each: why it was handed over may quote anything."""
    return replace(incident, escalation=WITHHELD if incident.escalation else "")


def shelved(proposal: Proposal) -> Proposal:
    """A lesson in a list, likewise."""
    proof = Proof(summary=WITHHELD, checks={}) if proposal.proof else None
    return replace(proposal, body=WITHHELD if proposal.body else "", proof=proof)


def _raw(
    incidents: IncidentStore,
    evidence: Sequence[Evidence],
    alerts: Sequence[Alert],
    acts: Sequence[Mitigation],
) -> Iterator[str]:
    for one in evidence:
        if isinstance(one.answer, Failed):
            yield one.answer.reason
        elif one.expression != _CHANGES and one.source != MEMORY:
            yield from (row.text for row in incidents.rows(one.id) if row.text)
    for alert in alerts:
        yield from (alert.summary, *alert.annotations.values())
    yield from (act.result for act in acts)


def _title(change: str) -> str:
    """What a change is called; its diff is as raw as a log line."""
    try:
        told = json.loads(change)
    except ValueError:
        return ""
    return str(told.get("title", "")) if isinstance(told, dict) else ""


def _asked(evidence: Evidence) -> tuple[str, ...]:
    """A query in our own words; what a model asked of a foreign tool may be anybody's."""
    return () if evidence.source.startswith("mcp:") else (evidence.expression,)


def _named(
    incident: Incident,
    alerts: Sequence[Alert],
    investigations: Sequence[Investigation],
    acts: Sequence[Mitigation],
) -> Iterator[str]:
    yield from (incident.title, incident.environment, incident.family, *incident.services)
    yield from (incident.service or "", incident.skill or "")
    for alert in alerts:
        yield from (alert.name, alert.service or "", alert.expression)
    for hypothesis in (h for i in investigations for h in i.hypotheses):
        yield from (hypothesis.entity, hypothesis.change_id or "", hypothesis.author)
        for reading in (r for c in (*hypothesis.claims_for, *hypothesis.claims_against) for r in c.readings):
            yield from (reading.entity, reading.subject)
    for act in acts:
        yield from (str(act.action), act.action.target, act.check.expression)
