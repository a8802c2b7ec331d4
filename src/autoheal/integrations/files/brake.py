"""The kill-switch file: while it exists, or cannot be looked at, nothing runs."""

from __future__ import annotations

from pathlib import Path


class BrakeFile:
    """A brake that anybody with a shell can pull: `touch KILL`."""

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
