"""Reads the history of a report from the stores."""

from __future__ import annotations

from datetime import UTC, datetime

from autoheal.domain.alert_group import AlertGroup
from autoheal.domain.errors import NotFoundError
from autoheal.ports.stores import AlertStore, GraphStore, IncidentStore, MitigationStore, ProposalStore
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
) -> History:
    """Everything that a report may be computed from; ground truth is not known in production."""
    known = incidents.list(limit=ALL)
    acts = mitigations.since(_BEGINNING)
    judged = (mitigations.verification(act.id) for act in acts)
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
    )


def _group(alerts: AlertStore, incident_id: str) -> AlertGroup | None:
    """The group that opened an incident; one that was opened by a question has none."""
    try:
        return alerts.group_of_incident(incident_id)
    except NotFoundError:
        return None
