"""Draws a stream of incidents: families that come again on any service, and about one in four that is new."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass

from autoheal.sandbox.simulated.fleet import FLEETS, Fleet
from autoheal.sandbox.simulated.kinds import FAMILIES, PASSING, Kind, novel

NOVEL_SHARE = 0.23
_PASSING_SHARE = 0.6
_LEAST_GAP, _MOST_GAP = 3.0 * 3600, 9.0 * 3600
_OFTEN = 20
"""Faults are not spread evenly: in a short stream the first families come this often, the others once."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Planned:
    """One incident to come: what, where, when (seconds after the start), how strong, under which names."""

    number: int
    kind: Kind
    fleet: Fleet
    service: str
    at: float
    severity: float
    seed: int
    named_rules: bool
    decoy: str | None
    known: bool
    """Whether it is of a family that comes again."""


def draw(count: int, *, seed: int) -> list[Planned]:
    """The same stream for the same count and seed."""
    dice = random.Random(seed)
    kinds = _kinds(count, dice)
    at, planned = 0.0, []
    for number, (kind, known) in enumerate(kinds, start=1):
        at += dice.uniform(_LEAST_GAP, _MOST_GAP)
        planned.append(_placed(number, kind, known, at, dice))
    return planned


def _kinds(count: int, dice: random.Random) -> list[tuple[Kind, bool]]:
    news = _news(round(count * NOVEL_SHARE))
    mixed = [(kind, True) for kind in _again(count - len(news))] + [(kind, False) for kind in news]
    dice.shuffle(mixed)
    return mixed


def _again(count: int) -> list[Kind]:
    """Every family at least once, then one after the other twenty times, then all alike."""
    found = list(FAMILIES[:count])
    for kind in FAMILIES:
        found += [kind] * min(_OFTEN - found.count(kind), count - len(found))
    while len(found) < count:
        found.append(FAMILIES[len(found) % len(FAMILIES)])
    return found


def _news(count: int) -> list[Kind]:
    """What passes by itself or never was, as most pages do, and one-off faults, each combination once."""
    passing = round(count * _PASSING_SHARE)
    return [*(PASSING[place % len(PASSING)] for place in range(passing)), *novel()[: count - passing]]


def _placed(number: int, kind: Kind, known: bool, at: float, dice: random.Random) -> Planned:  # noqa: FBT001  a private step
    fleet = dice.choice(FLEETS)
    service = fleet.entry if kind.at_entry else dice.choice(fleet.services)
    others = [name for name in fleet.services if name != service]
    return Planned(
        number=number,
        kind=kind,
        fleet=fleet,
        service=service,
        at=at,
        severity=dice.uniform(0.75, 1.3),
        seed=dice.getrandbits(32),
        named_rules=dice.random() < 0.5,  # noqa: PLR2004  every second team names its rules after itself
        decoy=_decoy(others, dice),
        known=known,
    )


def _decoy(others: Sequence[str], dice: random.Random) -> str | None:
    """Another service that somebody deploys shortly before, for nothing."""
    return dice.choice(others) if dice.random() < 1 / 3 else None
