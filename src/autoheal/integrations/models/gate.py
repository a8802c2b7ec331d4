"""Lets only so many calls of one model run at once, and only so many begin in a minute, over all tasks."""

from __future__ import annotations

import asyncio
import threading
import time
from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

_MINUTE = 60.0
_LOOK_AGAIN = 0.05


@dataclass(slots=True, kw_only=True)
class Gate:
    """Shared by all tasks of a process, each of which runs in a thread and a loop of its own."""

    at_once: int
    per_minute: int | None = None
    _running: int = 0
    _begun: deque[float] = field(default_factory=deque)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    @asynccontextmanager
    async def passed(self) -> AsyncIterator[None]:
        """Wait for one's turn; the wait counts against the caller's own limit of time."""
        while not self._enter(time.monotonic()):  # noqa: ASYNC110  an event belongs to one loop, tasks have their own
            await asyncio.sleep(_LOOK_AGAIN)
        try:
            yield
        finally:
            with self._lock:
                self._running -= 1

    def _enter(self, now: float) -> bool:
        with self._lock:
            while self._begun and self._begun[0] <= now - _MINUTE:
                self._begun.popleft()
            full = self.per_minute is not None and len(self._begun) >= self.per_minute
            if full or self._running >= self.at_once:
                return False
            self._running += 1
            self._begun.append(now)
            return True
