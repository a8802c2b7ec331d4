"""Durable runs that only note what was asked of them."""

from __future__ import annotations

from dataclasses import dataclass, field

from autoheal.ports.runs import Json


@dataclass(slots=True, kw_only=True)
class MemoryRuns:
    """Runs that never run: `started` keeps each pair once, `told` each message once by its key."""

    started: dict[tuple[str, str], None] = field(default_factory=dict)
    told: dict[str, tuple[str, str, str, Json]] = field(default_factory=dict)

    def start(self, workflow: str, subject: str) -> None:
        """Note the start, once per pair."""
        self.started[workflow, subject] = None

    def tell(self, workflow: str, subject: str, topic: str, message: Json, *, once: str) -> None:
        """Note the message, once per key."""
        self.told.setdefault(once, (workflow, subject, topic, message))
