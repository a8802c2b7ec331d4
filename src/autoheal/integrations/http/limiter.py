"""Keeps a backend's limits: so many calls at once, so many per second; says how long each had to wait."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from threading import BoundedSemaphore, Lock

from autoheal.domain.errors import OverloadedError


class Limiter:
    """Shared by all threads that ask one backend."""

    def __init__(self, *, max_concurrent: int, per_second: float, max_wait_seconds: float) -> None:
        self._slots = BoundedSemaphore(max_concurrent)
        # Starts of the latest calls: the n-th next may start one period after the first of them.
        self._period = max(1.0, 1.0 / per_second)
        self._starts: deque[float] = deque(maxlen=max(1, int(per_second * self._period)))
        self._lock = Lock()
        self._max_wait = max_wait_seconds

    @contextmanager
    def turn(self) -> Iterator[float]:
        """Wait for a turn and hold it; gives the seconds waited, raises OverloadedError after too many."""
        asked_at = time.monotonic()
        if not self._slots.acquire(timeout=self._max_wait):
            raise OverloadedError(f"no free turn within {self._max_wait:g} s: all calls at once are in use")
        try:
            self.pause(self._reserve(asked_at + self._max_wait) - time.monotonic())
            yield time.monotonic() - asked_at
        finally:
            self._slots.release()

    @staticmethod
    def pause(seconds: float) -> None:
        """Wait, where there is something to wait for."""
        if seconds > 0:
            time.sleep(seconds)

    def _reserve(self, latest: float) -> float:
        with self._lock:
            start = time.monotonic()
            if len(self._starts) == self._starts.maxlen:
                start = max(start, self._starts[0] + self._period)
            if start > latest:
                raise OverloadedError(
                    f"no turn within {self._max_wait:g} s: the calls per second are used up"
                )
            self._starts.append(start)
            return start
