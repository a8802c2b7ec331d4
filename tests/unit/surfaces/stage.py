"""The real app on SQLite with one whole incident in it: what the tests of the doors stand on."""

from __future__ import annotations

import asyncio
import json
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path

import httpx
from fastapi import FastAPI

from autoheal.app import App
from autoheal.config import Config
from autoheal.domain.approval import Approval, Decision
from autoheal.domain.change import Change, ChangeKind
from autoheal.domain.evidence import (
    Claim,
    Evidence,
    Failed,
    Found,
    Reading,
    Row,
    Statistic,
    digest_of,
)
from autoheal.domain.incident import Incident, IncidentState, Outcome, TimelineEntry
from autoheal.domain.investigation import (
    Confidence,
    Hypothesis,
    HypothesisState,
    Investigation,
    Mechanism,
    Objection,
    Review,
    Verdict,
    VerdictKind,
)
from autoheal.domain.ledger import LedgerEntry
from autoheal.domain.mitigation import (
    Action,
    ActionKind,
    Check,
    Mitigation,
    MitigationState,
    Tier,
    Verification,
    VerificationResult,
)
from autoheal.domain.proposal import Proof, Proposal, ProposalKind, ProposalState
from autoheal.healing.changes import change_row
from autoheal.integrations.memory.runs import MemoryRuns
from autoheal.surfaces.server import build
from autoheal.wiring import wire

BASE = "http://127.0.0.1"
Say = Callable[[str], str]


def stage(home: Path) -> App:
    """The wired app whose durable runs only note what they were asked."""
    app = wire(Config(home=home))
    runs = MemoryRuns()
    intake = replace(app.loop.intake, runs=runs)
    return replace(app, runs=runs, loop=replace(app.loop, intake=intake))


@dataclass(frozen=True, slots=True)
class Browser:
    """Sends requests to the whole server without a network; each call is one connection."""

    server: FastAPI

    def get(self, path: str, **headers: str) -> httpx.Response:
        """Ask for a page."""
        return self.send("GET", path, headers=headers)

    def post(
        self, path: str, *, body: object = None, form: Mapping[str, str] | None = None, **headers: str
    ) -> httpx.Response:
        """Send JSON, or a form as a browser on our own page would."""
        own = {"Origin": BASE, "Sec-Fetch-Site": "same-origin"} if form is not None else {}
        return self.send("POST", path, json=body, data=form, headers={**own, **headers})

    def send(self, method: str, path: str, **parts: object) -> httpx.Response:
        """Send anything."""
        return asyncio.run(self._send(method, path, parts))

    async def _send(self, method: str, path: str, parts: Mapping[str, object]) -> httpx.Response:
        transport = httpx.ASGITransport(self.server, raise_app_exceptions=False)
        async with httpx.AsyncClient(transport=transport, base_url=BASE) as client:
            return await client.request(method, path, **parts)  # type: ignore[arg-type]  # as httpx has them


def browser(app: App) -> Browser:
    """A browser or script on this machine."""
    return Browser(build(app))


def alert(name: str = "HighErrorRate", service: str = "checkout", **labels: str) -> bytes:
    """A notification of Alertmanager with one alert."""
    one = {
        "status": "firing",
        "labels": {"alertname": name, "service": service, "severity": "critical", **labels},
        "annotations": {"summary": "5xx above 5 %"},
        "startsAt": "2026-11-20T14:05:30Z",
        "endsAt": "0001-01-01T00:00:00Z",
    }
    return json.dumps({"version": "4", "alerts": [one]}).encode()


