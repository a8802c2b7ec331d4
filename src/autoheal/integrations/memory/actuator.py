"""A production of versioned targets in memory, with switches for what goes wrong on the way."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from threading import RLock
from types import MappingProxyType

from autoheal.domain.errors import NotFoundError, StaleTargetError, UnreachableError
from autoheal.domain.mitigation import Action, ActionKind
from autoheal.ports.production import EffectResult, TargetState
from autoheal.ports.runs import Json


class Fault(StrEnum):
    """What goes wrong with the next call of `execute`."""

    BEFORE_EFFECT = "before_effect"
    AFTER_EFFECT = "after_effect"
    HANG = "hang"


@dataclass(frozen=True, slots=True, kw_only=True)
class Effect:
    """One change that really happened."""

    key: str
    action: Action
    epoch: int
    version: int


@dataclass(slots=True)
class _Target:
    state: TargetState
    configurations: dict[int, Mapping[str, Json]]
    releases: set[str]
    epoch: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class _Request:
    action: Action
    key: str
    version: int
    epoch: int


@dataclass(slots=True, kw_only=True)
class MemoryActuator:
    """Targets by name; `effects` is the target's own log, and the only truth about what was done.

    `fault` goes wrong once, at the next execute: before the effect, after it (the answer is lost), or hang:
    we give up waiting, and `deliver` lets the request arrive later. `unreachable` breaks every call.
    """

    name: str = "memory"
    effects: list[Effect] = field(default_factory=list)
    asked: list[str] = field(default_factory=list)
    fault: Fault | None = None
    unreachable: str | None = None
    on_effect: Callable[[Effect], None] | None = None
    _targets: dict[str, _Target] = field(default_factory=dict)
    _outcomes: dict[str, EffectResult] = field(default_factory=dict)
    _in_flight: list[_Request] = field(default_factory=list)
    _lock: RLock = field(default_factory=RLock)

    def add(
        self,
        state: TargetState,
        *,
        configurations: Mapping[int, Mapping[str, Json]] = MappingProxyType({}),
        releases: Iterable[str] = (),
    ) -> None:
        """A target with the configurations (by version) and releases that it can go back to."""
        known = {state.config_version: state.config, **configurations}
        ours = {state.release, *releases, *filter(None, [state.previous_release])}
        self._targets[state.target] = _Target(state, known, ours)

    def change(self, target: str, **changed: object) -> None:
        """Somebody else changes the target behind our back: its version rises."""
        known = self._target(target)
        # replace() checks the names; the values are the test's own.
        known.state = replace(known.state, version=known.state.version + 1, **changed)  # type: ignore[arg-type]

    def state(self, target: str) -> TargetState:
        """What the target is now."""
        self._ask(f"state {target}")
        return self._target(target).state

    def plan(self, action: Action) -> str:
        """The call that `execute` would make."""
        return f"{self.name}: {action}"

    def fence(self, target: str, epoch: int) -> None:
        """Shut out older epochs; an equal one is not newer."""
        self._ask(f"fence {target} {epoch}")
        known = self._target(target)
        with self._lock:
            if epoch <= known.epoch:
                raise StaleTargetError(f"{target} is fenced by epoch {known.epoch}, ours is {epoch}")
            known.epoch = epoch

    def execute(self, action: Action, *, key: str, version: int, epoch: int) -> EffectResult:
        """Act once per key on this very version, and go wrong as `fault` says."""
        self._ask(f"execute {action}")
        fault, self.fault = self.fault, None
        request = _Request(action=action, key=key, version=version, epoch=epoch)
        if fault is Fault.BEFORE_EFFECT:
            raise UnreachableError(f"{self.name}: connection lost before the request was read")
        if fault is Fault.HANG:
            self._in_flight.append(request)
            raise UnreachableError(f"{self.name}: no answer in time")
        with self._lock:
            result = self._act(request)
        if fault is Fault.AFTER_EFFECT:
            raise UnreachableError(f"{self.name}: connection lost before the answer was read")
        return result

    def deliver(self) -> list[EffectResult | StaleTargetError]:
        """Let the requests arrive on which we had given up; says what each one met."""
        waiting, self._in_flight = self._in_flight, []
        met: list[EffectResult | StaleTargetError] = []
        for request in waiting:
            try:
                met.append(self._act(request))
            except StaleTargetError as error:
                met.append(error)
        return met

    def outcome(self, key: str) -> EffectResult | None:
        """What became of a key."""
        self._ask(f"outcome {key}")
        return self._outcomes.get(key)

    def _ask(self, call: str) -> None:
        self.asked.append(call)
        if self.unreachable is not None:
            raise UnreachableError(f"{self.name}: {self.unreachable}")

    def _target(self, name: str) -> _Target:
        if name not in self._targets:
            raise NotFoundError(f"{self.name} knows no {name}; it knows {', '.join(sorted(self._targets))}")
        return self._targets[name]

    def _act(self, request: _Request) -> EffectResult:
        known = self._target(request.action.target)
        if request.key in self._outcomes:
            return self._outcomes[request.key]
        if request.epoch < known.epoch:
            raise StaleTargetError(f"{request.action.target} is fenced by epoch {known.epoch}")
        if request.version != known.state.version:
            reason = f"is at version {known.state.version}, not {request.version}"
            raise StaleTargetError(f"{request.action.target} {reason}")
        result = self._apply(known, request)
        self._outcomes[request.key] = result
        return result

    def _apply(self, known: _Target, request: _Request) -> EffectResult:
        before = known.state
        after = _AFTER[request.action.kind](known, request.action.parameters)
        if isinstance(after, str):
            return EffectResult(done=False, version=before.version, text=after)
        known.state = replace(after, version=before.version + 1)
        effect = Effect(
            key=request.key, action=request.action, epoch=request.epoch, version=known.state.version
        )
        self.effects.append(effect)
        if self.on_effect is not None:
            self.on_effect(effect)
        return EffectResult(done=True, version=known.state.version, text=f"{request.action} done")


_Given = Mapping[str, str | int | float | bool]


def _restart(known: _Target, _: _Given) -> TargetState | str:
    return known.state


def _rollback(known: _Target, given: _Given) -> TargetState | str:
    release = str(given.get("to", ""))
    if release not in known.releases:
        return f"{known.state.target} has no release {release!r}"
    return replace(known.state, release=release, previous_release=known.state.release)


def _restore_config(known: _Target, given: _Given) -> TargetState | str:
    version = given.get("to_version")
    if not isinstance(version, int) or version not in known.configurations:
        return f"{known.state.target} has no configuration {version!r}"
    return replace(
        known.state,
        config=known.configurations[version],
        config_version=version,
        previous_config_version=known.state.config_version,
    )


def _set_flag(known: _Target, given: _Given) -> TargetState | str:
    flag = str(given.get("flag", ""))
    if flag not in known.state.flags:
        return f"{known.state.target} has no flag {flag!r}"
    return replace(known.state, flags={**known.state.flags, flag: _value(given.get("value"))})


def _value(given: str | float | None) -> Json:
    """A flag's value: JSON where it is JSON (true, 0.5), else the text itself."""
    if not isinstance(given, str):
        return given
    try:
        value: Json = json.loads(given.lower() if given in ("True", "False") else given)
    except ValueError:
        return given
    return value


def _scale(known: _Target, given: _Given) -> TargetState | str:
    replicas = given.get("replicas")
    if not isinstance(replicas, int) or replicas < 1:
        return f"{known.state.target} cannot run {replicas!r} replicas"
    return replace(known.state, replicas=replicas)


_AFTER: Mapping[ActionKind, Callable[[_Target, _Given], TargetState | str]] = MappingProxyType(
    {
        ActionKind.RESTART: _restart,
        ActionKind.ROLLBACK: _rollback,
        ActionKind.RESTORE_CONFIG: _restore_config,
        ActionKind.SET_FLAG: _set_flag,
        ActionKind.SCALE: _scale,
    }
)
