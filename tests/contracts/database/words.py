"""Words to store: one of each, with the awkward values that real ones have."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import TypeVar

from autoheal.domain.alert import Alert, AlertStatus, Attribution, Severity
from autoheal.domain.alert_group import AlertGroup
from autoheal.domain.approval import Approval, Decision
from autoheal.domain.fact import Fact, Method, Provenance, Relation
from autoheal.domain.incident import Incident, IncidentState
from autoheal.domain.mitigation import Action, ActionKind, Check, Mitigation, Tier
from autoheal.domain.proposal import Proof, Proposal, ProposalKind, ProposalState
from autoheal.integrations.database.database import Database
from autoheal.integrations.machine import SystemClock, UlidIds

T = TypeVar("T")
NOON = datetime(2026, 5, 4, 12, 0, 0, 123457, tzinfo=UTC)
HOSTILE = "naïve \x00 \U0001f525 \u202e'; DROP TABLE alert; --"


def opened(url: str) -> Database:
    """The database behind a URL, on this machine's clock."""
    return Database(url, now=SystemClock().now, new_id=UlidIds().new)


def after(minutes: float) -> datetime:
    """Some minutes after noon."""
    return NOON + timedelta(minutes=minutes)


def at_once(do: Callable[[int], T], times: int = 8) -> list[T]:
    """Call it from as many threads at once."""
    with ThreadPoolExecutor(max_workers=times) as pool:
        return list(pool.map(do, range(times)))


def alert(fingerprint: str = "f1", *, ends_at: datetime | None = None, summary: str = HOSTILE) -> Alert:
    """An alert that started at noon."""
    return Alert(
        fingerprint=fingerprint,
        source="alertmanager",
        name="HighErrorRate",
        status=AlertStatus.RESOLVED if ends_at else AlertStatus.FIRING,
        severity=Severity.CRITICAL,
        original_severity="P1",
        attribution=Attribution(service="cart", method="label", confidence=0.9),
        starts_at=NOON,
        ends_at=ends_at,
        summary=summary,
        labels={"service": "cart", "weird key": HOSTILE},
    )


def group(number: int = 1) -> AlertGroup:
    """The group of the numbered incident."""
    return AlertGroup(
        id=f"grp_{number}",
        incident_id=f"inc_{number}",
        environment="sandbox",
        severity=Severity.HIGH,
        services=("cart", "checkout"),
        occurrences=("a", "b"),
        firing=("a",),
        first_at=NOON,
        last_at=after(number),
        origin="cart",
    )


def incident(number: int = 1, state: IncidentState = IncidentState.OPEN) -> Incident:
    """The numbered incident, each opened one minute after the one before."""
    return Incident(
        id=f"inc_{number}",
        title=f"cart fails {HOSTILE}",
        environment="sandbox",
        severity=Severity.HIGH,
        state=state,
        opened_at=after(number),
        services=("cart",),
        onset_at=NOON,
    )


def mitigation(number: int = 1, incident_id: str = "inc_1") -> Mitigation:
    """The numbered mitigation, each proposed one minute after the one before."""
    return Mitigation(
        id=f"mit_{number}",
        incident_id=incident_id,
        hypothesis_id="hyp_1",
        action=Action(
            kind=ActionKind.RESTORE_CONFIG,
            target="cart",
            parameters={"whole": 3, "real": 3.0, "yes": True, "text": "3", "big": 2**60},
        ),
        way_back=Action(kind=ActionKind.RESTART, target="cart"),
        tier=Tier.MEDIUM,
        expected_effect="errors stop",
        blast_radius="cart",
        check=Check(expression="up == 0", services=("cart",), stable_seconds=30, within_seconds=60.5),
        target_version=7,
        baseline_score=float("inf"),
        evidence_digest="d" * 64,
        policy_version="1",
        proposed_by="engine",
        proposed_at=after(number),
        expires_at=after(number + 60),
    )


def approval(number: int = 1, decision: Decision = Decision.APPROVED) -> Approval:
    """The numbered decision on the first mitigation."""
    return Approval(
        id=f"apr_{number}",
        mitigation_id="mit_1",
        digest=mitigation().digest,
        decision=decision,
        actor="ann",
        channel="cli",
        decided_at=after(number),
        expires_at=after(number + 60),
    )


def proposal(number: int = 1, content_key: str = "key") -> Proposal:
    """The numbered lesson of the first incident."""
    return Proposal(
        id=f"pro_{number}",
        incident_id="inc_1",
        kind=ProposalKind.FIX,
        state=ProposalState.PROPOSED,
        title="Revert it",
        body=HOSTILE,
        content_key=content_key,
        opened_at=after(number),
        proof=Proof(summary="a test failed before and passes after", checks={"before": "fail"}),
    )


def provenance(source: str = "traces", minutes: float = 0) -> Provenance:
    """Somebody who observed something some minutes after noon."""
    return Provenance(source=source, method=Method.OBSERVED, asserted_at=after(minutes), actor="autoheal")


def calls(caller: str, callee: str, *, minutes: float = 0, source: str = "traces") -> Fact:
    """A call that was observed some minutes after noon."""
    return Fact(
        id=f"fact_{caller}_{callee}_{minutes}_{source}",
        subject=f"ah:service:default/{caller}",
        relation=Relation.CALLS,
        object=f"ah:service:default/{callee}",
        statement=f"{caller} calls {callee}",
        recorded_at=after(minutes),
        valid_from=after(minutes),
        provenance=(provenance(source, minutes),),
    )
