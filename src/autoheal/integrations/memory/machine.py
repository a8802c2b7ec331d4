"""A clock that stands until it is moved, and identifiers that count."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from datetime import datetime


@dataclass(slots=True, kw_only=True)
class MemoryClock:
    """A Clock; set `at` to move it."""

    at: datetime

    def now(self) -> datetime:
        """The instant it stands at."""
        return self.at


@dataclass(slots=True, kw_only=True)
class MemoryIds:
    """Ids in counting order, from any thread."""

    _count: int = 0
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def new(self, prefix: str) -> str:
        """The next one: `<prefix>_<26 digits>`."""
        with self._lock:
            self._count += 1
            return f"{prefix}_{self._count:026d}"
