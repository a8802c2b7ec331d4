"""One Autoheal with its real loops and stores, looking after simulated productions, one after another."""

from __future__ import annotations

import asyncio
import random
import shutil
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TypeVar

from autoheal.alerts.intake import Intake
from autoheal.domain.approval import Approval, Decision
from autoheal.domain.change import Change, ChangeKind
from autoheal.domain.errors import ConflictError
from autoheal.domain.mitigation import ActionKind, Tier
from autoheal.domain.proposal import ProposalKind, ProposalState
from autoheal.domain.skill import Trust
from autoheal.healing.gather import Gatherer, Sources
from autoheal.healing.responder import Responder
from autoheal.healing.settings import AskSettings, HealingSettings
from autoheal.housekeeping import Housekeeping
from autoheal.integrations.alertmanager.alerts import AlertmanagerAlerts
from autoheal.integrations.database.database import Database
from autoheal.integrations.files.brakes import StoredBrake
from autoheal.integrations.git.context import ensure
from autoheal.integrations.git.forge import GitForge
from autoheal.integrations.git.skills import GitSkillLibrary
from autoheal.integrations.memory.machine import MemoryClock, MemoryIds
from autoheal.integrations.memory.pager import MemoryPager
from autoheal.learning.lessons import Lessons
from autoheal.learning.settings import LearningSettings
from autoheal.loop import Loop
from autoheal.policy.policy import ActionRule, Environment, EvidenceRule, Mode, Policy
from autoheal.ports.proving import Ran
from autoheal.ports.runs import Json
from autoheal.reasoning.settings import ReasoningSettings
from autoheal.sandbox.simulated.alarms import Alarms
from autoheal.sandbox.simulated.production import Fault, Production
from autoheal.sandbox.simulated.stream import Planned
from autoheal.sandbox.simulated.thinking import Thinking

T = TypeVar("T")
START = datetime(2026, 3, 2, 8, 0, tzinfo=UTC)
ENVIRONMENT = "production"
_REVIEWER, ON_CALL = "reviewer", "on-call"
HEALING = HealingSettings(
    baseline_seconds=900,
    rate_window_seconds=60,
    max_points=90,
    settle_seconds=45,
    second_look_seconds=30,
    max_looks=2,
    verify_poll_seconds=30,
    verify_stable_seconds=90,
    verify_within_seconds=300,
    ask=AskSettings(enabled=True, on_call=(ON_CALL,)),
)
LEARNING = LearningSettings(
    code_repository="code", history_seconds=1_000, backtest_step_seconds=10, past_incidents=50
)
POLICY = Policy(
    mode=Mode.AUTO,
    environments={ENVIRONMENT: Environment(mode=Mode.AUTO, min_trust=Trust.ASSISTED)},
    actions={kind: ActionRule(tier=Tier.MEDIUM) for kind in ActionKind},
    evidence=EvidenceRule(independent_signals=1, min_confidence=1.0),
)
_ANSWER_SECONDS = 120.0
_REPAIR_SECONDS = 900.0
_LOOKS = 400
_EVERY = 2_000


class NoRoom:
    """A Prover that proves nothing: a simulated production has no code that could be run."""

    isolated, isolation = True, "nothing was run"

    def run(self, command: Sequence[str], **_: object) -> Ran:
        """Say that it did not start."""
        del command
        return Ran(code=None, output="a simulation has no code to run", seconds=0.0)


@dataclass(slots=True)
class Queue:
    """Runs as a queue: what is started waits until it is taken; nobody is told anything."""

    waiting: list[tuple[str, str]] = field(default_factory=list)
    started: set[tuple[str, str]] = field(default_factory=set)

    def start(self, workflow: str, subject: str) -> None:
        """Queue it, once per pair."""
        if (workflow, subject) not in self.started:
            self.started.add((workflow, subject))
            self.waiting.append((workflow, subject))

    def tell(self, workflow: str, subject: str, topic: str, message: Json, *, once: str) -> None:
        """Nothing: a waiting run looks again by itself."""
        del workflow, subject, topic, message, once


@dataclass(kw_only=True)
class VirtualRun:
    """A Run in which waiting is the production's clock moved on, and people answer after a while."""

    world: World
    questions: int = 0

    async def step(self, do: Callable[..., T], *args: object) -> T:
        """Call it: nothing crashes here."""
        return await asyncio.to_thread(do, *args)

    async def sleep(self, seconds: float) -> None:
        """The production lives on for so long."""
        production = self.world.production
        production.advance(production.now + seconds)

    async def wait(self, topic: str, *, seconds: float) -> Json:
        """A person answers: says yes or no to an action, or mends what Autoheal gave up on."""
        del seconds
        kind, _, subject = topic.partition("-")
        await self.sleep(_ANSWER_SECONDS)
        if kind == "answer":
            self.world.tell(subject)
            return True
        self.questions += 1
        if kind == "approval":
            self.world.rule(subject)
        else:
            await self.sleep(_REPAIR_SECONDS)
            self.world.production.mend()
            await self.sleep(HEALING.verify_stable_seconds * 2)
        return True


