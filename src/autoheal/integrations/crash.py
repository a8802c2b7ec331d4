"""Labelled crash points around every effect, so that a test can kill us exactly there."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from autoheal.domain.mitigation import Action
from autoheal.ports.production import Actuator, EffectResult, TargetState

Crash = Callable[[str], None]
VARIABLE = "AUTOHEAL_CRASH_AT"


def no_crash(_: str) -> None:
    """Production: a crash point is nothing."""


def crash_from(environment: Mapping[str, str]) -> Crash:
    """Kill this process hard at the label that the variable names; without it, nothing."""
    label = environment.get(VARIABLE)
    if not label:
        return no_crash

    def crash(reached: str) -> None:
        if reached == label:
            os.kill(os.getpid(), signal.SIGKILL)

    return crash


@dataclass(frozen=True, slots=True, kw_only=True)
class CrashingActuator:
    """An actuator with a crash point before and after each call that changes something."""

    actuator: Actuator
    crash: Crash

    @property
    def name(self) -> str:
        """The name of the real one."""
        return self.actuator.name

    def state(self, target: str) -> TargetState:
        """Reading has no crash point."""
        return self.actuator.state(target)

    def plan(self, action: Action) -> str:
        """Planning has no crash point."""
        return self.actuator.plan(action)

    def fence(self, target: str, epoch: int) -> None:
        """Fence between two crash points."""
        self.crash("actuator.fence.before")
        self.actuator.fence(target, epoch)
        self.crash("actuator.fence.after")

    def execute(self, action: Action, *, key: str, version: int, epoch: int) -> EffectResult:
        """Act between two crash points: after the second, the effect is real and nobody has noted it."""
        self.crash("actuator.execute.before")
        result = self.actuator.execute(action, key=key, version=version, epoch=epoch)
        self.crash("actuator.execute.after")
        return result

    def outcome(self, key: str) -> EffectResult | None:
        """Asking has no crash point."""
        return self.actuator.outcome(key)
