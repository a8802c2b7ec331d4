"""THE WIRING. The one place where ports meet integrations."""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import timedelta
from functools import partial
from pathlib import Path

from autoheal.alerts.intake import Intake
from autoheal.app import App
from autoheal.config import Config
from autoheal.domain.errors import ConfigError
from autoheal.graph.sync import Connected, Sync
from autoheal.healing.decide import remind
from autoheal.healing.gather import Gatherer, Sources
from autoheal.healing.responder import Record, Responder
from autoheal.healing.room import Room
from autoheal.healing.take_over import take_over
from autoheal.healing.thread import Teller
from autoheal.healing.tool_belt import ToolBelt
from autoheal.housekeeping import Housekeeping
from autoheal.integrations.absent import NoActuator, NoMetrics
from autoheal.integrations.alertmanager.alerts import AlertmanagerAlerts
from autoheal.integrations.coder.program import ProgramCoder
from autoheal.integrations.crash import CrashPoints, crash_from
from autoheal.integrations.database.database import Database
from autoheal.integrations.dbos.runs import DbosRuns
from autoheal.integrations.files.brakes import BrakeFile, StoredBrake
from autoheal.integrations.files.policy import PolicyFile
from autoheal.integrations.generic.alerts import GenericAlerts
from autoheal.integrations.git.changes import GitChanges
from autoheal.integrations.git.context import ensure
from autoheal.integrations.git.forge import GitForge
from autoheal.integrations.git.skills import GitSkillLibrary
from autoheal.integrations.machine import SystemClock, UlidIds, new_secret
from autoheal.integrations.models.minds import ConfiguredMinds
from autoheal.integrations.prover.prover import Allowances, SandboxedProver
from autoheal.learning.context_index import ContextIndex
from autoheal.learning.knowledge import Knowledge
from autoheal.learning.lessons import Lessons
from autoheal.loop import Loop
from autoheal.policy.people import People
from autoheal.ports.machine import Clock
from autoheal.ports.memory import Memory
from autoheal.ports.production import Actuator
from autoheal.ports.reasoning import Stage
from autoheal.ports.runs import Runs
from autoheal.ports.telemetry import Changes
from autoheal.recording.deletion import Deletion
from autoheal.recording.flight import FlightRecorder
from autoheal.recording.regression import RegressionSet
from autoheal.reports import checks
from autoheal.reports.access_checks import access_probe
from autoheal.reports.model_checks import model_probes
from autoheal.reports.tool_checks import tool_probes

_CONTEXT = "context"
_CASES, _REGRESSIONS = "cases", "regressions"
_PROGRAMS = {
    "git": "the forge and the context repository",
    "promtool": "proofs of alert rules",
}


def wire(config: Config) -> App:
    """The product with these settings; nothing runs before `start`."""
    crash = crash_from(os.environ)  # noqa: TID251  a test names the point at which to kill this worker
    clock, ids = SystemClock(), UlidIds()
    _make(config.home)
    database = Database(config.database_url, now=clock.now, new_id=ids.new)
    database.migrate()
    crash.arm(database)
    repositories = _repositories(config)
    forge = crash.around(GitForge(repositories, config.home / "scratch"), "forge")
    library = GitSkillLibrary(forge, _CONTEXT)
    sources = _sources(config, forge)
    runs = crash.around(DbosRuns(config.runs_url, executor=config.runs.executor, crash=crash), "runs")
    responder = _responder(config, database, sources, runs, library, _actuator(config, crash))
    responder = replace(responder, pager=crash.around(responder.pager, "pager"))
    loop = Loop(
        intake=_intake(config, database, runs),
        responder=responder,
        lessons=replace(_lessons(config, database, sources, forge, library), minds=responder.minds),
    )
    room = _room(config, database, responder, runs)
    knowledge = _knowledge(config, database, sources, loop)
    housekeeping = replace(_housekeeping(loop, sources, room, knowledge), dead=runs.dead)

    def start() -> None:
        runs.launch(loop.workflows())
        housekeeping.start()

    def stop() -> None:
        housekeeping.stop()
        runs.shutdown()
        database.close()

    return App(
        config=config,
        memory=_memory(database),
        loop=loop,
        runs=runs,
        forge=forge,
        library=library,
        clock=clock,
        ids=ids,
        room=room,
        knowledge=knowledge,
        regressions=RegressionSet(recorded=config.home / _CASES, folder=config.home / _REGRESSIONS),
        deletion=_deletion(config, database),
        people=_people(config, database),
        start=start,
        stop=stop,
        checks=_checks(config, responder, forge, repositories, _people(config, database)),
    )


