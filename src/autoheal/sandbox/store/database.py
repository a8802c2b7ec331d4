"""Log lines and spans of the last while, in SQLite; what is too old is dropped."""

from __future__ import annotations

import json
import sqlite3
import threading
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

KEEP_SECONDS = 3 * 3600
_TIDY_EVERY = 20_000
_TIDY_AFTER = 20_000  # spans
_TABLES = """
CREATE TABLE IF NOT EXISTS line (at INTEGER, service TEXT, labels TEXT, text TEXT);
CREATE INDEX IF NOT EXISTS line_at ON line (service, at);
CREATE TABLE IF NOT EXISTS span (trace TEXT, id TEXT, parent TEXT, service TEXT, operation TEXT, start REAL,
                                 ms REAL, body TEXT);
CREATE INDEX IF NOT EXISTS span_trace ON span (trace, id);
CREATE INDEX IF NOT EXISTS span_start ON span (start);
CREATE INDEX IF NOT EXISTS span_service ON span (service, start);
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One stored line; time in nanoseconds."""

    at: int
    labels: Mapping[str, str]
    text: str


class Store:
    """One connection behind a lock: the rig's volume is small, and order matters more than speed."""

    def __init__(self, path: Path) -> None:
        self._connection = sqlite3.connect(path, check_same_thread=False, isolation_level=None)
        self._connection.executescript("PRAGMA journal_mode=WAL; PRAGMA synchronous=OFF;" + _TABLES)
        self._lock = threading.Lock()
        self._written = 0

    def add_lines(self, lines: list[tuple[int, Mapping[str, str], str]]) -> None:
        """Store lines with the labels of their stream."""
        rows = [(at, labels.get("service_name", ""), json.dumps(labels), text) for at, labels, text in lines]
        with self._lock:
            self._connection.executemany("INSERT INTO line VALUES (?, ?, ?, ?)", rows)

    def lines(
        self, start: int, end: int, *, services: list[str] | None, newest_first: bool
    ) -> Iterator[Line]:
        """Lines in a half-open window of nanoseconds."""
        order = "DESC" if newest_first else "ASC"
        where, given = "", list[object]()
        if services is not None:
            where = f" AND service IN ({','.join('?' * len(services))})"
            given = list(services)
        # The order and the placeholders are ours; every value is bound.
        sql = f"SELECT at, labels, text FROM line WHERE at >= ? AND at < ?{where} ORDER BY at {order}"  # noqa: S608
        with self._lock:
            rows = self._connection.execute(sql, (start, end, *given)).fetchall()
        return (Line(at=at, labels=json.loads(labels), text=text) for at, labels, text in rows)

    def label_values(self, name: str | None) -> list[str]:
        """All values of a label, or all label names."""
        with self._lock:
            rows = self._connection.execute("SELECT DISTINCT labels FROM line").fetchall()
        found = (json.loads(row[0]) for row in rows)
        values = {v for labels in found for v in ([labels.get(name, "")] if name else labels)}
        return sorted(value for value in values if value)

    def add_spans(self, service: str, spans: list[dict[str, object]]) -> None:
        """Store finished spans of a service."""
        rows = [
            (
                s["trace_id"],
                s["span_id"],
                s["parent_id"],
                service,
                s["operation"],
                s["start"],
                s["duration_ms"],
                json.dumps({"kind": s["kind"], "error": s["error"], "attributes": s["attributes"]}),
            )
            for s in spans
        ]
        with self._lock:
            self._connection.executemany("INSERT INTO span VALUES (?, ?, ?, ?, ?, ?, ?, ?)", rows)
            self._written += len(rows)
            if self._written > _TIDY_EVERY:
                self._written = 0
                self._drop_old()

    def services(self) -> list[str]:
        """Services that ever sent a span."""
        with self._lock:
            return [
                row[0] for row in self._connection.execute("SELECT DISTINCT service FROM span ORDER BY 1")
            ]

    def traces(
        self, *, service: str, operation: str | None, start: float, end: float, limit: int
    ) -> list[str]:
        """Ids of the newest traces in which the service has a span in the window (unix seconds)."""
        where, given = "", list[object]()
        if operation:
            where, given = " AND operation = ?", [operation]
        sql = (
            "SELECT trace, MAX(start) FROM span WHERE service = ? AND start >= ? AND start <= ?"  # noqa: S608  bound
            f"{where} GROUP BY trace ORDER BY 2 DESC LIMIT ?"
        )
        with self._lock:
            return [row[0] for row in self._connection.execute(sql, (service, start, end, *given, limit))]

    def spans(self, traces: list[str]) -> list[tuple[str, str, str, str, str, float, float, str]]:
        """Every span of some traces."""
        found = []
        with self._lock:
            for at in range(0, len(traces), 500):
                part = traces[at : at + 500]
                marks = ",".join("?" * len(part))
                sql = f"SELECT * FROM span WHERE trace IN ({marks}) ORDER BY start"  # noqa: S608  only marks
                found += self._connection.execute(sql, part).fetchall()
        return found

    def calls(self, start: float, end: float) -> list[tuple[str, str, int]]:
        """Caller, callee and number of calls.

        From spans with a parent in another service, and from client spans that name their peer, where
        nobody on the other side sends spans (a database).
        """
        with self._lock:
            rows = self._connection.execute(
                "SELECT p.service, c.service, COUNT(*) FROM span c JOIN span p"
                " ON p.trace = c.trace AND p.id = c.parent AND p.service != c.service"
                " WHERE c.start >= ? AND c.start <= ? GROUP BY 1, 2",
                (start, end),
            ).fetchall()
            peers = self._connection.execute(
                "SELECT service, json_extract(body, '$.attributes.\"peer.service\"'), COUNT(*) FROM span"
                " WHERE start >= ? AND start <= ? AND body LIKE '%peer.service%' GROUP BY 1, 2",
                (start, end),
            ).fetchall()
        return [*rows, *peers]

    def _drop_old(self) -> None:
        newest = self._connection.execute("SELECT MAX(start) FROM span").fetchone()[0] or 0
        self._connection.execute("DELETE FROM span WHERE start < ?", (newest - KEEP_SECONDS,))
        self._connection.execute("DELETE FROM line WHERE at < ?", (int((newest - KEEP_SECONDS) * 1e9),))
