"""Labelled crash points around every effect, so that a test can kill us exactly there.

A label is `<port>.<method>.<before|after>`, with `<workflow>.<step>/` before it inside a step; a step's own
points are `<workflow>.<step>.<before|after>`. Outside of tests nothing is armed and no port is wrapped.
"""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar, cast

T = TypeVar("T")
Crash = Callable[[str], None]
AT, TRAIL = "AUTOHEAL_CRASH_AT", "AUTOHEAL_CRASH_TRAIL"

_READS = """
alerts approvals commits costs dead diff dollars_since event evidence evidence_of exclusively facts
facts_with files get group group_of_incident head history investigations killed launch list name
neighborhood node nodes occurrence of_incident open_groups outcome plan read records resolve resolve_all
rows search shutdown since state subjects timeline touching trust unfinished unhandled_events uses
verification verify with_content worktree
"""
HARMLESS = frozenset(_READS.split())
"""Methods of ports that change nothing outside; every other one is an effect and has two crash points."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CrashPoints:
    """Kills this process hard at one label, and writes every label that was reached into a file."""

    at: str = ""
    trail: Path | None = None
    _step: threading.local = field(default_factory=threading.local)

    def __call__(self, label: str) -> None:
        """Reach the point of a step; between its two points, effects of this thread are labelled as its."""
        name, _, side = label.rpartition(".")
        self._reach(label)
        self._step.name = name if side == "before" else ""

    def around(self, port: T, name: str) -> T:
        """The port with crash points around every effect; itself when nothing is armed."""
        if not self.at and self.trail is None:
            return port
        return cast("T", _Around(port, name, self._effect))

    def arm(self, whole: object) -> None:
        """Put crash points around each port that stands in a public attribute, under the attribute's name."""
        for name, port in list(vars(whole).items()):
            if not name.startswith("_"):
                setattr(whole, name, self.around(port, name))

    def _effect(self, label: str) -> None:
        step = getattr(self._step, "name", "")
        self._reach(f"{step}/{label}" if step else label)

    def _reach(self, label: str) -> None:
        if self.trail is not None:
            with self.trail.open("a", encoding="utf-8") as file:
                file.write(label + "\n")
        if label == self.at:
            os.kill(os.getpid(), signal.SIGKILL)


class _Around:
    """Stands where a port stands."""

    def __init__(self, port: object, name: str, crash: Crash) -> None:
        self._port = port
        self._name = name
        self._crash = crash

    def __getattr__(self, attribute: str) -> object:
        found: object = getattr(self._port, attribute)
        if attribute in HARMLESS or not callable(found):
            return found
        effect = cast("Callable[..., object]", found)

        def between(*args: object, **options: object) -> object:
            self._crash(f"{self._name}.{attribute}.before")
            result = effect(*args, **options)
            self._crash(f"{self._name}.{attribute}.after")
            return result

        return between


def crash_from(environment: Mapping[str, str]) -> CrashPoints:
    """The points that the environment arms; without its variables, none."""
    trail = environment.get(TRAIL)
    return CrashPoints(at=environment.get(AT, ""), trail=Path(trail) if trail else None)