def _deletion(config: Config, database: Database) -> Deletion:
    return Deletion(
        incidents=database.incidents,
        audit=database.audit,
        clock=SystemClock(),
        whole=database.alerts.exclusively,
        folders=(config.home / _CASES, config.home / _REGRESSIONS),
    )


def _housekeeping(loop: Loop, sources: Sources, room: Room | None, knowledge: Knowledge) -> Housekeeping:
    return Housekeeping(
        intake=loop.intake,
        traces=sources.traces,
        graph=knowledge.graph,
        clock=SystemClock(),
        teller=room.teller if room else None,
        remind=partial(remind, loop.responder),
        take_over=partial(take_over, loop.responder),
        sync=knowledge.sync,
        index=knowledge.index,
    )


def _knowledge(config: Config, database: Database, sources: Sources, loop: Loop) -> Knowledge:
    clock, forge = SystemClock(), loop.lessons.forge
    connected = Connected(
        metrics=sources.metrics if config.sources.prometheus else None,
        traces=sources.traces,
        changes=sources.changes,
        forge=forge,
        repositories=tuple(name for name in config.repositories if name != _CONTEXT),
    )
    return Knowledge(
        graph=database.graph,
        archive=database.archive,
        curation=database.curation,
        clock=clock,
        lessons=loop.lessons,
        sync=Sync(
            graph=database.graph,
            clock=clock,
            connected=connected,
            retire_after=timedelta(days=config.graph.retire_after_days),
        ),
        index=ContextIndex(
            graph=database.graph,
            forge=forge,
            clock=clock,
            repository=config.learning.context_repository,
        ),
    )


def _room(config: Config, database: Database, responder: Responder, runs: Runs) -> Room | None:
    if config.slack is None:
        return None
    teller = Teller(
        chat=config.slack.open(),
        posts=database.posts,
        alerts=database.alerts,
        incidents=database.incidents,
        mitigations=database.mitigations,
        labels=config.slack.labels,
        link=config.pager.link or f"http://{config.http.host}:{config.http.port}",
        clock=SystemClock(),
    )
    return Room(
        door=config.slack.open_door(),
        posts=database.posts,
        teller=teller,
        responder=responder,
        runs=runs,
    )


def _belt(config: Config, database: Database) -> ToolBelt:
    return ToolBelt(
        servers={name: settings.open(name) for name, settings in config.mcp.items()},
        store=database.tools,
        audit=database.audit,
        clock=SystemClock(),
        whole=database.alerts.exclusively,
        policy=PolicyFile(config.policy),
    )


def _people(config: Config, database: Database) -> People:
    return People(
        store=database.people,
        audit=database.audit,
        clock=SystemClock(),
        whole=database.alerts.exclusively,
        mint=new_secret,
        settings=config.access,
    )


def _make(home: Path) -> None:
    try:
        home.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ConfigError(f"home {home} cannot be made: {error.strerror}") from None


def _memory(database: Database) -> Memory:
    return Memory(
        alerts=database.alerts,
        incidents=database.incidents,
        mitigations=database.mitigations,
        audit=database.audit,
        proposals=database.proposals,
        graph=database.graph,
        questions=database.questions,
    )


def _repositories(config: Config) -> Mapping[str, Path]:
    context = config.repositories.get(_CONTEXT, config.home / "repos" / "context")
    ensure(context)
    return {**config.repositories, _CONTEXT: context}


def _sources(config: Config, forge: GitForge) -> Sources:
    given = config.sources
    changes: list[Changes] = [config.platform.open_changes()] if config.platform else []
    changes += [GitChanges(forge=forge, repository=name) for name in config.repositories if name != _CONTEXT]
    return Sources(
        metrics=given.prometheus.open() if given.prometheus else NoMetrics(),
        logs=given.loki.open() if given.loki else None,
        traces=given.jaeger.open() if given.jaeger else None,
        changes=tuple(changes),
    )


def _actuator(config: Config, crash: CrashPoints) -> Actuator:
    if config.platform is None:
        return NoActuator()
    return crash.around(config.platform.open(), "actuator")


def _responder(
    config: Config,
    database: Database,
    sources: Sources,
    runs: DbosRuns,
    library: GitSkillLibrary,
    actuator: Actuator,
) -> Responder:
    clock, ids = SystemClock(), UlidIds()
    return Responder(
        settings=config.healing,
        clock=clock,
        ids=ids,
        gatherer=Gatherer(sources=sources, incidents=database.incidents, clock=clock, ids=ids),
        alerts=database.alerts,
        incidents=database.incidents,
        mitigations=database.mitigations,
        audit=database.audit,
        graph=database.graph,
        skills=library,
        actuator=actuator,
        pager=config.pager.open(),
        runs=runs,
        policy=PolicyFile(config.policy),
        brakes=(BrakeFile(config.home / "KILL"), StoredBrake(mitigations=database.mitigations)),
        questions=database.questions,
        belt=_belt(config, database),
        minds=minds_of(config, partial(_dollars_today, database, clock)),
        reasoning=config.reasoning,
        record=_recorder(config),
    )


