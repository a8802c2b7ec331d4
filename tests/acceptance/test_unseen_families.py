"""Failures, services and names that no list of ours holds: learned once they came twice, and not mixed up."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from random import Random  # noqa: TID251  seeded below

import pytest

from autoheal.domain.mitigation import ActionKind
from autoheal.sandbox.model.investigator import investigator
from autoheal.sandbox.model.server import ModelServer, serving
from autoheal.sandbox.simulated.economics import spent_on
from autoheal.sandbox.simulated.fleet import Fleet
from autoheal.sandbox.simulated.kinds import Kind, Signal
from autoheal.sandbox.simulated.stream import Planned
from autoheal.sandbox.simulated.thinking import thinking
from autoheal.sandbox.simulated.world import World, template

pytestmark = pytest.mark.timeout(300)

QUIET = {
    Signal.GC: 0.8,
    Signal.FILES: 1.0,
    Signal.LOCKS: 4.0,
    Signal.CACHE: 1.0,
    Signal.DNS: 2.1,
    Signal.TLS: 4.0,
    Signal.THREADS: 1.0,
}
"""Signals on which no alert rule rests, with the level of a fault: twins raise the very same alerts."""
SYLLABLES = ("ka", "lo", "mi", "ru", "sen", "tar", "vex", "zu", "ap", "or")


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    with serving(ModelServer(behavior=investigator)) as model:
        yield World(tmp_path / "world", template(tmp_path / "empty"), thinking=thinking(model))


def fleet(dice: Random) -> Fleet:
    """Services with made-up names, some with a number or a dash, in a shape of their own."""
    names: list[str] = []
    while len(names) < 7:
        name = "".join(dice.sample(SYLLABLES, 3)) + dice.choice(["", "-api", "-v2", "7"])
        if name not in names:
            names.append(name)
    calls = tuple((names[dice.randrange(n)], names[n]) for n in range(1, len(names)))
    return Fleet(name="made-up", calls=((names[0], names[1]), *calls[1:]))


def twins(dice: Random) -> tuple[Kind, Kind]:
    """Two failures that show alike from outside, by the same alerts, and differ in what is broken."""
    shown = {Signal.ERRORS: dice.uniform(0.15, 0.5)}
    one, other = (
        Kind(
            name=organ.value,
            effects={organ: QUIET[organ], **shown},
            line=f"{organ.name.lower()} took {{number}} ms on {{word}}",
            cure=ActionKind.RESTART,
        )
        for organ in dice.sample(sorted(QUIET), 2)
    )
    return one, other


def planned(kind: Kind, number: int, dice: Random) -> Planned:
    around = fleet(dice)
    return Planned(
        number=number,
        kind=kind,
        fleet=around,
        service=dice.choice(around.services[1:]),
        at=number * 20_000.0,
        severity=dice.uniform(0.8, 1.2),
        seed=dice.getrandbits(32),
        named_rules=dice.random() < 0.5,
        decoy=None,
        known=True,
    )


@pytest.mark.criterion(58)
@pytest.mark.criterion(97)
@pytest.mark.parametrize("seed", [101, 102, 103, 104])
def test_an_unseen_failure_is_recalled_elsewhere_and_its_twin_is_not_taken_for_it(
    world: World, seed: int
) -> None:
    dice = Random(seed)  # noqa: S311  a drawing of tests
    one, other = twins(dice)
    for number in (1, 2):
        assert not spent_on(world, planned(one, number, dice)).recalled
    world.review(seen=2)
    twin = spent_on(world, planned(other, 3, dice))
    assert not twin.recalled, f"{other.name} is no {one.name}, though its alerts are the same: {twin.why}"
    again = spent_on(world, planned(one, 4, dice))
    assert (again.recalled, again.right) == (True, True), again.why