@dataclass(frozen=True, slots=True, kw_only=True)
class Lived:
    """What became of one planned incident, and how often a person was asked."""

    incidents: tuple[str, ...]
    questions: int


class World:
    """Stores in a folder, made from a template; `production` is the one that is being looked after."""

    production: Production

    def __init__(
        self, folder: Path, template: Path, *, learning: bool = True, thinking: Thinking | None = None
    ) -> None:
        shutil.copytree(template, folder)
        self._folder, self._learning, self._thinking = folder, learning, thinking
        self.clock, self.ids, self.queue = MemoryClock(at=START), MemoryIds(), Queue()
        self.database = Database(
            f"sqlite:///{folder / 'autoheal.db'}", now=self.clock.now, new_id=self.ids.new
        )
        repositories = {"context": folder / "context", "code": folder / "code"}
        self.forge = GitForge(repositories, folder / "scratch")
        self.library = GitSkillLibrary(self.forge)

    def wipe(self) -> None:
        """Forget everything, and give the room back."""
        self.database.close()
        shutil.rmtree(self._folder)

    def live(self, planned: Planned) -> Lived:
        """Let one incident happen, be healed and be learned from."""
        self.clock.at = START + timedelta(seconds=planned.at)
        self.production = self._production(planned)
        loop = self._loop()
        self._intake = loop.intake
        seen = Housekeeping(
            intake=loop.intake,
            traces=self.production.traces,
            graph=self.database.graph,
            clock=self.clock,
        )
        seen.observe_calls()
        strike_as(self.production, planned)
        run = VirtualRun(world=self)
        for _ in range(_LOOKS):
            self.production.advance(self.production.now + 10.0)
            if self.queue.waiting:
                break
        opened = self._drain(loop, run)
        self._calm_down()
        opened += self._drain(loop, run)
        return Lived(incidents=opened, questions=run.questions)

    def _drain(self, loop: Loop, run: VirtualRun) -> tuple[str, ...]:
        """Carry out what waits, and what that starts; returns the incidents that were healed."""
        healed: list[str] = []
        while self.queue.waiting:
            workflow, subject = self.queue.waiting.pop(0)
            healed += [subject] if workflow == "heal" else []
            if workflow == "heal" or self._learning:
                asyncio.run(_whole(loop, run, workflow, subject))
        return tuple(healed)

    def review(self, *, seen: int = 1) -> int:
        """A person merges what is proposed for the context repository; returns how many.

        Skills are merged only where their failure came so often.
        """
        lessons = self._lessons(self._gatherer())
        listed = self.database.incidents.list(limit=_EVERY)
        came = Counter(incident.family for incident in listed)
        families = {incident.id: incident.family for incident in listed}
        merged = 0
        for proposal in reversed(self.database.proposals.list()):
            often = came[families.get(proposal.incident_id, "")] >= seen
            skill = proposal.kind is ProposalKind.SKILL and often
            wanted = skill or proposal.kind is ProposalKind.DECISION_TRACE
            if proposal.state is ProposalState.PROPOSED and wanted:
                merged += self._merged(lessons, proposal.id)
        return merged

    def tell(self, question_id: str) -> None:
        """The person who was asked names the service where the fault is."""
        store, fault = self.database.questions, self.production.fault
        if fault is not None:
            where = f"it is {fault.service}"
            said = replace(
                store.get(question_id), answer=where, answered_by=ON_CALL, answered_at=self.clock.now()
            )
            store.save(said)

    def rule(self, mitigation_id: str) -> None:
        """The person on call says yes to what would mend the fault, and no to anything else."""
        mitigation = self.database.mitigations.get(mitigation_id)
        fault = self.production.fault
        action = mitigation.action
        helps = fault is not None and (action.kind, action.target) == (fault.kind.cure, fault.service)
        given = Approval(
            id=self.ids.new("apr"),
            mitigation_id=mitigation_id,
            digest=mitigation.digest,
            decision=Decision.APPROVED if helps else Decision.REJECTED,
            actor=ON_CALL,
            channel="simulation",
            decided_at=self.clock.now(),
            expires_at=mitigation.expires_at,
        )
        self.database.mitigations.add_approval(given)

    def _merged(self, lessons: Lessons, proposal_id: str) -> bool:
        try:
            lessons.merge(proposal_id, actor=_REVIEWER)
        except ConflictError:
            return False
        return True

    def _calm_down(self) -> None:
        """Until nothing fires any more: the next incident finds a quiet production."""
        self.production.mend()
        for _ in range(_LOOKS):
            if self.production.alarms.quiet:
                return
            self.production.advance(self.production.now + 10.0)

    def _production(self, planned: Planned) -> Production:
        begins = self.clock.now().timestamp() + 40.0
        false_alarm = not planned.kind.effects
        named = frozenset(planned.fleet.services if planned.named_rules else ())
        alarms = Alarms(
            environment=ENVIRONMENT,
            named=named,
            pod=f"{planned.seed:08x}"[:5],
            probe=(planned.service, begins, begins + 300.0) if false_alarm else None,
        )
        return Production(
            fleet=planned.fleet,
            clock=self.clock,
            dice=random.Random(planned.seed),
            deliver=self._deliver,
            alarms=alarms,
        )

    def _deliver(self, body: bytes) -> None:
        self._intake.receive("alertmanager", body)

    def _gatherer(self) -> Gatherer:
        here = self.production
        sources = Sources(metrics=here.metrics, logs=here.logs, traces=here.traces, changes=(here.changes,))
        return Gatherer(sources=sources, incidents=self.database.incidents, clock=self.clock, ids=self.ids)

    def _loop(self) -> Loop:
        gatherer = self._gatherer()
        return Loop(intake=self._door(), responder=self._responder(gatherer), lessons=self._lessons(gatherer))

    def _door(self) -> Intake:
        return Intake(
            alerts=self.database.alerts,
            incidents=self.database.incidents,
            graph=self.database.graph,
            runs=self.queue,
            clock=self.clock,
            ids=self.ids,
            decoders={"alertmanager": AlertmanagerAlerts()},
            environment=ENVIRONMENT,
        )

    def _responder(self, gatherer: Gatherer) -> Responder:
        database = self.database
        return Responder(
            settings=HEALING,
            clock=self.clock,
            ids=self.ids,
            gatherer=gatherer,
            alerts=database.alerts,
            incidents=database.incidents,
            mitigations=database.mitigations,
            audit=database.audit,
            graph=database.graph,
            skills=self.library,
            questions=database.questions,
            actuator=self.production.actuator,
            pager=MemoryPager(),
            runs=self.queue,
            policy=lambda: POLICY,
            brakes=(StoredBrake(mitigations=database.mitigations),),
            minds=self._thinking.minds if self._thinking else None,
            reasoning=self._thinking.settings if self._thinking else ReasoningSettings(),
        )

    def _lessons(self, gatherer: Gatherer) -> Lessons:
        database = self.database
        return Lessons(
            settings=LEARNING,
            healing=HEALING,
            clock=self.clock,
            ids=self.ids,
            alerts=database.alerts,
            incidents=database.incidents,
            mitigations=database.mitigations,
            proposals=database.proposals,
            graph=database.graph,
            audit=database.audit,
            forge=self.forge,
            skills=self.library,
            gatherer=gatherer,
            prover=NoRoom(),
        )


