"""Log lines held in memory."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from autoheal.domain.evidence import Empty, Failed, Found, NoData, Row, digest_of
from autoheal.ports.telemetry import QueryResult


class MemoryLogs:
    """Lines as rows (entity the service, subject the trace id); set `broken` and every question fails."""

    def __init__(self, lines: Iterable[Row] = (), *, name: str = "logs") -> None:
        self.name = name
        self.broken: str | None = None
        self._lines = sorted(lines, key=lambda row: row.time)

    def add(self, *lines: Row) -> None:
        """Lines that production writes from now on."""
        self._lines = sorted([*self._lines, *lines], key=lambda row: row.time)

    def lines(self, *, services: Sequence[str], start: float, end: float, limit: int) -> QueryResult:
        """The newest `limit` lines of the services in [start, end), oldest first; all services when none."""
        if self.broken is not None:
            return QueryResult(answer=Failed(reason=self.broken))
        known = [row for row in self._lines if not services or row.entity in services]
        if not known:
            return QueryResult(answer=NoData())
        found = tuple(row for row in known if start <= row.time < end)[-limit:]
        if not found:
            return QueryResult(answer=Empty())
        return QueryResult(answer=Found(rows=len(found), digest=digest_of(found)), rows=found)
