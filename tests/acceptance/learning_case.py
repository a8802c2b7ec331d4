"""A closed incident on the shop's real repository, with evidence that came through the gatherer."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import subprocess
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TypeVar

from autoheal.domain.alert import Alert, AlertStatus, Attribution, Severity
from autoheal.domain.alert_group import AlertGroup
from autoheal.domain.change import Change, ChangeKind
from autoheal.domain.evidence import Claim, Reading, Statistic
from autoheal.domain.incident import Incident, IncidentState, Outcome
from autoheal.domain.investigation import (
    Confidence,
    Hypothesis,
    HypothesisState,
    Investigation,
    Mechanism,
    Verdict,
    VerdictKind,
)
from autoheal.domain.mitigation import Action, ActionKind, Check, Mitigation, MitigationState, Tier
from autoheal.domain.proposal import Proposal, ProposalKind
from autoheal.graph.signature import failure_family, incident_signature
from autoheal.healing.gather import Gathered, Gatherer, Sources
from autoheal.healing.settings import HealingSettings
from autoheal.integrations.database.database import Database
from autoheal.integrations.git.context import ensure
from autoheal.integrations.git.forge import GitForge
from autoheal.integrations.git.skills import GitSkillLibrary
from autoheal.integrations.memory.changes import MemoryChanges
from autoheal.integrations.memory.machine import MemoryClock, MemoryIds
from autoheal.integrations.memory.metrics import MemoryMetrics
from autoheal.integrations.memory.traces import MemoryTraces
from autoheal.integrations.prover.prover import SandboxedProver
from autoheal.learning.lessons import Lessons
from autoheal.learning.settings import LearningSettings
from autoheal.learning.workflow import alert_tuning, decision_trace, fix, learn, observability, skill
from autoheal.ports.telemetry import AlertRule, Span

T = TypeVar("T")
SHOP = Path(__file__).parents[2] / "src" / "autoheal" / "sandbox" / "shop"
START = 1_700_000_000.0
SERVICES = ("gateway", "catalog", "orders", "pricing", "inventory", "payments")
CALLS = (
    ("gateway", "catalog"),
    ("gateway", "orders"),
    ("catalog", "pricing"),
    ("orders", "pricing"),
    ("orders", "payments"),
)
ERRORS = "max by (service) (error_ratio)"
RULE = AlertRule(
    name="HighErrorRate",
    expression=f"{ERRORS} > 0.08",
    for_seconds=15.0,
    state="inactive",
    labels={"severity": "critical"},
)
BUG = ("services/pricing/app.py", "quantity >= least), default=0)", "quantity >= least))")

# The shop's tests need none of the plugins that are installed for ours, and start twice as fast without.
_TEST_COMMAND = (
    *("/usr/bin/env", "PYTEST_DISABLE_PLUGIN_AUTOLOAD=1"),
    *LearningSettings().test_command,
)
_STEPS = {
    ProposalKind.FIX: fix,
    ProposalKind.OBSERVABILITY: observability,
    ProposalKind.ALERT_TUNING: alert_tuning,
    ProposalKind.DECISION_TRACE: decision_trace,
    ProposalKind.SKILL: skill,
}


def at(seconds: float) -> datetime:
    """The instant some seconds after the start."""
    return datetime.fromtimestamp(START + seconds, tz=UTC)


class PlainRun:
    """A Run without durability: steps are called, time does not pass."""

    async def step(self, do: Callable[..., T], *args: object) -> T:
        """Call it."""
        return do(*args)

    async def sleep(self, seconds: float) -> None:
        """No time passes."""

    async def wait(self, topic: str, *, seconds: float) -> None:
        """Nobody says anything."""


@dataclass(kw_only=True)
class Fault:
    """What broke, when (seconds after the start), and what the incident concluded."""

    id: str
    service: str = "pricing"
    begins: float = 3_000.0
    ends: float = 3_090.0
    peak: float = 0.6
    mechanism: Mechanism = Mechanism.ERRORS
    change: Change | None = None
    action: ActionKind | None = ActionKind.ROLLBACK
    verdict: VerdictKind = VerdictKind.CAUSE
    alert: str = "HighErrorRate"
    hurting: tuple[str, ...] = ("gateway",)
    skill: str | None = None

    @property
    def alerted(self) -> float:
        """When the rule has held for 15 seconds."""
        return self.begins + 15.0

    @property
    def looked(self) -> float:
        """When the investigation reads its evidence."""
        return self.begins + 30.0


@dataclass
class World:
    """The shop's repository, a context repository, every store, and telemetry that faults leave traces in."""

    folder: Path
    metrics: MemoryMetrics = field(default_factory=lambda: MemoryMetrics(rules=[RULE]))
    traces: MemoryTraces = field(default_factory=MemoryTraces)
    changes: MemoryChanges = field(default_factory=MemoryChanges)
    clock: MemoryClock = field(default_factory=lambda: MemoryClock(at=at(0)))
    ids: MemoryIds = field(default_factory=MemoryIds)
    faults: list[Fault] = field(default_factory=list)
    commits: int = 0

    def __post_init__(self) -> None:
        shop = self.folder / "shop"
        ignored = shutil.ignore_patterns("__pycache__", ".pytest_cache")
        shutil.copytree(SHOP, shop, ignore=ignored)
        self.git("init", "-q", "--initial-branch=main")
        self.commit_all("Open the shop")
        ensure(self.folder / "context")
        repositories = {"shop": shop, "context": self.folder / "context"}
        self.forge = GitForge(repositories, self.folder / "scratch")
        database = Database(
            f"sqlite:///{self.folder / 'autoheal.db'}", now=self.clock.now, new_id=self.ids.new
        )
        database.migrate()
        self.database = database
        sources = Sources(metrics=self.metrics, traces=self.traces, changes=(self.changes,))
        self.gatherer = Gatherer(
            sources=sources, incidents=database.incidents, clock=self.clock, ids=self.ids
        )
        self.lessons = Lessons(
            settings=LearningSettings(history_seconds=3_000, test_seconds=60, test_command=_TEST_COMMAND),
            healing=HealingSettings(baseline_seconds=600, rate_window_seconds=30),
            clock=self.clock,
            ids=self.ids,
            alerts=database.alerts,
            incidents=database.incidents,
            mitigations=database.mitigations,
            proposals=database.proposals,
            graph=database.graph,
            audit=database.audit,
            forge=self.forge,
            skills=GitSkillLibrary(self.forge),
            gatherer=self.gatherer,
            prover=SandboxedProver(self.folder / "proofs"),
        )

    def git(self, *arguments: str) -> str:
        """Plain git in the shop, as its developers use it; each commit is a minute after the one before."""
        self.commits += "commit" in arguments
        environment = {
            **{
                f"GIT_{who}_DATE": f"{START + 2_400 + 60 * self.commits:.0f} +0000"
                for who in ("AUTHOR", "COMMITTER")
            },
            "PATH": os.defpath,
            "HOME": "/nonexistent",
            **{f"GIT_{who}_NAME": "Dana Okafor" for who in ("AUTHOR", "COMMITTER")},
            **{f"GIT_{who}_EMAIL": "dana@example.com" for who in ("AUTHOR", "COMMITTER")},
        }
        done = subprocess.run(
            ["git", *arguments], cwd=self.folder / "shop", env=environment, capture_output=True, check=True
        )
        return done.stdout.decode().strip()

    def commit_all(self, message: str) -> str:
        """Commit what stands in the work tree to main."""
        self.git("add", "-A")
        self.git("commit", "-q", "-m", message)
        return self.git("rev-parse", "HEAD")

    def edit(self, path: str, old: str, new: str, message: str = "Tidy up") -> str:
        """A developer's commit that replaces some text."""
        file = self.folder / "shop" / path
        text = file.read_text()
        assert old in text
        file.write_text(text.replace(old, new))
        return self.commit_all(message)

    def bad_deploy(self, service: str = "pricing", *, begins: float = 3_000.0) -> Change:
        """A commit that lets small orders fail, deployed five seconds before it hurts."""
        commit = self.edit(*BUG, message="Simplify the discount")
        change = Change(
            id=f"deploy-{service}-{begins:.0f}",
            kind=ChangeKind.DEPLOY,
            entity=service,
            time=START + begins - 5,
            title="release 2",
            commit=commit,
        )
        self.changes.add(change)
        return change

    # ------------------------------------------------------------ what faults leave behind

    def telemetry(self, until: float = 4_000.0) -> None:
        """Every service's error ratio, each five seconds, with the faults in it."""
        for service in SERVICES:
            samples = [(START + t, self._ratio(service, t)) for t in range(0, int(until), 5)]
            self.metrics.add("error_ratio", {"service": service}, samples)

    def _ratio(self, service: str, moment: float) -> float:
        for fault in self.faults:
            if service in (fault.service, *fault.hurting) and fault.begins <= moment <= fault.ends:
                return fault.peak
        return 0.01

    def price_requests(self, fault: Fault) -> None:
        """Requests to pricing: all well before, those for small quantities wrong while the fault lasts."""
        for number in range(200):
            quantity = number % 7 + 1
            body = json.dumps({"price_cents": 1_000, "quantity": quantity})
            request = {"http.request.method": "POST", "url.path": "/price", "http.request.body": body}
            self._request(fault, number, request, wrong=quantity < 5)

    def product_requests(self, fault: Fault) -> None:
        """Requests to catalog: all well before, every one wrong while the fault lasts."""
        for number in range(200):
            request = {"http.request.method": "GET", "url.path": f"/products/{number % 3 + 1}"}
            self._request(fault, number, request, wrong=True)

    def _request(self, fault: Fault, number: int, request: dict[str, str], *, wrong: bool) -> None:
        moment = fault.begins - 300 + 2 * number
        sick = wrong and fault.begins <= moment <= fault.ends
        self.traces.add(
            Span(
                trace_id=f"{fault.id}-{number}",
                span_id=f"{number}",
                parent_id=None,
                entity=fault.service,
                operation=f"{request['http.request.method']} of {fault.service}",
                kind="server",
                start=START + moment,
                duration_ms=4.0,
                error=sick,
                attributes={**request, "http.response.status_code": "500" if sick else "200"},
            )
        )

    def heal(self, fault: Fault) -> Incident:
        """Store the incident as the healing run leaves it: alerts, evidence, verdict, mitigation."""
        if fault not in self.faults:
            self.faults.append(fault)
            self.telemetry()
        alerts = [self._alert(fault, service) for service in (*fault.hurting, fault.service)]
        incident = self._incident(fault, alerts)
        stores = self.database
        stores.incidents.save(incident)
        for alert in alerts:
            stores.alerts.save_alert(alert)
        stores.alerts.save_group(_group(fault, alerts))
        self.clock.at = at(fault.looked)
        investigation = self._investigation(fault)
        stores.incidents.save_investigation(investigation)
        if fault.action is not None and investigation.leading is not None:
            stores.mitigations.save(self._mitigation(fault, investigation.leading))
        self.clock.at = at(fault.ends + 60)
        return incident

    def learn(self, incident_id: str) -> dict[ProposalKind, Proposal]:
        """Run the learning workflow; the five proposals by kind."""
        asyncio.run(learn(PlainRun(), self.lessons, incident_id))
        found = self.database.proposals.of_incident(incident_id)
        assert len(found) == len(ProposalKind)
        return {proposal.kind: proposal for proposal in found}

    def _call_chain(self, fault: Fault) -> None:
        for number, (caller, callee) in enumerate(CALLS):
            for name, span_id, parent in ((caller, "a", None), (callee, "b", "a")):
                self.traces.add(
                    Span(
                        trace_id=f"{fault.id}-call-{number}",
                        span_id=span_id,
                        parent_id=parent,
                        entity=name,
                        operation="call",
                        kind="server",
                        start=START + fault.begins - 20,
                        duration_ms=3.0,
                        error=False,
                        attributes={},
                    )
                )

    def lesson(self, kind: ProposalKind, incident_id: str) -> Proposal:
        """Take one step of the workflow alone; its proposal."""
        _STEPS[kind](self.lessons, incident_id)
        found = self.database.proposals.of_incident(incident_id)
        return next(proposal for proposal in found if proposal.kind is kind)

    def _alert(self, fault: Fault, service: str) -> Alert:
        return Alert(
            fingerprint=f"{fault.alert}-{service}",
            source="alertmanager",
            name=fault.alert,
            status=AlertStatus.RESOLVED,
            severity=Severity.CRITICAL,
            original_severity="critical",
            attribution=Attribution(service=service, method="label", confidence=1.0),
            starts_at=at(fault.alerted),
            ends_at=at(fault.ends),
            environment="sandbox",
            labels={"alertname": fault.alert, "service": service},
        )

    def _incident(self, fault: Fault, alerts: Sequence[Alert]) -> Incident:
        noise = fault.verdict is VerdictKind.NOISE
        hypothesis = _hypothesis(fault, ())
        return Incident(
            id=fault.id,
            title=f"{fault.alert} on {fault.hurting[0] if fault.hurting else fault.service}",
            environment="sandbox",
            severity=Severity.CRITICAL,
            state=IncidentState.CLOSED,
            opened_at=at(fault.alerted + 1),
            service=fault.service,
            services=(*fault.hurting, fault.service),
            signature=incident_signature(alerts),
            family="" if noise else failure_family(hypothesis, fault.change),
            skill=fault.skill,
            outcome=Outcome.NOISE if noise else Outcome.MITIGATED_BY_US,
            onset_at=at(fault.begins),
            detected_at=at(fault.alerted),
            diagnosed_at=at(fault.looked),
            mitigated_at=at(fault.ends),
            recovered_at=at(fault.ends),
            closed_at=at(fault.ends + 50),
        )

    def _investigation(self, fault: Fault) -> Investigation:
        ask = self.gatherer.for_stage(fault.id, "investigate")
        start, end = START + fault.alerted - 600, START + fault.looked
        self._call_chain(fault)
        ask.calls(end=end, lookback=600)
        errors = ask.range(ERRORS, start=start, end=end, step=5, subject="requests:error_ratio")
        ask.spans(services=SERVICES, start=start, end=end, limit=5_000)
        ask.changes(start=start, end=end)
        hypothesis = _hypothesis(fault, (_claim(fault, errors),))
        confidence = Confidence(value=0.9, reason="as the test says")
        cause = fault.verdict is VerdictKind.CAUSE
        verdict = Verdict(
            kind=fault.verdict, hypothesis_id=hypothesis.id if cause else None, confidence=confidence
        )
        return Investigation(
            id=f"{fault.id}.1.0",
            incident_id=fault.id,
            attempt=1,
            started_at=at(fault.alerted + 5),
            ended_at=at(fault.looked),
            hypotheses=(hypothesis,) if cause else (),
            verdict=verdict,
            onset=START + fault.begins,
        )

    def _mitigation(self, fault: Fault, hypothesis: Hypothesis) -> Mitigation:
        check = Check(
            expression=RULE.expression, services=fault.hurting, stable_seconds=20, within_seconds=120
        )
        return Mitigation(
            id=f"mit-{fault.id}",
            incident_id=fault.id,
            hypothesis_id=hypothesis.id,
            action=Action(kind=fault.action or ActionKind.RESTART, target=fault.service),
            way_back=None,
            tier=Tier.MEDIUM,
            expected_effect="as before",
            blast_radius=fault.service,
            check=check,
            target_version=1,
            baseline_score=0.0,
            evidence_digest="0" * 64,
            policy_version="test@1",
            proposed_by="engine",
            proposed_at=at(fault.looked),
            expires_at=at(fault.looked) + timedelta(minutes=15),
            state=MitigationState.VERIFIED,
            skill=fault.skill,
            executed_at=at(fault.looked + 5),
        )


