"""Reads the history of a report from the stores."""

from __future__ import annotations

from datetime import UTC, datetime

from autoheal.domain.alert_group import AlertGroup
from autoheal.domain.errors import NotFoundError
from autoheal.domain.judgment import Judgment
from autoheal.domain.mitigation import MitigationState
from autoheal.healing.judge import JUDGED, judgments
from autoheal.ports.audit import Audit
from autoheal.ports.stores import AlertStore, GraphStore, IncidentStore, MitigationStore, ProposalStore
from autoheal.reports.calibration import Judged
from autoheal.reports.history import History, Use

ALL = 1_000_000
"""More incidents than any one installation keeps."""

_BEGINNING = datetime(1970, 1, 1, tzinfo=UTC)


def stored(
    *,
    alerts: AlertStore,
    incidents: IncidentStore,
    mitigations: MitigationStore,
    proposals: ProposalStore,
    graph: GraphStore,
    audit: Audit | None = None,
) -> History:
    """Everything that a report may be computed from; ground truth is not known in production."""
    known = incidents.list(limit=ALL)
    acts = mitigations.since(_BEGINNING)
    judged = (mitigations.verification(act.id) for act in acts)
    words = judgments(audit.records(kind=JUDGED)) if audit else {}
    return History(
        incidents=known,
        groups=[group for incident in known if (group := _group(alerts, incident.id)) is not None],
        costs=incidents.costs(),
        mitigations=acts,
        verifications=[verification for verification in judged if verification is not None],
        approvals=[approval for act in acts for approval in mitigations.approvals(act.id)],
        proposals=proposals.list(),
        facts=graph.facts(),
        uses=[
            Use(urn=urn, incident_id=incident, useful=useful)
            for urn, incident, useful in graph.uses()
            if not urn.startswith("path:")
        ],
        judged={
            incident.id: found
            for incident in known
            if (found := _judged(incidents, mitigations, incident.id, words.get(incident.id))) is not None
        },
    )


def _judged(
    incidents: IncidentStore, mitigations: MitigationStore, incident_id: str, word: Judgment | None
) -> Judged | None:
    """A person's word first; else a mitigation that was verified speaks for the investigation it followed."""
    if word is not None:
        return Judged(
            investigation=word.investigation_id, stated=word.confidence, right=word.right, by=word.actor
        )
    confirmed = {
        act.hypothesis_id
        for act in mitigations.of_incident(incident_id)
        if act.state is MitigationState.VERIFIED
    }
    for found in reversed(incidents.investigations(incident_id)) if confirmed else ():
        if found.verdict.hypothesis_id in confirmed:
            stated = found.verdict.confidence.value
            return Judged(investigation=found.id, stated=stated, right=True, by="verification")
    return None


def _group(alerts: AlertStore, incident_id: str) -> AlertGroup | None:
    """The group that opened an incident; one that was opened by a question has none."""
    try:
        return alerts.group_of_incident(incident_id)
    except NotFoundError:
        return None
