"""Investigations of simulated productions, hard ones among them, judged by the fault that was injected."""

from __future__ import annotations

import random
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from pathlib import Path

from autoheal.domain.evidence import Row
from autoheal.domain.investigation import HypothesisState, Investigation, VerdictKind
from autoheal.healing.gather import Gatherer
from autoheal.healing.investigate import investigate
from autoheal.healing.responder import Record, Responder
from autoheal.healing.triage import triage
from autoheal.housekeeping import Housekeeping
from autoheal.integrations.memory.logs import MemoryLogs
from autoheal.integrations.memory.traces import MemoryTraces
from autoheal.ports.telemetry import Span
from autoheal.sandbox.simulated.kinds import Signal
from autoheal.sandbox.simulated.production import Production
from autoheal.sandbox.simulated.stream import Planned, draw
from autoheal.sandbox.simulated.world import HEALING, START, World, strike_as, template

_LOOKS = 60
_STEP = 10.0
_WEAK = (0.05, 0.3)
_DISTURBED = {Signal.CPU: 0.5, Signal.QUEUE: 120.0, Signal.MEMORY: 4e8, Signal.CACHE: 0.4}
_SHARED_MEMORY = Path("/dev/shm")  # noqa: S108  nothing of a simulation must outlive it


class Hardship(StrEnum):
    """What makes a cause hard to find; the share of each is its place's weight below."""

    NONE = "none"
    MUTE = "mute"
    """The culprit, or every other time the entry, exports nothing: only others show what it does."""
    CROWD = "crowd"
    """Two other services change their ways at the same moment, for reasons of their own."""
    WEAK = "weak"
    """The fault moves its signals by little."""


_WEIGHTS: Mapping[Hardship, float] = {
    Hardship.NONE: 0.4,
    Hardship.MUTE: 0.25,
    Hardship.CROWD: 0.2,
    Hardship.WEAK: 0.15,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What one investigation stated of one injected fault; right by ground truth."""

    number: int
    kind: str
    hardship: Hardship
    service: str
    verdict: str
    named: str
    stated: float
    right: bool


class MuteLogs(MemoryLogs):
    """Lines without those of one service."""

    def __init__(self, mute: str) -> None:
        super().__init__()
        self._mute = mute

    def add(self, *lines: Row) -> None:
        """Keep what others write."""
        super().add(*(line for line in lines if line.entity != self._mute))


class MuteTraces(MemoryTraces):
    """Spans without those of one service."""

    def __init__(self, mute: str) -> None:
        super().__init__()
        self._mute = mute

    def add(self, *spans: Span) -> None:
        """Keep what others record."""
        super().add(*(span for span in spans if span.entity != self._mute))


@dataclass(kw_only=True)
class HardProduction(Production):
    """A production in which a service may tell nothing, and others do as they like from a moment on."""

    mute: str = ""
    crowd: Sequence[str] = ()
    crowded_from: float = 0.0

    def _sampled(
        self, service: str, signals: Mapping[Signal, float]
    ) -> Iterator[tuple[tuple[str, str, str], float]]:
        moved = service in self.crowd and self._scraped >= self.crowded_from
        told = {s: v + (_DISTURBED.get(s, 0.0) if moved else 0.0) for s, v in signals.items()}
        found = list(super()._sampled(service, told))
        return iter(() if service == self.mute else found)


class HardWorld(World):
    """One Autoheal without memory, which looks once at one planned incident."""

    def __init__(
        self, folder: Path, template: Path, hardship: Hardship, *, record: Record | None = None
    ) -> None:
        super().__init__(folder, template, learning=False)
        self.hardship, self._record = hardship, record

    def _responder(self, gatherer: Gatherer) -> Responder:
        return replace(super()._responder(gatherer), record=self._record)

    def look(self, planned: Planned) -> Investigation | None:
        """The first look at it; None where nothing alarmed."""
        self.clock.at = START
        self.production = self._production(planned)
        loop = self._loop()
        self._intake = loop.intake
        traces, clock = self.production.traces, self.clock
        seen = Housekeeping(intake=loop.intake, traces=traces, graph=self.database.graph, clock=clock)
        seen.observe_calls()
        strike_as(self.production, planned)
        for _ in range(_LOOKS):
            self.production.advance(self.production.now + _STEP)
            if self.queue.waiting:
                break
        if not self.queue.waiting:
            return None
        incident_id = self.queue.waiting[0][1]
        self.production.advance(self.production.now + HEALING.settle_seconds)
        triage(loop.responder, incident_id)
        investigate(loop.responder, incident_id, 1, 0)
        found = self.database.incidents.investigations(incident_id)
        return found[0] if found else None

    def _production(self, planned: Planned) -> Production:
        easy = super()._production(planned)
        dice = random.Random(planned.seed)
        others = sorted(set(planned.fleet.services) - {planned.service})
        muted = planned.service if planned.seed % 2 else planned.fleet.entry
        mute = muted if self.hardship is Hardship.MUTE else ""
        return HardProduction(
            fleet=planned.fleet,
            clock=self.clock,
            dice=dice,
            deliver=self._deliver,
            alarms=easy.alarms,
            mute=mute,
            logs=MuteLogs(mute),
            traces=MuteTraces(mute),
            crowd=dice.sample(others, min(2, len(others))) if self.hardship is Hardship.CROWD else (),
            crowded_from=self.clock.now().timestamp() + 40.0,
        )


def outcomes(count: int, *, seed: int, only: Sequence[int] = ()) -> Iterator[Outcome]:
    """Each planned incident that alarmed and of which something was stated; only some of them on request."""
    dice = random.Random(seed)
    shared = str(_SHARED_MEMORY) if _SHARED_MEMORY.is_dir() else None
    with tempfile.TemporaryDirectory(prefix="autoheal-judged-", dir=shared) as folder:
        empty = template(Path(folder) / "empty")
        for planned in draw(count, seed=seed):
            (hardship,) = dice.choices(list(_WEIGHTS), list(_WEIGHTS.values()))
            weak = dice.uniform(*_WEAK)
            if only and planned.number not in only:
                continue
            if hardship is Hardship.WEAK:
                planned = replace(planned, severity=weak)  # noqa: PLW2901  the same incident, only weaker
            world = HardWorld(Path(folder) / str(planned.number), empty, hardship)
            found = world.look(planned)
            world.wipe()
            if found is not None and (judged := outcome(planned, hardship, found)) is not None:
                yield judged


def outcome(planned: Planned, hardship: Hardship, found: Investigation) -> Outcome | None:
    """What it stated first, held against the truth; None where it stated nothing of any service."""
    noise = found.verdict.kind is VerdictKind.NOISE
    standing = (h for h in found.hypotheses if h.state is not HypothesisState.REJECTED)
    first = None if noise else next(standing, None)
    if first is None and not noise:
        return None
    stated = found.verdict.confidence.value if first is None else first.confidence
    fault = bool(planned.kind.effects)
    return Outcome(
        number=planned.number,
        kind=planned.kind.name,
        hardship=hardship,
        service=planned.service if fault else "",
        verdict=found.verdict.kind,
        named=first.entity if first else "",
        stated=round(stated, 6),
        right=not fault if first is None else fault and first.entity == planned.service,
    )