def story(app: App, say: Say = str) -> Incident:
    """An incident from alert to lessons, its second action waiting for a person; `say` makes every text."""
    app.receive("alertmanager", alert(say("HighErrorRate"), say("checkout")))
    opened = app.incidents()[0]
    now = opened.opened_at
    incident = replace(
        opened,
        title=say(opened.title),
        state=IncidentState.AWAITING_APPROVAL,
        service=say("checkout"),
        impact=say("requests of gateway pass through checkout"),
        escalation=say("nobody answered yet"),
        family=say("bad-deploy"),
        outcome=Outcome.MITIGATED_BY_US,
        onset_at=now - timedelta(seconds=95),
        first_query_at=now + timedelta(seconds=4),
        diagnosed_at=now + timedelta(seconds=21),
        mitigated_at=now + timedelta(seconds=70),
    )
    app.memory.incidents.save(incident)
    _evidence(app, incident, say)
    app.memory.incidents.save_investigation(_investigation(incident, say))
    _actions(app, incident, say)
    _lessons(app, incident, say)
    for second, kind in enumerate(("evidence", "change", "decision", "action", "human")):
        entry = TimelineEntry(
            at=now + timedelta(seconds=20 * second + 5),
            kind=kind,
            text=say(f"a {kind} of checkout"),
            actor=say("autoheal"),
            evidence=("ev_errors",),
        )
        app.memory.incidents.add_timeline(incident.id, entry)
    costs = [
        LedgerEntry(
            incident_id=incident.id,
            stage=say(stage),
            backend=say("prometheus"),
            at=now,
            queries=n,
            wall_seconds=n / 3,
        )
        for stage, n in (("triage", 2), ("investigate", 14), ("verify", 6))
    ]
    app.memory.incidents.add_costs(costs)
    app.memory.audit.append(
        incident_id=incident.id, kind=say("verdict"), actor=say("engine"), body={"why": say("x")}
    )
    return incident


def _evidence(app: App, incident: Incident, say: Say) -> None:
    begin = incident.opened_at.timestamp() - 600
    rows = [
        Row(time=begin + 10 * i, entity=say("checkout"), subject=say("http_errors"), value=_errors(i))
        for i in range(80)
    ]
    change = Change(
        id="v42",
        kind=ChangeKind.DEPLOY,
        entity=say("checkout"),
        time=begin + 480,
        title=say("Charge in cents"),
    )
    changes = [change_row(change)]
    for name, expression, found in (
        ("ev_errors", say('sum by (service) (rate(http_errors_total{service="checkout"}[1m]))'), rows),
        ("ev_changes", "changes", changes),
    ):
        app.memory.incidents.add_evidence(_asked(incident, name, expression, found, say), found)
    failed = replace(
        _asked(incident, "ev_failed", say("lines of checkout"), [], say), answer=Failed(reason=say("timeout"))
    )
    app.memory.incidents.add_evidence(failed, [])


def _errors(i: int) -> float:
    if i == 30:
        return math.nan
    return 0.2 + (i % 3) * 0.1 + (12.0 if 50 <= i < 70 else 0.0)


def _asked(incident: Incident, name: str, expression: str, rows: list[Row], say: Say) -> Evidence:
    return Evidence(
        id=name,
        incident_id=incident.id,
        stage=say("investigate"),
        source=say("prometheus"),
        expression=expression,
        start=incident.opened_at - timedelta(seconds=600),
        end=incident.opened_at + timedelta(seconds=200),
        asked_at=incident.opened_at + timedelta(seconds=5),
        seconds=0.04,
        answer=Found(rows=len(rows), digest=digest_of(rows)),
        delayed_seconds=1.5,
    )


def _investigation(incident: Incident, say: Say) -> Investigation:
    reading = Reading(
        evidence_id="ev_errors",
        entity=say("checkout"),
        subject=say("http_errors"),
        statistic=Statistic.MAX,
        start=0,
        end=9e9,
        value=12.4,
        unit="1/s",
    )
    rose = Claim(
        text=say("errors of checkout rose from 0.3 to 12.4 per second, 20 s after the deploy"),
        readings=(reading,),
    )
    flat = Claim(text=say("cart itself stays at 0.3 errors per second"), readings=(reading,))
    accepted = Hypothesis(
        id="hyp_1",
        entity=say("checkout"),
        mechanism=Mechanism.DEPLOY,
        statement=say("deploy v42 of checkout breaks charging"),
        score=9.1,
        confidence=0.86,
        author=say("engine"),
        state=HypothesisState.ACCEPTED,
        change_id="v42",
        claims_for=(rose,),
        claims_against=(flat,),
    )
    rejected = replace(
        accepted,
        id="hyp_2",
        entity=say("cart"),
        statement=say("deploy v7 of cart"),
        confidence=0.05,
        state=HypothesisState.REJECTED,
        claims_for=(),
        not_tested_because=say("cart shows no symptom of its own"),
    )
    return Investigation(
        id="inv_1",
        incident_id=incident.id,
        attempt=1,
        started_at=incident.opened_at,
        ended_at=incident.opened_at + timedelta(seconds=20),
        hypotheses=(rejected, accepted),
        verdict=Verdict(
            kind=VerdictKind.CAUSE,
            hypothesis_id="hyp_1",
            confidence=Confidence(
                value=0.86, reason=say("onset follows the deploy and nothing below it alarms")
            ),
            missing=(say("no traces of cart"),),
        ),
        review=Review(
            reviewer=say("refuter"),
            hypothesis_id="hyp_1",
            objections=(Objection(test=say("timing"), passed=True, text=say("the change came first")),),
            completed=True,
        ),
        onset=incident.opened_at.timestamp() - 95,
        path=(say("asked 14 queries"), say("ranked 2 hypotheses")),
    )