def _recorder(config: Config) -> Record | None:
    keep = config.recording.keep
    return FlightRecorder(folder=config.home / _CASES, keep=keep).record if keep else None


def minds_of(config: Config, dollars_today: Callable[[], float]) -> ConfiguredMinds:
    """The configured models by stage; raises ConfigError for one whose calls could not be priced."""
    for name in dict.fromkeys(name for stage in Stage for name in config.reasoning.models(stage)):
        config.models[name].check_price(name, SystemClock().now())
    return ConfiguredMinds(models=config.models, settings=config.reasoning, dollars_today=dollars_today)


def _dollars_today(database: Database, clock: Clock) -> float:
    midnight = clock.now().replace(hour=0, minute=0, second=0, microsecond=0)
    return database.incidents.dollars_since(midnight)


def _intake(config: Config, database: Database, runs: DbosRuns) -> Intake:
    decoders = (AlertmanagerAlerts(), GenericAlerts())
    return Intake(
        alerts=database.alerts,
        incidents=database.incidents,
        graph=database.graph,
        runs=runs,
        clock=SystemClock(),
        ids=UlidIds(),
        decoders={decoder.source: decoder for decoder in decoders},
        settings=config.alerts,
        environment=config.environment,
    )


def _lessons(
    config: Config, database: Database, sources: Sources, forge: GitForge, library: GitSkillLibrary
) -> Lessons:
    return Lessons(
        settings=config.learning,
        healing=config.healing,
        clock=SystemClock(),
        ids=UlidIds(),
        alerts=database.alerts,
        incidents=database.incidents,
        mitigations=database.mitigations,
        proposals=database.proposals,
        graph=database.graph,
        audit=database.audit,
        forge=forge,
        skills=library,
        gatherer=Gatherer(sources=sources, incidents=database.incidents, clock=SystemClock(), ids=UlidIds()),
        prover=SandboxedProver(),
        questions=database.questions,
        limits=config.reasoning.limits_of(Stage.PATCH),
        coder=_coder(config),
    )


def _coder(config: Config) -> ProgramCoder | None:
    """The configured program that writes patches, closed in as proofs are, but for what it is allowed."""
    settings = config.learning
    if not settings.patch_command:
        return None
    prover = SandboxedProver(
        memory_megabytes=16_384,  # the runtimes of such programs reserve far more than they use
        allowed=Allowances(
            network=settings.patch_network,
            environment={n: value.get_secret_value() for n, value in settings.patch_environment.items()},
            readable=settings.patch_readable,
        ),
    )
    return ProgramCoder(command=settings.patch_command, prover=prover, seconds=settings.patch_seconds)


def _checks(
    config: Config, responder: Responder, forge: GitForge, repositories: Mapping[str, Path], people: People
) -> Callable[[], Sequence[checks.Check]]:
    def look() -> Sequence[checks.Check]:
        now = responder.clock.now()
        sources = responder.gatherer.sources
        metrics = sources.metrics if config.sources.prometheus else None
        found = {name: shutil.which(name) for name in _PROGRAMS}
        probes = (
            checks.store_probe(responder.alerts),
            checks.metrics_probe(metrics, label=config.healing.entity_label, now=now),
            checks.rules_probe(metrics),
            checks.clock_probe(metrics, now=now),
            checks.logs_probe(sources.logs, now=now),
            checks.traces_probe(sources.traces, now=now),
            checks.changes_probe(sources.changes, now=now),
            checks.actuator_probe(responder.actuator if config.platform else None),
            checks.forge_probe(forge, repositories),
            checks.policy_probe(responder.policy, config.environment),
            *checks.chat_probes(config.slack.open() if config.slack else None),
            checks.line_probe(config.slack.open_line() if config.slack else None),
            *model_probes(responder.minds.each() if responder.minds else {}, config.reasoning),
            *tool_probes(responder.belt),
            checks.kill_probe(responder.mitigations),
            access_probe(people, config.http.host),
            checks.disk_probe(lambda: shutil.disk_usage(config.home).free),
            checks.isolation_probe(SandboxedProver()),
            checks.programs_probe(found, _PROGRAMS),
        )
        return checks.run(probes, timer=time.monotonic)

    return look
