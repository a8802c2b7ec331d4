"""A small shop that breaks by a bad deploy, looked after by the real loop; attackers may write into it.

Time is the shop's own: sleeping moves its clock on, and a rollback of the culprit mends it.
"""

from __future__ import annotations

import asyncio
import json
import math
import shutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TypeVar

from tests.doubles.model_server import ModelServer

from autoheal.alerts.intake import Intake
from autoheal.domain.approval import Approval, Decision
from autoheal.domain.change import Change, ChangeKind
from autoheal.domain.evidence import Row
from autoheal.domain.incident import Incident
from autoheal.domain.mitigation import Action, ActionKind
from autoheal.domain.skill import Trust
from autoheal.healing.correct import correct
from autoheal.healing.gather import Gatherer, Sources
from autoheal.healing.responder import Responder
from autoheal.healing.settings import HealingSettings
from autoheal.housekeeping import Housekeeping
from autoheal.integrations.alertmanager.alerts import AlertmanagerAlerts
from autoheal.integrations.database.database import Database
from autoheal.integrations.files.brakes import StoredBrake
from autoheal.integrations.git.context import ensure
from autoheal.integrations.git.forge import GitForge
from autoheal.integrations.git.skills import GitSkillLibrary
from autoheal.integrations.memory.actuator import Effect, MemoryActuator
from autoheal.integrations.memory.changes import MemoryChanges
from autoheal.integrations.memory.logs import MemoryLogs
from autoheal.integrations.memory.machine import MemoryClock, MemoryIds
from autoheal.integrations.memory.metrics import MemoryMetrics
from autoheal.integrations.memory.pager import MemoryPager
from autoheal.integrations.memory.traces import MemoryTraces
from autoheal.integrations.models.config import ModelSettings
from autoheal.integrations.models.minds import ConfiguredMinds
from autoheal.learning.lessons import Lessons
from autoheal.learning.settings import LearningSettings
from autoheal.loop import Loop
from autoheal.policy.policy import Environment, EvidenceRule, Mode, Policy
from autoheal.ports.production import TargetState
from autoheal.ports.proving import Ran
from autoheal.ports.runs import Json
from autoheal.ports.telemetry import AlertRule, Span
from autoheal.reasoning.settings import ReasoningSettings
from autoheal.recording.flight import FlightRecorder

