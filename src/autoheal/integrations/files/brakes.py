"""The kill switches: a file that anybody with a shell can make, and the one in the database."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from autoheal.domain.errors import WorldError
from autoheal.ports.stores import MitigationStore


class BrakeFile:
    """While the file exists, or cannot be looked at, nothing runs: `touch KILL`."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def engaged(self) -> str | None:
        """The file's first line; unreadable means stopped."""
        try:
            with self._path.open(encoding="utf-8", errors="replace") as file:
                return file.readline().strip()[:200] or f"{self._path.name} exists"
        except FileNotFoundError:
            return None
        except OSError as error:
            return f"the kill switch cannot be read: {error}"


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredBrake:
    """The switch that CLI, API and web page engage."""

    mitigations: MitigationStore

    def engaged(self) -> str | None:
        """The stored reason; unreadable means stopped."""
        try:
            return self.mitigations.killed()
        except WorldError as error:
            return f"the kill switch cannot be read: {error}"
