"""Short words to tell a history in: incidents, their costs and what became of them, in minutes."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from autoheal.domain.alert import Severity
from autoheal.domain.incident import Incident, IncidentState, Outcome
from autoheal.domain.ledger import LedgerEntry
from autoheal.domain.mitigation import (
    Action,
    ActionKind,
    Check,
    Mitigation,
    Tier,
    Verification,
    VerificationResult,
)
from autoheal.domain.proposal import Proof, Proposal, ProposalKind, ProposalState

START = datetime(2026, 11, 1, 12, 0, tzinfo=UTC)


def at(minutes: float) -> datetime:
    """A moment of the story."""
    return START + timedelta(minutes=minutes)


def incident(key: str, minutes: float = 0, *, family: str = "leak", service: str = "cart") -> Incident:
    """One healed by us: seen 1 minute after onset, first query 1.1, mitigated 4, recovered 5, closed 6."""
    return Incident(
        id=key,
        title=f"{family} of {service}",
        environment="sandbox",
        severity=Severity.HIGH,
        state=IncidentState.CLOSED,
        opened_at=at(minutes + 1),
        service=service,
        family=family,
        outcome=Outcome.MITIGATED_BY_US,
        onset_at=at(minutes),
        detected_at=at(minutes + 1),
        first_query_at=at(minutes + 1.1),
        mitigated_at=at(minutes + 4),
        recovered_at=at(minutes + 5),
        closed_at=at(minutes + 6),
    )


def by_skill(key: str, minutes: float = 0, *, family: str = "leak", service: str = "cart") -> Incident:
    """One healed from memory."""
    return replace(incident(key, minutes, family=family, service=service), skill="leak@1")


def cost(key: str, *, queries: int = 0, tokens: int = 0, backend: str = "prometheus") -> LedgerEntry:
    """One entry of the ledger."""
    return LedgerEntry(
        incident_id=key, stage="investigate", backend=backend, at=START, queries=queries, tokens_input=tokens
    )


def fix(key: str, incident_id: str, *, deployed: float | None) -> Proposal:
    """A fix of an incident's cause, deployed at a minute or not yet."""
    return Proposal(
        id=key,
        incident_id=incident_id,
        kind=ProposalKind.FIX,
        state=ProposalState.MERGED if deployed is None else ProposalState.DEPLOYED,
        title="fix",
        body="",
        content_key=key,
        opened_at=START,
        proof=Proof(summary="red before, green after"),
        deployed_at=None if deployed is None else at(deployed),
    )


def mitigation(key: str, incident_id: str) -> Mitigation:
    """A restart."""
    return Mitigation(
        id=key,
        incident_id=incident_id,
        hypothesis_id="h",
        action=Action(kind=ActionKind.RESTART, target="cart"),
        way_back=None,
        tier=Tier.LOW,
        expected_effect="",
        blast_radius="",
        check=Check(expression="x > 1", services=("cart",), stable_seconds=10.0, within_seconds=60.0),
        target_version=1,
        baseline_score=1.0,
        evidence_digest="",
        policy_version="p@1",
        proposed_by="engine",
        proposed_at=START,
        expires_at=at(15),
    )


def verified(mitigation_id: str, result: VerificationResult) -> Verification:
    """How a mitigation was judged."""
    return Verification(
        mitigation_id=mitigation_id,
        result=result,
        text="",
        judged_at=START,
        score_before=1.0,
        score_after=0.0,
    )