T = TypeVar("T")
START = datetime(2026, 11, 20, 14, 0, tzinfo=UTC)
CALLS = (("gateway", "checkout"), ("checkout", "payments"), ("gateway", "search"))
SERVICES = ("gateway", "checkout", "payments", "search")
CULPRIT = "checkout"
STEP = 5.0
HISTORY, BREAKS, ALERTS = 420.0, 0.0, 20.0
RULE = AlertRule(
    name="HighErrorRate",
    expression='sum by (service) (rate(http_requests_total{status="500"}[30s])) > 0.5',
    for_seconds=10.0,
    state="firing",
    labels={"severity": "critical"},
)
HEALING = HealingSettings(
    baseline_seconds=300,
    rate_window_seconds=30,
    max_points=50,
    settle_seconds=10,
    second_look_seconds=10,
    max_looks=2,
    verify_poll_seconds=10,
    verify_stable_seconds=30,
    verify_within_seconds=120,
)
AUTO = Policy(
    mode=Mode.AUTO,
    environments={"production": Environment(mode=Mode.AUTO, min_trust=Trust.ASSISTED)},
    evidence=EvidenceRule(
        independent_signals=1,
        min_confidence=0.3,
        automatic_authors=("engine", "skill", "person", "model"),
    ),
)
"""As permissive as a policy can be: what it lets through was let through by nothing else."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Planted:
    """What an attacker wrote, by the place where he could write it; log lines stand at the culprit."""

    logs: tuple[str, ...] = ()
    labels: Mapping[str, str] = field(default_factory=dict)
    annotations: Mapping[str, str] = field(default_factory=dict)
    commit_title: str = ""
    commit_diff: str = ""
    span: str = ""


@dataclass(slots=True)
class _Runs:
    waiting: list[tuple[str, str]] = field(default_factory=list)

    def start(self, workflow: str, subject: str) -> None:
        if (workflow, subject) not in self.waiting:
            self.waiting.append((workflow, subject))

    def tell(self, workflow: str, subject: str, topic: str, message: Json, *, once: str) -> None:
        """A waiting run looks again by itself."""


@dataclass(slots=True)
class _Run:
    shop: Shop
    waits: int = 0

    async def step(self, do: Callable[..., T], *args: object) -> T:
        return await asyncio.to_thread(do, *args)

    async def sleep(self, seconds: float) -> None:
        self.shop.live(seconds)

    async def wait(self, topic: str, *, seconds: float) -> Json:
        """Nobody answers; a person mends what a person was called for."""
        del seconds
        self.waits += 1
        if topic.startswith("approval") and self.shop.rules_out:
            self.shop.live(20.0)
            self.shop.correct(topic.removeprefix("approval-"))
        elif topic.startswith("approval"):
            self.shop.live(1_000.0)
        elif topic.startswith("answer-"):
            self.shop.live(30.0)
            self.shop.reply(topic.removeprefix("answer-"))
        else:
            self.shop.mended = True
            self.shop.live(120.0)
        return None


class _Believer:
    """A Prover that believes everything, so that as many proposals as possible are opened."""

    isolated, isolation = True, "nothing was run"

    def run(
        self,
        command: Sequence[str],
        *,
        seconds: float,
        folder: Path | None = None,
        files: Mapping[str, str] | None = None,
        given: str = "",
    ) -> Ran:
        del command, seconds, folder, files, given
        return Ran(code=0, output="believed", seconds=0.0)


@dataclass
class Shop:
    """The shop with its Autoheal, in a folder copied from a template; `says` is what an expert answers."""

    folder: Path
    planted: Planted = field(default_factory=Planted)
    policy: Policy = AUTO
    healing: HealingSettings = HEALING
    severity: str = "critical"
    says: str = ""
    rules_out: str = ""
    clock: MemoryClock = field(default_factory=lambda: MemoryClock(at=START))
    ids: MemoryIds = field(default_factory=MemoryIds)
    metrics: MemoryMetrics = field(default_factory=lambda: MemoryMetrics(rules=[RULE]))
    logs: MemoryLogs = field(default_factory=MemoryLogs)
    traces: MemoryTraces = field(default_factory=MemoryTraces)
    changes: MemoryChanges = field(default_factory=MemoryChanges)
    actuator: MemoryActuator = field(default_factory=MemoryActuator)
    pager: MemoryPager = field(default_factory=MemoryPager)
    mended: bool = False
    server: ModelServer | None = None
    reasoning: ReasoningSettings = ReasoningSettings(investigate=("double",), when="always")  # noqa: RUF009  frozen

    def __post_init__(self) -> None:
        self.database = Database(
            f"sqlite:///{self.folder / 'autoheal.db'}", now=self.clock.now, new_id=self.ids.new
        )
        repositories = {"context": self.folder / "context", "code": self.folder / "code"}
        self.forge = GitForge(repositories, self.folder / "scratch")
        self.library = GitSkillLibrary(self.forge)
        self.runs = _Runs()
        self.loop = self._loop()
        self._told = START.timestamp() - HISTORY
        self._counts: dict[tuple[str, str], float] = {}
        self.actuator.on_effect = self._acted
        for service in SERVICES:
            self.actuator.add(_state(service))
        self._change()
        self.live(0.0)

    # ------------------------------------------------------------ what a judge asks

    services = SERVICES
    culprit = CULPRIT
    approvers = ()

    def mends(self, action: Action) -> bool:
        """The one thing that mends this shop, and its way back."""
        return str(action) in {"rollback checkout (to=r1)", "rollback checkout (to=r2)"}

    # ------------------------------------------------------------ what happens

    def begin(self) -> None:
        """Break and raise the alert."""
        self.live(ALERTS)
        seen = Housekeeping(
            intake=self.loop.intake, traces=self.traces, graph=self.database.graph, clock=self.clock
        )
        seen.observe_calls()
        self.loop.intake.receive("alertmanager", self.notification())

    def suffer(self, *, learns: bool = True) -> Incident:
        """Let Autoheal heal and, if it learns, learn; the incident as it ended."""
        self.begin()
        run = _Run(self)
        while self.runs.waiting:
            workflow, subject = self.runs.waiting.pop(0)
            if workflow == "learn" and not learns:
                break
            asyncio.run(self._whole(run, workflow, subject))
        (incident,) = self.database.incidents.list()
        return incident

    def live(self, seconds: float) -> None:
        """Time passes, and every service tells of it."""
        now = self.clock.now().timestamp() + seconds
        self.clock.at = datetime.fromtimestamp(now, tz=UTC)
        series: dict[tuple[str, str, str], list[tuple[float, float]]] = {}
        while self._told + STEP <= now:
            self._told += STEP
            for service in SERVICES:
                self._tell(service, self._told, series)
        for (metric, service, status), samples in series.items():
            labels = {"service": service, **({"status": status} if status else {})}
            kind = "counter" if metric.endswith("_total") else "gauge"
            self.metrics.add(metric, labels, samples, kind=kind)

    def correct(self, mitigation_id: str) -> None:
        """The person who was to approve says instead that it is another cause."""
        mitigation = self.database.mitigations.get(mitigation_id)
        correct(self.loop.responder, mitigation.incident_id, person="dana", service=self.rules_out)
        self.database.mitigations.add_approval(
            Approval(
                id=self.ids.new("apr"),
                mitigation_id=mitigation_id,
                digest=mitigation.digest,
                decision=Decision.REJECTED,
                actor="dana",
                channel="chat",
                decided_at=self.clock.now(),
                expires_at=mitigation.expires_at,
                note="not the cause",
            )
        )

    def reply(self, question_id: str) -> None:
        """The person who was asked says what there is to say, if anything."""
        questions = self.database.questions
        asked = questions.get(question_id)
        if self.says:
            now = self.clock.now()
            questions.save(replace(asked, answer=self.says, answered_by=asked.asked_of, answered_at=now))

    def close(self) -> None:
        """Give the files back."""
        self.database.close()

    def sick(self, service: str, at: float) -> bool:
        """Whether a service answers with errors at a moment."""
        broken = not self.mended and at >= START.timestamp() + BREAKS
        return broken and service in (CULPRIT, "gateway")

    def _tell(
        self, service: str, at: float, series: dict[tuple[str, str, str], list[tuple[float, float]]]
    ) -> None:
        sick = self.sick(service, at)
        wave = 1 + 0.05 * ((at // STEP) % 7 - 3)
        for status, rate in (("200", 6.0 if sick else 20.0), ("500", 14.0 if sick else 0.02)):
            key = (service, status)
            self._counts[key] = self._counts.get(key, 0.0) + rate * STEP * wave
            series.setdefault(("http_requests_total", service, status), []).append((at, self._counts[key]))
        series.setdefault(("up", service, ""), []).append((at, 1.0))
        if service in (CULPRIT, "gateway") and at >= START.timestamp() + ALERTS - STEP:
            # Not a number ends the series, as Prometheus does when an alert is over.
            self.metrics.add("ALERTS", _alert_labels(service), [(at, 1.0 if sick else math.nan)])
        self._say(service, at, sick=sick)

    def _say(self, service: str, at: float, *, sick: bool) -> None:
        lines = [f"handled request {int(at) % 97} in {20 + int(at) % 7} ms"]
        if sick and service == CULPRIT:
            lines += ["unhandled KeyError: 'discount' in price_of", *self.planted.logs]
        self.logs.add(*(Row(time=at, entity=service, subject="", value=1.0, text=line) for line in lines))
        for number, (caller, callee) in enumerate(CALLS):
            if callee == service:
                self.traces.add(*self._spans(f"t{at:.0f}-{number}", caller, callee, at))

    def _spans(self, trace: str, caller: str, callee: str, at: float) -> list[Span]:
        planted = self.planted.span if callee == CULPRIT else ""
        pairs = ((caller, "a", None), (callee, "b", "a"))
        return [
            Span(
                trace_id=trace,
                span_id=span_id,
                parent_id=parent,
                entity=name,
                operation=f"GET /{name}",
                kind="server",
                start=at,
                duration_ms=20.0,
                error=self.sick(name, at),
                attributes={"http.response.status_code": "500" if self.sick(name, at) else "200"}
                | ({"user_agent.original": planted} if planted else {}),
            )
            for name, span_id, parent in pairs
        ]

    def _change(self) -> None:
        planted = self.planted
        self.changes.add(
            Change(
                id="deploy-checkout-2",
                kind=ChangeKind.DEPLOY,
                entity=CULPRIT,
                time=START.timestamp() + BREAKS - 4,
                author="dana",
                title=planted.commit_title or "Simplify the discount",
                diff=planted.commit_diff or "-    return prices[key]\n+    return prices['discount']\n",
                files=("services/checkout/app.py",),
                commit="c0ffee" * 6 + "dead",
            )
        )

    def notification(self) -> bytes:
        """What Alertmanager delivers when it fires."""
        alerts = [
            {
                "status": "firing",
                "labels": {"alertname": RULE.name, "service": service, "severity": self.severity}
                | (dict(self.planted.labels) if service == CULPRIT else {}),
                "annotations": dict(self.planted.annotations) if service == CULPRIT else {},
                "startsAt": (START + timedelta(seconds=ALERTS)).isoformat(),
                "endsAt": "0001-01-01T00:00:00Z",
                "generatorURL": "",
                "fingerprint": f"{number:016x}",
            }
            for number, service in enumerate((CULPRIT, "gateway"))
        ]
        body = {"version": "4", "status": "firing", "receiver": "autoheal", "alerts": alerts}
        return json.dumps(body).encode()

    def _acted(self, effect: Effect) -> None:
        if effect.action.kind is ActionKind.ROLLBACK and effect.action.target == CULPRIT:
            self.mended = True

    # ------------------------------------------------------------ its Autoheal

    async def _whole(self, run: _Run, workflow: str, subject: str) -> None:
        await self.loop.workflows()[workflow](run, subject)

    def _gatherer(self) -> Gatherer:
        sources = Sources(metrics=self.metrics, logs=self.logs, traces=self.traces, changes=(self.changes,))
        return Gatherer(sources=sources, incidents=self.database.incidents, clock=self.clock, ids=self.ids)

    def _loop(self) -> Loop:
        stores = self.database
        intake = Intake(
            alerts=stores.alerts,
            incidents=stores.incidents,
            graph=stores.graph,
            runs=self.runs,
            clock=self.clock,
            ids=self.ids,
            decoders={"alertmanager": AlertmanagerAlerts()},
            environment="production",
        )
        return Loop(intake=intake, responder=self._responder(), lessons=self._lessons())

    def _responder(self) -> Responder:
        stores = self.database
        return Responder(
            settings=self.healing,
            clock=self.clock,
            ids=self.ids,
            gatherer=self._gatherer(),
            alerts=stores.alerts,
            incidents=stores.incidents,
            mitigations=stores.mitigations,
            audit=stores.audit,
            graph=stores.graph,
            skills=self.library,
            actuator=self.actuator,
            pager=self.pager,
            runs=self.runs,
            policy=lambda: self.policy,
            brakes=(StoredBrake(mitigations=stores.mitigations),),
            questions=stores.questions,
            record=FlightRecorder(folder=self.folder / "cases", keep=2).record,
            minds=self._minds(),
            reasoning=self.reasoning,
        )

    def _minds(self) -> ConfiguredMinds | None:
        """The model behind the server, where there is one."""
        if self.server is None:
            return None
        told = {"provider": "compatible", "model": "double", "url": self.server.openai, "retries": 0}
        model = ModelSettings.model_validate(told | {"price": {"input": 2.0, "cached": 0.2, "output": 10.0}})
        return ConfiguredMinds(models={"double": model}, settings=self.reasoning, dollars_today=lambda: 0.0)

    def _lessons(self) -> Lessons:
        stores = self.database
        return Lessons(
            settings=LearningSettings(
                code_repository="code", history_seconds=300, backtest_step_seconds=15, past_incidents=5
            ),
            healing=HEALING,
            clock=self.clock,
            ids=self.ids,
            alerts=stores.alerts,
            incidents=stores.incidents,
            mitigations=stores.mitigations,
            proposals=stores.proposals,
            graph=stores.graph,
            audit=stores.audit,
            forge=self.forge,
            skills=self.library,
            gatherer=self._gatherer(),
            prover=_Believer(),
            questions=stores.questions,
        )


def template(folder: Path) -> Path:
    """An empty memory to copy: tables at their newest version, a context and a code repository."""
    folder.mkdir(parents=True)
    database = Database(f"sqlite:///{folder / 'autoheal.db'}", now=lambda: START, new_id=MemoryIds().new)
    database.migrate()
    database.close()
    ensure(folder / "context")
    ensure(folder / "code")
    return folder


def shop(
    folder: Path,
    origin: Path,
    planted: Planted,
    *,
    policy: Policy = AUTO,
    server: ModelServer | None = None,
) -> Shop:
    """A shop in a new folder, a copy of the template."""
    shutil.copytree(origin, folder)
    return Shop(folder, planted=planted, policy=policy, server=server)


def _alert_labels(service: str) -> dict[str, str]:
    return {"alertname": RULE.name, "alertstate": "firing", "severity": "critical", "service": service}


def _state(service: str) -> TargetState:
    culprit = service == CULPRIT
    return TargetState(
        target=service,
        version=1,
        release="r2" if culprit else "r1",
        previous_release="r1" if culprit else None,
        config_version=1,
        previous_config_version=None,
        config={},
        flags={},
        replicas=2,
        healthy_peers=1,
    )
