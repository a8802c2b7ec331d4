"""How far the loop really is, per family: measured rules over a window, so it can go down."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import IntEnum

from autoheal.domain.incident import Incident, Outcome
from autoheal.domain.mitigation import VerificationResult
from autoheal.reports.history import NO_FAMILY, History
from autoheal.reports.metrics import TAKEN_UP
from autoheal.reports.prevention import preventions


class Level(IntEnum):
    """L1 a person does it, L2 it is healed, L3 it is learnt from, L4 memory alone heals it."""

    L1 = 1
    L2 = 2
    L3 = 3
    L4 = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """One condition of a level: what was measured, what is needed, and the events on both sides."""

    level: Level
    name: str
    value: float
    needed: float
    held_by: tuple[str, ...]
    broken_by: tuple[str, ...]

    @property
    def holds(self) -> bool:
        """Whether enough was measured; a rule that counts failures has nothing needed and none allowed."""
        return self.value >= self.needed


@dataclass(frozen=True, slots=True, kw_only=True)
class FamilyLevel:
    """The level of one family with every rule that was asked, also those above it."""

    family: str
    level: Level
    rules: tuple[Rule, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class LevelReport:
    """The level of the whole: the highest at which 80 % of the incidents of known families stand."""

    level: Level
    families: tuple[FamilyLevel, ...]


RECENT = 3
"""L4 needs this many incidents of a family in a row that memory healed alone."""

_WHOLE_SHARE = 0.8


def levels(window: History) -> LevelReport:
    """The level of each family within the history given, and of the whole."""
    families = {name: incidents for name, incidents in window.families().items() if name != NO_FAMILY}
    found = tuple(_family(name, incidents, window) for name, incidents in families.items())
    weights = {level.family: len(families[level.family]) for level in found}
    return LevelReport(level=_whole(found, weights), families=found)


def _whole(found: Sequence[FamilyLevel], weights: dict[str, int]) -> Level:
    total = sum(weights.values())
    for level in sorted(Level, reverse=True):
        reached = sum(weights[f.family] for f in found if f.level >= level)
        if total and reached >= _WHOLE_SHARE * total:
            return level
    return Level.L1


def _family(name: str, incidents: Sequence[Incident], window: History) -> FamilyLevel:
    part = window.of(incidents)
    rules = (*_healing(part), *_learning(part), *_autohealing(part))
    level = Level.L1
    for candidate in (Level.L2, Level.L3, Level.L4):
        if not all(rule.holds for rule in rules if rule.level is candidate):
            break
        level = candidate
    return FamilyLevel(family=name, level=level, rules=rules)


def _rule(level: Level, name: str, needed: float, judged: Iterable[tuple[str, bool]]) -> Rule:
    """A rule on the share of events that hold; with no event at all it does not hold."""
    events = list(judged)
    held = tuple(key for key, holds in events if holds)
    return Rule(
        level=level,
        name=name,
        value=len(held) / len(events) if events else 0.0,
        needed=needed,
        held_by=held,
        broken_by=tuple(key for key, holds in events if not holds),
    )


def _healing(part: History) -> tuple[Rule, ...]:
    worse = {v.mitigation_id for v in part.verifications if v.result is VerificationResult.WORSE}
    harmed = {m.incident_id for m in part.mitigations if m.id in worse}
    settled = [i for i in part.incidents if i.settled]
    return (
        _rule(
            Level.L2,
            "investigated without waiting for a person",
            0.9,
            [(i.id, i.first_query_at is not None) for i in part.incidents],
        ),
        _rule(Level.L2, "healed, or rightly left alone", 0.5, [(i.id, _well(i)) for i in settled]),
        _rule(Level.L2, "made nothing worse", 1.0, [(i.id, i.id not in harmed) for i in part.incidents]),
    )


def _well(incident: Incident) -> bool:
    return incident.outcome in (Outcome.MITIGATED_BY_US, Outcome.NOISE)


def _learning(part: History) -> tuple[Rule, ...]:
    taught = {p.incident_id for p in part.proposals if p.state in TAKEN_UP}
    closed = [i for i in part.incidents if i.closed_at is not None]
    stopped = [p for p in preventions(part) if p.stopped_at is not None]
    returned = [(p.proposal_id, p.voided_by is None) for p in stopped]
    return (
        _rule(
            Level.L3, "closed incidents with a merged lesson", 0.5, [(i.id, i.id in taught) for i in closed]
        ),
        _rule(Level.L3, "prevention held", 0.5, returned or [("no prevention deployed yet", True)]),
    )


def _autohealing(part: History) -> tuple[Rule, ...]:
    last = sorted((i for i in part.incidents if i.settled), key=lambda i: (i.opened_at, i.id))[-RECENT:]
    alone = [(i.id, _alone(i, part)) for i in last]
    missing = [(f"incident {n} of {RECENT} in this window", False) for n in range(len(last) + 1, RECENT + 1)]
    judged = [(key, truth.right) for key, truth in part.truths.items()]
    return (
        _rule(Level.L4, "the last healed by memory: no model, no person", 1.0, [*alone, *missing]),
        _rule(Level.L4, "answers right where truth is known", 1.0, judged or [("no truth known", True)]),
    )


def _alone(incident: Incident, part: History) -> bool:
    by_memory = incident.skill is not None and incident.outcome is Outcome.MITIGATED_BY_US
    return by_memory and part.tokens(incident) == 0 and not part.human_events(incident)