def template(folder: Path) -> Path:
    """An empty memory to copy: tables at their newest version, an empty context and code repository."""
    folder.mkdir(parents=True)
    clock, ids = MemoryClock(at=START), MemoryIds()
    database = Database(f"sqlite:///{folder / 'autoheal.db'}", now=clock.now, new_id=ids.new)
    database.migrate()
    database.close()
    ensure(folder / "context")
    ensure(folder / "code")
    return folder


async def _whole(loop: Loop, run: VirtualRun, workflow: str, subject: str) -> None:
    await loop.workflows()[workflow](run, subject)


def strike_as(production: Production, planned: Planned) -> None:
    """Break the production as it was planned, its decoy before it."""
    begins = production.now + 40.0
    if planned.decoy is not None:
        production.make(_change(planned, planned.decoy, ChangeKind.DEPLOY, begins - 300.0))
    kind = planned.kind
    change = _change(planned, planned.service, kind.change, begins - 30.0) if kind.change else None
    if kind.effects:
        fault = Fault(
            kind=kind, service=planned.service, begins=begins, severity=planned.severity, change=change
        )
        production.strike(fault)


def _change(planned: Planned, service: str, kind: ChangeKind, at: float) -> Change:
    """A change as its source logs it: the release's commit, or the one value that was set."""
    ours = service == planned.service
    value = kind is not ChangeKind.DEPLOY
    return Change(
        id=f"{kind}-{planned.seed:08x}-{service}",
        kind=kind,
        entity=service,
        time=at,
        author="dev",
        title=f"{kind} of {service}" if ours else f"routine release of {service}",
        commit="" if value else f"{planned.seed:08x}{len(service):032x}",
        key=("limit" if kind is ChangeKind.CONFIG else f"new-{service}") if value else "",
        before=("40" if kind is ChangeKind.CONFIG else "false") if value else "",
        after=("4" if kind is ChangeKind.CONFIG else "true") if value else "",
    )
