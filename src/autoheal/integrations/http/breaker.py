"""Stops asking a backend that keeps failing, so that a slow one does not hold every worker."""

from __future__ import annotations

import time
from threading import Lock

from autoheal.domain.errors import UnreachableError


class Breaker:
    """Open after `failures` in a row for some seconds, then for one call to try; 0 failures: never open."""

    def __init__(self, *, failures: int, seconds: float = 30.0) -> None:
        self._allowed = failures
        self._seconds = seconds
        self._failures = 0
        self._closed_at = 0.0
        self._lock = Lock()

    def check(self, name: str) -> None:
        """Raise UnreachableError while the backend is left alone."""
        with self._lock:
            left = self._closed_at - time.monotonic()
            if not self._allowed or self._failures < self._allowed:
                return
            if left > 0:
                failed = f"{self._failures} calls in a row failed"
                raise UnreachableError(f"{name}: {failed}; it is not asked for another {left:.0f} s")
            self._closed_at = time.monotonic() + self._seconds

    def note(self, *, failed: bool) -> None:
        """Count how a call went."""
        with self._lock:
            self._failures = self._failures + 1 if failed else 0
            if self._failures >= self._allowed:
                self._closed_at = time.monotonic() + self._seconds