def _group(fault: Fault, alerts: Sequence[Alert]) -> AlertGroup:
    return AlertGroup(
        id=f"group-{fault.id}",
        incident_id=fault.id,
        environment="sandbox",
        severity=Severity.CRITICAL,
        services=fault.hurting or (fault.service,),
        occurrences=tuple(alert.occurrence for alert in alerts),
        firing=(),
        first_at=at(fault.alerted),
        last_at=at(fault.ends),
    )


def _hypothesis(fault: Fault, claims: tuple[Claim, ...]) -> Hypothesis:
    return Hypothesis(
        id=f"{fault.id}.h1",
        entity=fault.service,
        mechanism=fault.mechanism,
        statement=f"{fault.service}: {fault.mechanism}",
        score=3.0,
        confidence=0.9,
        author="engine",
        state=HypothesisState.ACCEPTED,
        change_id=fault.change.id if fault.change else None,
        claims_for=claims,
    )


def _claim(fault: Fault, errors: Gathered) -> Claim:
    blank = Reading(
        evidence_id=errors.evidence.id,
        entity=fault.service,
        subject="requests:error_ratio",
        statistic=Statistic.MEDIAN,
        start=START + fault.begins - 500,
        end=START + fault.begins - 1,
        value=0.0,
    )
    before = replace(blank, value=blank.recompute(errors.rows) or 0.0)
    later = replace(blank, start=START + fault.begins, end=START + fault.looked)
    after = replace(later, value=later.recompute(errors.rows) or 0.0)
    text = f'"errors" of "{fault.service}" went from {before.value:g} to {after.value:g}'
    return Claim(text=text, readings=(before, after), points=2.0)