def mitigation(incident: Incident, now: datetime, say: Say = str) -> Mitigation:
    """A rollback that waits for a person for an hour."""
    return Mitigation(
        id="mit_2",
        incident_id=incident.id,
        hypothesis_id="hyp_1",
        action=Action(kind=ActionKind.ROLLBACK, target=say("checkout"), parameters={"release": say("v41")}),
        way_back=Action(kind=ActionKind.ROLLBACK, target=say("checkout"), parameters={"release": say("v42")}),
        tier=Tier.MEDIUM,
        expected_effect=say("errors of checkout fall below 5 %"),
        blast_radius=say("checkout, 2 replicas; callers: gateway"),
        check=Check(
            expression=say("rate(http_errors_total[1m]) > 1"),
            services=(say("checkout"),),
            stable_seconds=300,
            within_seconds=600,
        ),
        target_version=7,
        baseline_score=0.3,
        evidence_digest="e" * 64,
        policy_version=say("default"),
        proposed_by=say("engine"),
        proposed_at=now,
        expires_at=now + timedelta(hours=1),
        rule=say("sandbox.rollback needs approval"),
        plan=say("POST /v1/services/checkout/actions rollback v41"),
    )


def _actions(app: App, incident: Incident, say: Say) -> None:
    waiting = mitigation(incident, app.clock.now(), say)
    done = replace(
        waiting,
        id="mit_1",
        action=Action(kind=ActionKind.RESTART, target=say("checkout")),
        way_back=None,
        state=MitigationState.UNDONE,
        executed_at=incident.opened_at + timedelta(seconds=40),
        result=say("restarted 2 of 2"),
    )
    store = app.memory.mitigations
    for each in (done, waiting):
        store.save(each)
    said = Approval(
        id="apr_1",
        mitigation_id="mit_1",
        digest=done.digest,
        decision=Decision.APPROVED,
        actor=say("ann"),
        channel="cli",
        decided_at=incident.opened_at + timedelta(seconds=38),
        expires_at=done.expires_at,
        note=say("go on"),
    )
    store.add_approval(said)
    store.save_verification(
        Verification(
            mitigation_id="mit_1",
            result=VerificationResult.STILL_FAILING,
            text=say("errors did not fall"),
            judged_at=incident.opened_at + timedelta(seconds=60),
            score_before=12.4,
            score_after=12.1,
            evidence_ids=("ev_errors",),
        )
    )


def _lessons(app: App, incident: Incident, say: Say) -> None:
    for n, kind in enumerate(ProposalKind):
        nothing = kind is ProposalKind.ALERT_TUNING
        proposal = Proposal(
            id=f"prp_{n}",
            incident_id=incident.id,
            kind=kind,
            state=ProposalState.NOTHING if nothing else ProposalState.PROPOSED,
            title=say(f"A {kind} for checkout"),
            body=say("Why and how"),
            content_key=f"key {n}",
            opened_at=incident.opened_at,
            proof=None
            if nothing
            else Proof(
                summary=say("runs in a clean worktree"),
                checks={say("regression test"): say("fails before, passes after")},
            ),
            reason=say("no alert was noisy") if nothing else "",
        )
        app.memory.proposals.save(proposal)
