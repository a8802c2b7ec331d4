"""The worker is killed at every crash point there is; the incident must end as if nothing had happened."""

from __future__ import annotations

import shutil
import signal
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import count
from pathlib import Path
from random import Random  # noqa: TID251  seeded by the test's parameter

import pytest
from tests.crash.conftest import Begin
from tests.crash.judge import faults_of
from tests.crash.labels import WORKFLOWS, declared, workflows
from tests.crash.life import Life, Nursery, Plot

pytestmark = pytest.mark.skipif(shutil.which("git") is None, reason="git is not installed")

UNREACHED = {
    "audit.bury": "a person deletes an investigation long after; it is one transaction",
    "incidents.forget": "a person deletes an investigation long after; it is one transaction",
    "graph.page": "a person looks at the catalog, which writes nothing",
    "graph.contested": "the same",
    "graph.supersede": "nothing contradicts what these lives believe",
    "graph.retract": "no part of an incident's life withdraws a fact",
    "heal.take_answer": "nobody is known who could be asked",
    "learn.write_account": "no model is configured that could write",
    "questions.save": "nobody is known who could be asked",
    "mitigations.set_killed": "the switch is a person's, and is tested with every effect elsewhere",
}
"""Points that these lives do not pass, with the reason: a new one must be reached or named here."""
_AT_ONCE = 4
_PER_LIFE = 3
_KILLS = 12


def swept(life: Life, *points: str) -> list[str]:
    """The faults of a life with a kill at each of these points, one after the other."""
    missed, faults = tried(life, *points)
    return [*faults, *(f"never reached {point}" for point in missed)]


def tried(life: Life, *points: str) -> tuple[list[str], list[str]]:
    """The points that a life did not reach, and its faults."""
    try:
        return life.live(*points), faults_of(life)
    except AssertionError as fault:
        return [], [str(fault)]
    finally:
        life.close()


def reached(origin: Path, folder: Path, nursery: Nursery) -> Iterator[tuple[Plot, str]]:
    """Every point of the first plot that passes it, without its side, in the order they are passed."""
    seen: set[str] = set()
    for plot in (Plot.MENDED, Plot.STUBBORN, Plot.REFUSED, Plot.UNCLEAR):
        life = Life.begin(origin, folder / plot, nursery, plot)
        life.trail = trail = folder / f"trail-{plot}"
        assert swept(life) == []
        for line in trail.read_text().split():
            point = line.rpartition(".")[0]
            if point not in seen:
                seen.add(point)
                yield plot, point


def shared(points: list[tuple[Plot, str]]) -> Iterator[tuple[Plot, tuple[str, ...]]]:
    """The points of a few together, far apart from each other, for one life."""
    for plot in Plot:
        ours = [point for of, point in points if of is plot]
        apart = -(-len(ours) // _PER_LIFE)
        yield from ((plot, tuple(ours[first::apart])) for first in range(apart))


def test_every_workflow_is_swept_but_those_that_only_measure_and_say_what_they_found() -> None:
    assert workflows() - WORKFLOWS.keys() == {"weigh", "impact"}


@pytest.mark.criterion(75)
def test_what_nobody_can_know_any_more_is_not_done_again_and_a_person_is_called(begin: Begin) -> None:
    assert swept(begin(Plot.LOST), "heal.mitigate/actuator.execute.after") == []


@pytest.mark.timeout(900)
@pytest.mark.criterion(11)
@pytest.mark.criterion(65)
@pytest.mark.criterion(75)
def test_a_kill_at_any_point_loses_nothing_and_repeats_nothing(
    origin: Path, nursery: Nursery, tmp_path: Path
) -> None:
    points = list(reached(origin, tmp_path, nursery))
    bare = {point.rpartition("/")[2] for _, point in points}
    assert declared() - bare == UNREACHED.keys(), "a crash point that no life passes, or that one does by now"

    numbers = count()

    def new(plot: Plot) -> Life:
        return Life.begin(origin, tmp_path / f"life-{next(numbers)}", nursery, plot)

    def one(plot: Plot, several: tuple[str, ...]) -> list[str]:
        kills = [f"{point}.{side}" for point in several for side in ("before", "after")]
        missed, faults = tried(new(plot), *kills)
        # What the kills before it changed may have led past a point: it gets a life of its own.
        return [*faults, *(fault for kill in missed for fault in swept(new(plot), kill))]

    lives = list(shared(points))
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        found = dict(zip(lives, pool.map(lambda life: one(*life), lives), strict=True))
    assert {life: faults for life, faults in found.items() if faults} == {}


@pytest.mark.timeout(300)
@pytest.mark.criterion(11)
@pytest.mark.criterion(75)
@pytest.mark.parametrize(("seed", "plot"), [(1, Plot.MENDED), (2, Plot.STUBBORN), (3, Plot.MENDED)])
def test_kills_at_random_moments_lose_nothing_and_repeat_nothing(begin: Begin, seed: int, plot: Plot) -> None:
    dice = Random(seed)  # noqa: S311  moments, not secrets
    life = begin(plot)
    for _ in range(_KILLS):
        life.boot()
        until = time.monotonic() + dice.uniform(0.2, 2.5)
        while time.monotonic() < until:
            life.tick()
            time.sleep(0.05)
        life.kill()
        while not life.dead():
            time.sleep(0.01)
    assert swept(life) == []
    assert life.deaths[:_KILLS] == [-signal.SIGKILL] * _KILLS
