"""What the platform knows of production, kept in one file that survives a restart of the platform."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, Field, JsonValue

from autoheal.sandbox.layout import write_atomically


class Release(BaseModel):
    """One deployed commit; times in unix seconds."""

    commit: str
    deployed_at: float
    replaced_at: float | None = None


class Service(BaseModel):
    """One service; version rises with every change, fence is the highest epoch that was announced."""

    name: str
    version: int = 1
    fence: int = 0
    releases: list[Release] = Field(default_factory=list)
    configurations: dict[int, dict[str, JsonValue]] = Field(default_factory=dict)
    config_version: int = 0
    config_history: list[int] = Field(default_factory=list)
    replicas: int = 1
    busy: bool = False

    @property
    def release(self) -> str:
        """The commit that runs."""
        return self.releases[-1].commit if self.releases else ""

    @property
    def previous_release(self) -> str | None:
        """The newest other commit that ran before."""
        older = [r.commit for r in self.releases if r.commit != self.release]
        return older[-1] if older else None

    @property
    def previous_config_version(self) -> int | None:
        """The configuration that was in force before this one."""
        older = [v for v in self.config_history if v != self.config_version]
        return older[-1] if older else None


class Change(BaseModel):
    """One change as others see it."""

    id: str
    kind: Literal["deploy", "config", "flag", "scale", "restart"]
    entity: str
    time: float
    author: str
    title: str
    commit: str = ""
    key: str = ""
    before: str = ""
    after: str = ""


class Intent(BaseModel):
    """An action that was taken up; stored before it is carried out, so that its key is never forgotten."""

    service: str
    action: str
    parameters: dict[str, JsonValue]
    plan: str


class State(BaseModel):
    """Everything: services, flags, the change log, and by idempotency key what is and what was done."""

    services: dict[str, Service] = Field(default_factory=dict)
    flags: dict[str, JsonValue] = Field(default_factory=dict)
    changes: list[Change] = Field(default_factory=list)
    intents: dict[str, Intent] = Field(default_factory=dict)
    results: dict[str, dict[str, JsonValue]] = Field(default_factory=dict)


class StateFile:
    """The state in memory and on disk; one change at a time."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lock = threading.RLock()
        self._state = State.model_validate_json(path.read_text()) if path.exists() else State()
        self._settled = self._state.model_copy(deep=True)

    @contextmanager
    def changing(self) -> Iterator[State]:
        """The state to change; written when the block ends well, taken back when it does not."""
        with self._lock:
            before, stored = self._state.model_copy(deep=True), self._settled
            try:
                yield self._state
            except BaseException:
                self._state = before
                if self._settled is not stored:
                    self.save()  # an intent that was stored on the way is taken back too
                raise
            self.save()

    def save(self) -> None:
        """Write what is known now."""
        with self._lock:
            write_atomically(self._path, json.dumps(self._state.model_dump(mode="json")))
            self._settled = self._state.model_copy(deep=True)

    def now(self) -> State:
        """The state after the last change that ended; readers never wait for one under way."""
        return self._settled
