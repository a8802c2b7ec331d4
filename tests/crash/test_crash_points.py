"""The worker is killed at every crash point there is; the incident must end as if nothing had happened."""

from __future__ import annotations

import shutil
import signal
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from random import Random  # noqa: TID251  seeded by the test's parameter

import pytest
from tests.crash.conftest import Begin
from tests.crash.judge import faults_of
from tests.crash.labels import declared
from tests.crash.life import Life, Nursery, Plot

pytestmark = pytest.mark.skipif(shutil.which("git") is None, reason="git is not installed")

UNREACHED = {
    "graph.add_alias": "no part of an incident's life gives a second name",
    "graph.retract": "no part of an incident's life withdraws a fact",
    "graph.count_use": "no skill is known in these lives",
    "heal.ask": "every cause is found without asking",
    "heal.take_answer": "every cause is found without asking",
    "questions.save": "every cause is found without asking",
    "mitigations.set_killed": "the switch is a person's, and is tested with every effect elsewhere",
}
"""Points that these lives do not pass, with the reason: a new one must be reached or named here."""
_AT_ONCE = 4
_KILLS = 12


def swept(life: Life, *points: str) -> list[str]:
    """The faults of a life with a kill at each of these points, one after the other."""
    try:
        life.live(*points)
        return faults_of(life)
    except AssertionError as fault:
        return [str(fault)]


def reached(origin: Path, folder: Path, nursery: Nursery) -> Iterator[tuple[Plot, str]]:
    """Every point of the first plot that passes it, without its side, in the order they are passed."""
    seen: set[str] = set()
    for plot in Plot:
        trail = folder / f"trail-{plot}"
        life = Life.begin(origin, folder / plot, nursery, plot)
        life.trail = trail
        try:
            assert swept(life) == []
        finally:
            life.close()
        for line in trail.read_text().split():
            point = line.rpartition(".")[0]
            if point not in seen:
                seen.add(point)
                yield plot, point


@pytest.mark.criterion(11)
@pytest.mark.criterion(75)
@pytest.mark.parametrize(
    ("plot", "point"),
    [
        (Plot.MENDED, "alerts.append_event"),
        (Plot.MENDED, "runs.start"),
        (Plot.MENDED, "heal.decide/mitigations.save"),
        (Plot.MENDED, "mitigations.add_approval"),
        (Plot.MENDED, "heal.mitigate/mitigations.transition"),
        (Plot.MENDED, "heal.mitigate/actuator.execute"),
        (Plot.MENDED, "heal.verify/mitigations.save_verification"),
        (Plot.STUBBORN, "heal.undo/actuator.execute"),
        (Plot.STUBBORN, "heal.escalate/pager.page"),
        (Plot.MENDED, "learn.fix/forge.revert"),
    ],
)
def test_a_kill_before_and_after_an_effect_loses_nothing_and_repeats_nothing(
    begin: Begin, plot: Plot, point: str
) -> None:
    life = begin(plot)
    assert swept(life, f"{point}.before", f"{point}.after") == []
    assert life.deaths == [-signal.SIGKILL] * 2


@pytest.mark.e2e
@pytest.mark.timeout(900)
@pytest.mark.criterion(11)
@pytest.mark.criterion(65)
@pytest.mark.criterion(75)
def test_a_kill_at_any_point_loses_nothing_and_repeats_nothing(
    origin: Path, nursery: Nursery, tmp_path: Path
) -> None:
    points = list(reached(origin, tmp_path, nursery))
    bare = {point.rpartition("/")[2] for _, point in points}
    assert declared() - bare - UNREACHED.keys() == set(), "a crash point that no life passes"

    def one(numbered: tuple[int, tuple[Plot, str]]) -> tuple[str, list[str]]:
        number, (plot, point) = numbered
        life = Life.begin(origin, tmp_path / f"life-{number}", nursery, plot)
        try:
            return f"{plot} {point}", swept(life, f"{point}.before", f"{point}.after")
        finally:
            life.close()

    with ThreadPoolExecutor(_AT_ONCE) as pool:
        found = dict(pool.map(one, enumerate(points)))
    assert {point: faults for point, faults in found.items() if faults} == {}


@pytest.mark.e2e
@pytest.mark.timeout(300)
@pytest.mark.criterion(11)
@pytest.mark.criterion(75)
@pytest.mark.parametrize("seed", range(3))
def test_kills_at_random_moments_lose_nothing_and_repeat_nothing(begin: Begin, seed: int) -> None:
    dice = Random(seed)  # noqa: S311  moments, not secrets
    life = begin(list(Plot)[seed % len(Plot)])
    for _ in range(_KILLS):
        life.boot()
        until = time.monotonic() + dice.uniform(0.2, 2.5)
        while time.monotonic() < until:
            life.tick()
            time.sleep(0.05)
        life.kill()
        while not life.dead():
            time.sleep(0.01)
    life.live()
    assert faults_of(life) == []
    assert life.deaths == [-signal.SIGKILL] * _KILLS
