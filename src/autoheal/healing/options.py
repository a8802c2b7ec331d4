"""From a cause to the actions that may stop the pain: pure, from the catalogue, each with its way back."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

from autoheal.domain.change import Change, ChangeKind
from autoheal.domain.investigation import Hypothesis, Mechanism
from autoheal.domain.mitigation import Action, ActionKind
from autoheal.policy.masking import was_masked
from autoheal.ports.production import TargetState


@dataclass(frozen=True, slots=True, kw_only=True)
class Option:
    """One action with its way back and the effect it is expected to have."""

    action: Action
    way_back: Action | None
    expected_effect: str


_BY_CHANGE: Mapping[str, ActionKind] = MappingProxyType(
    {
        ChangeKind.DEPLOY: ActionKind.ROLLBACK,
        ChangeKind.COMMIT: ActionKind.ROLLBACK,
        ChangeKind.CONFIG: ActionKind.RESTORE_CONFIG,
        ChangeKind.FLAG: ActionKind.SET_FLAG,
    }
)
_BY_MECHANISM: Mapping[Mechanism, tuple[ActionKind, ...]] = MappingProxyType(
    {
        Mechanism.CRASH: (ActionKind.RESTART,),
        Mechanism.RESOURCE_EXHAUSTION: (ActionKind.RESTART, ActionKind.SCALE),
        Mechanism.LOAD: (ActionKind.SCALE,),
        Mechanism.ERRORS: (ActionKind.RESTART,),
    }
)
_BY_NAME: Mapping[str, ActionKind] = MappingProxyType(
    {"flip_flag": ActionKind.SET_FLAG, **{kind.value: kind for kind in ActionKind}}
)


def options(
    hypothesis: Hypothesis, state: TargetState, change: Change | None, *, tried: tuple[Action, ...] = ()
) -> list[Option]:
    """Actions that fit the cause, best first, without what was already tried."""
    found = (_BUILD[kind](state, change) for kind in kinds(hypothesis, change))
    return [option for option in found if option is not None and option.action not in tried]


def kinds(hypothesis: Hypothesis, change: Change | None) -> list[ActionKind]:
    """The culprit change decides the verb; without one the mechanism does, after what the finder proposed."""
    if change is not None and change.kind in _BY_CHANGE:
        return [_BY_CHANGE[change.kind]]
    named = [_BY_NAME[name] for name in hypothesis.remediations if name in _BY_NAME]
    return list(dict.fromkeys((*named, *_BY_MECHANISM.get(hypothesis.mechanism, ()))))


def _restart(state: TargetState, _: Change | None) -> Option:
    effect = f"{state.target} starts afresh with the same release and configuration"
    return Option(
        action=Action(kind=ActionKind.RESTART, target=state.target), way_back=None, expected_effect=effect
    )


def _rollback(state: TargetState, _: Change | None) -> Option | None:
    if state.previous_release is None:
        return None
    return Option(
        action=Action(
            kind=ActionKind.ROLLBACK, target=state.target, parameters={"to": state.previous_release}
        ),
        way_back=Action(kind=ActionKind.ROLLBACK, target=state.target, parameters={"to": state.release}),
        expected_effect=f"{state.target} runs {state.previous_release[:10]} again, as before the change",
    )


def _restore_config(state: TargetState, _: Change | None) -> Option | None:
    before = state.previous_config_version
    if before is None:
        return None

    def to(version: int) -> Action:
        return Action(kind=ActionKind.RESTORE_CONFIG, target=state.target, parameters={"to_version": version})

    return Option(
        action=to(before),
        way_back=to(state.config_version),
        expected_effect=f"{state.target} runs configuration {before} again, as before the change",
    )


def _set_flag(state: TargetState, change: Change | None) -> Option | None:
    if change is None or not change.key or change.before == change.after:
        return None
    if was_masked(change.before) or was_masked(change.after):
        return None  # what was there before is not known any more

    def to(value: str) -> Action:
        return Action(
            kind=ActionKind.SET_FLAG, target=state.target, parameters={"flag": change.key, "value": value}
        )

    return Option(
        action=to(change.before),
        way_back=to(change.after),
        expected_effect=f"flag {change.key} is {change.before} again, as before the change",
    )


def _scale(state: TargetState, _: Change | None) -> Option:
    def to(replicas: int) -> Action:
        return Action(kind=ActionKind.SCALE, target=state.target, parameters={"replicas": replicas})

    wanted = state.replicas + 1
    return Option(
        action=to(wanted),
        way_back=to(state.replicas),
        expected_effect=f"{wanted} replicas of {state.target} share the load instead of {state.replicas}",
    )


_BUILD: Mapping[ActionKind, Callable[[TargetState, Change | None], Option | None]] = MappingProxyType(
    {
        ActionKind.RESTART: _restart,
        ActionKind.ROLLBACK: _rollback,
        ActionKind.RESTORE_CONFIG: _restore_config,
        ActionKind.SET_FLAG: _set_flag,
        ActionKind.SCALE: _scale,
    }
)
