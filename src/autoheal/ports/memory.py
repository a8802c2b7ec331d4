"""All that is remembered of incidents, as one thing to hand over."""

from __future__ import annotations

from dataclasses import dataclass

from autoheal.ports.audit import Audit
from autoheal.ports.stores import (
    AlertStore,
    GraphStore,
    IncidentStore,
    MitigationStore,
    ProposalStore,
    QuestionStore,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Memory:
    """The stores, one per noun."""

    alerts: AlertStore
    incidents: IncidentStore
    mitigations: MitigationStore
    audit: Audit
    proposals: ProposalStore
    graph: GraphStore
    questions: QuestionStore
