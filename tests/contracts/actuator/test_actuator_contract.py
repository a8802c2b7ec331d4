"""What the one door to production must hold, in memory and over HTTP."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest

from autoheal.domain.errors import NotFoundError, StaleTargetError, UnreachableError
from autoheal.domain.mitigation import Action, ActionKind
from autoheal.integrations.memory.actuator import Fault, MemoryActuator
from autoheal.ports.production import Actuator

_RESTART = Action(kind=ActionKind.RESTART, target="checkout")
_SCALE = Action(kind=ActionKind.SCALE, target="checkout", parameters={"replicas": 3})


def test_the_state_tells_what_runs_and_what_a_way_back_needs(actuator: Actuator) -> None:
    state = actuator.state("checkout")
    assert (state.target, state.version, state.release, state.previous_release) == ("checkout", 7, "r2", "r1")
    assert (state.config_version, state.previous_config_version, state.config) == (4, 3, {"pool": 5})
    assert (state.flags, state.replicas, state.healthy_peers) == ({"fast": True, "share": 0.5}, 2, 1)


def test_an_unknown_target_is_not_found(actuator: Actuator) -> None:
    with pytest.raises(NotFoundError, match="nobody"):
        actuator.state("nobody")
    with pytest.raises(NotFoundError, match="nobody"):
        actuator.fence("nobody", 1)


@pytest.mark.parametrize(
    ("action", "changed"),
    [
        (Action(kind=ActionKind.ROLLBACK, target="checkout", parameters={"to": "r1"}), {"release": "r1"}),
        (
            Action(kind=ActionKind.RESTORE_CONFIG, target="checkout", parameters={"to_version": 3}),
            {"config": {"pool": 20}, "config_version": 3},
        ),
        (
            Action(
                kind=ActionKind.SET_FLAG, target="checkout", parameters={"flag": "fast", "value": "false"}
            ),
            {"flags": {"fast": False, "share": 0.5}},
        ),
        (_SCALE, {"replicas": 3}),
        (_RESTART, {"release": "r2", "replicas": 2}),
    ],
    ids=str,
)
def test_each_action_changes_its_target_alone_and_raises_its_version(
    action: Action, changed: dict[str, object], actuator: Actuator
) -> None:
    before = actuator.state("cart")
    actuator.fence("checkout", 1)
    result = actuator.execute(action, key="k1", version=7, epoch=1)
    after = actuator.state("checkout")
    assert result.done
    assert result.version == after.version == 8
    assert {name: getattr(after, name) for name in changed} == changed
    assert actuator.state("cart") == before


@pytest.mark.criterion(65)
def test_a_target_that_changed_since_it_was_read_is_not_touched(
    actuator: Actuator, production: MemoryActuator
) -> None:
    version = actuator.state("checkout").version
    production.change("checkout", replicas=5)
    with pytest.raises(StaleTargetError, match="version"):
        actuator.execute(_SCALE, key="k1", version=version, epoch=1)
    assert production.effects == []
    assert actuator.outcome("k1") is None


def test_an_older_epoch_is_shut_out_for_good(actuator: Actuator, production: MemoryActuator) -> None:
    actuator.fence("checkout", 5)
    for epoch in (4, 5):
        with pytest.raises(StaleTargetError, match="fenced"):
            actuator.fence("checkout", epoch)
    with pytest.raises(StaleTargetError, match="fenced"):
        actuator.execute(_SCALE, key="k1", version=7, epoch=4)
    assert production.effects == []
    actuator.fence("cart", 1)


@pytest.mark.criterion(75)
def test_the_same_key_acts_once_and_gives_the_same_answer(
    actuator: Actuator, production: MemoryActuator
) -> None:
    first = actuator.execute(_SCALE, key="k1", version=7, epoch=1)
    again = actuator.execute(_SCALE, key="k1", version=7, epoch=1)
    assert again == first
    assert actuator.outcome("k1") == first
    assert len(production.effects) == 1


@pytest.mark.criterion(65)
def test_of_many_who_saw_the_same_version_one_acts(actuator: Actuator, production: MemoryActuator) -> None:
    def act(number: int) -> bool:
        try:
            return actuator.execute(_SCALE, key=f"k{number}", version=7, epoch=1).done
        except StaleTargetError:
            return False

    with ThreadPoolExecutor(8) as pool:
        assert sum(pool.map(act, range(16))) == 1
    assert len(production.effects) == 1


@pytest.mark.criterion(75)
def test_after_a_lost_answer_the_outcome_tells_that_it_was_done(
    actuator: Actuator, production: MemoryActuator
) -> None:
    production.fault = Fault.AFTER_EFFECT
    with pytest.raises(UnreachableError):
        actuator.execute(_SCALE, key="k1", version=7, epoch=1)
    outcome = actuator.outcome("k1")
    assert outcome is not None
    assert outcome.done
    assert [effect.key for effect in production.effects] == ["k1"]


@pytest.mark.criterion(75)
def test_after_a_lost_request_the_outcome_tells_that_nothing_was_done(
    actuator: Actuator, production: MemoryActuator
) -> None:
    production.fault = Fault.BEFORE_EFFECT
    with pytest.raises(UnreachableError):
        actuator.execute(_SCALE, key="k1", version=7, epoch=1)
    assert actuator.outcome("k1") is None
    assert production.effects == []


@pytest.mark.criterion(75)
def test_a_request_that_arrives_late_meets_the_fence(actuator: Actuator, production: MemoryActuator) -> None:
    actuator.fence("checkout", 1)
    production.fault = Fault.HANG
    with pytest.raises(UnreachableError):
        actuator.execute(_SCALE, key="k1", version=7, epoch=1)
    actuator.fence("checkout", 2)
    (late,) = production.deliver()
    assert isinstance(late, StaleTargetError)
    assert production.effects == []
    assert actuator.outcome("k1") is None


def test_what_the_target_cannot_do_is_answered_and_not_done(
    actuator: Actuator, production: MemoryActuator
) -> None:
    missing = Action(kind=ActionKind.ROLLBACK, target="checkout", parameters={"to": "r999"})
    result = actuator.execute(missing, key="k1", version=7, epoch=1)
    assert not result.done
    assert "r999" in result.text
    assert production.effects == []


@pytest.mark.criterion(74)
def test_a_plan_names_the_action_and_sends_nothing(actuator: Actuator, production: MemoryActuator) -> None:
    shown = actuator.plan(_SCALE)
    assert "scale" in shown
    assert "checkout" in shown
    assert "3" in shown
    assert production.asked == []
    assert production.effects == []
    assert actuator.plan(_SCALE) == shown
