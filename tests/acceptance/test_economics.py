"""What memory saves: the real loops on simulated productions, beside the same with the graph wiped."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from statistics import median

import pytest

from autoheal.domain.proposal import ProposalKind, ProposalState
from autoheal.domain.skill import Trust
from autoheal.graph.skill_trust import move, standing_of
from autoheal.sandbox.model.investigator import investigator
from autoheal.sandbox.model.server import ModelServer, serving
from autoheal.sandbox.simulated.economics import Spent, play, spent_on
from autoheal.sandbox.simulated.stream import NOVEL_SHARE, Planned, draw
from autoheal.sandbox.simulated.thinking import thinking
from autoheal.sandbox.simulated.world import World, template

pytestmark = pytest.mark.timeout(300)


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    """One whose Autoheal asks the scripted model at every investigation."""
    with serving(ModelServer(behavior=investigator)) as model:
        yield World(tmp_path / "world", template(tmp_path / "empty"), thinking=thinking(model))


def of(family: str, *, count: int) -> list[Planned]:
    """The first occurrences of a family in a long stream: other services, names, values and times."""
    return [planned for planned in draw(400, seed=11) if planned.kind.name == family][:count]


def cost(world: World, incidents: tuple[str, ...]) -> tuple[bool, int]:
    """Whether memory answered, and how many queries it took."""
    stored = world.database.incidents
    (incident_id,) = incidents
    queries = sum(entry.queries for entry in stored.costs(incident_id))
    return stored.get(incident_id).skill is not None, queries


@pytest.mark.criterion(58)
@pytest.mark.criterion(96)
def test_a_merged_skill_answers_the_next_of_its_family_and_a_wiped_memory_pays_the_first_price(
    world: World, tmp_path: Path
) -> None:
    first, second = of("bad release rejects requests", count=2)
    assert first.service != second.service
    recalled, full = cost(world, world.live(first).incidents)
    assert not recalled
    world.review()
    recalled, cheap = cost(world, world.live(second).incidents)
    assert recalled
    assert cheap < 0.7 * full
    wiped = World(tmp_path / "wiped", template(tmp_path / "blank"))
    recalled, again = cost(wiped, wiped.live(second).incidents)
    assert not recalled
    assert again == pytest.approx(full, rel=0.25)  # two services differ in how many alerts they raise


@pytest.mark.criterion(95)
@pytest.mark.criterion(98)
def test_the_twentieth_of_a_family_costs_a_twentieth_of_the_first_and_none_is_missed(world: World) -> None:
    family = of("bad release rejects requests", count=20)
    stream: list[Spent] = []
    for number, planned in enumerate(family):
        stream.append(spent_on(world, planned))
        if number == 1:
            world.review()
    early, late = stream[:4], stream[15:]
    assert median(one.cost for one in late) <= 0.05 * median(one.cost for one in early)
    assert median(one.tokens for one in late) <= 0.5 * median(one.tokens for one in early)
    assert all(one.right for one in stream), "cheaper, and not by looking away"
    assert sum(one.questions for one in late) < sum(one.questions for one in early)


def test_a_demoted_skill_runs_in_the_shadow_and_climbs_back_by_agreeing(world: World) -> None:
    first, *later = of("bad release rejects requests", count=5)
    world.live(first)
    world.review()
    (skill,) = world.library.skills()
    move(world.database.graph, skill, Trust.SHADOW, reason="doubt (ann)", at=world.clock.now())
    answered = [cost(world, world.live(planned).incidents)[0] for planned in later]
    assert answered == [False, False, False, True], "three that agreed earn an answer"
    standing = standing_of(world.database.graph, skill)
    assert standing.rung is Trust.ASSISTED


@pytest.mark.criterion(97)
def test_a_new_failure_is_told_as_new_and_a_known_one_as_known(world: World) -> None:
    first, second = of("stuck workers", count=2)
    world.live(first)
    world.review()
    (known,) = world.live(second).incidents
    stranger = next(p for p in draw(400, seed=11) if "disk_used" in p.kind.name and not p.known)
    (new,) = world.live(stranger).incidents
    incidents = world.database.incidents
    assert (incidents.get(known).novelty or 0.0) <= 0.1
    assert (incidents.get(new).novelty or 0.0) >= 0.5
    assert incidents.get(new).novelty_reason


@pytest.mark.criterion(101)
def test_a_person_is_asked_the_first_time_and_not_once_memory_serves(world: World) -> None:
    first, second = of("stuck workers", count=2)
    assert world.live(first).questions == 1
    world.review()
    assert world.live(second).questions == 0


@pytest.mark.criterion(97)
def test_slowness_without_a_telling_signal_teaches_no_skill(world: World) -> None:
    """Errors alone look like any failure: a skill on them would answer what is new."""
    planned = next(p for p in draw(400, seed=11) if p.kind.name == "slowness that passes")
    for incident_id in world.live(planned).incidents:
        proposals = world.database.proposals.of_incident(incident_id)
        states = {p.state for p in proposals if p.kind is ProposalKind.SKILL}
        assert states <= {ProposalState.NOTHING}


def test_the_stream_is_the_same_for_a_seed_and_about_one_in_four_is_new() -> None:
    stream = draw(100, seed=3)
    assert stream == draw(100, seed=3)
    assert stream != draw(100, seed=4)
    assert len(stream) == 100
    assert sum(not planned.known for planned in stream) == round(100 * NOVEL_SHARE)
    assert len({planned.kind.name for planned in stream if planned.known}) >= 8
    assert len({planned.service for planned in stream}) > 10


def test_each_incident_is_played_with_memory_and_without() -> None:
    stream = list(play(3, seed=2))
    assert [one.incident for one in stream] == [1, 2, 3]
    assert all(one.control > 0 for one in stream)
    assert all(one.why for one in stream if not one.recalled)
