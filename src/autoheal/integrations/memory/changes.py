"""Changes of production held in memory."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from autoheal.domain.change import Change
from autoheal.domain.errors import UnreachableError


class MemoryChanges:
    """A change log; set `broken` and every question raises UnreachableError."""

    def __init__(self, changes: Iterable[Change] = (), *, name: str = "changes") -> None:
        self.name = name
        self.broken: str | None = None
        self._changes = list(changes)

    def add(self, *changes: Change) -> None:
        """Changes that somebody makes from now on."""
        self._changes += changes

    def between(self, *, start: float, end: float) -> Sequence[Change]:
        """Changes from start to end, both included, in time order."""
        if self.broken is not None:
            raise UnreachableError(f"{self.name}: {self.broken}")
        inside = (change for change in self._changes if start <= change.time <= end)
        return sorted(inside, key=lambda change: change.time)
