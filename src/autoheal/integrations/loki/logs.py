"""Asks a Loki for lines, always with a stream selector and a limit."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence

from autoheal.domain.errors import UnreachableError, WorldError
from autoheal.domain.evidence import Empty, Failed, Found, NoData, Row, digest_of
from autoheal.integrations.http.endpoint import Call, Endpoint
from autoheal.integrations.loki.line import read
from autoheal.ports.telemetry import QueryResult

_API = "/loki/api/v1"
_OK = 200
_NANOSECONDS = 1_000_000_000
_PARTS = 6


class LokiLogs:
    """The Logs port over the HTTP query API (grafana.com/docs/loki/latest/reference/loki-http-api)."""

    def __init__(self, endpoint: Endpoint, *, label: str, max_lines: int) -> None:
        self.name = endpoint.name
        self._endpoint = endpoint
        self._label = label
        self._max_lines = max_lines

    def lines(self, *, services: Sequence[str], start: float, end: float, limit: int) -> QueryResult:
        """At most `limit` lines, oldest first; where there are more, each part of the window has a share."""
        if limit < 1 or end < start:
            return QueryResult(answer=Failed(reason=f"refused: {limit} lines from {start:.0f} to {end:.0f}"))
        try:
            rows, delayed = self._lines(_selector(self._label, services), start, end, limit)
            if rows:
                answer = Found(rows=len(rows), digest=digest_of(rows))
                return QueryResult(answer=answer, rows=tuple(rows), delayed_seconds=delayed)
            known = self._known(services, start, end)
            return QueryResult(answer=Empty() if known else NoData(), delayed_seconds=delayed)
        except WorldError as error:
            return QueryResult(answer=Failed(reason=str(error)))

    def _lines(self, selector: str, start: float, end: float, limit: int) -> tuple[list[Row], float]:
        at_once = min(limit, self._max_lines)
        rows, delayed = self._part(selector, start, end, at_once)
        if len(rows) >= at_once:
            # Newest lines only would hide how it was before: ask again in parts.
            rows, waited = self._in_parts(selector, start, end, limit)
            delayed += waited
        return sorted(rows, key=lambda row: row.time), delayed

    def _in_parts(self, selector: str, start: float, end: float, limit: int) -> tuple[list[Row], float]:
        parts = min(max(_PARTS, -(-limit // self._max_lines)), limit)
        rows, delayed = list[Row](), 0.0
        for index in range(parts):
            begin, until = (start + (end - start) * (index + side) / parts for side in (0, 1))
            share = min(limit * (index + 1) // parts - limit * index // parts, self._max_lines)
            found, waited = self._part(selector, begin, until, share)
            rows, delayed = rows + found, delayed + waited
        return rows, delayed

    def _part(self, selector: str, start: float, end: float, limit: int) -> tuple[list[Row], float]:
        query = {
            "query": selector,
            "start": str(int(start * _NANOSECONDS)),
            "end": str(int(end * _NANOSECONDS)),
            "limit": str(limit),
            "direction": "backward",
        }
        data, delayed = self._get("/query_range", query)
        if not isinstance(data, dict) or data.get("resultType") != "streams":
            raise UnreachableError(f"{self.name}: the answer holds no streams")
        try:
            rows = [row for stream in data.get("result") or () for row in self._rows(stream)]
        except (TypeError, ValueError, IndexError, OverflowError):
            raise UnreachableError(f"{self.name}: the answer holds no log lines") from None
        return rows[:limit], delayed

    def _rows(self, stream: object) -> Iterator[Row]:
        if not isinstance(stream, dict) or not isinstance(labels := stream.get("stream"), dict):
            raise TypeError("a stream is an object with labels")
        entity = str(labels.get(self._label, ""))
        for value in stream.get("values") or ():
            yield _row(value, entity, labels)

    def _known(self, services: Sequence[str], start: float, end: float) -> bool:
        """Whether any of the services (any at all when none is named) has a stream around the window."""
        window = {"start": str(int(start * _NANOSECONDS)), "end": str(int(end * _NANOSECONDS))}
        data, _ = self._get(f"/label/{self._label}/values", window)
        values = {str(value) for value in data} if isinstance(data, list) else set()
        return not values.isdisjoint(services) if services else bool(values)

    def _get(self, path: str, query: Mapping[str, str]) -> tuple[object, float]:
        reply = self._endpoint.send(Call(method="GET", path=_API + path, query=query))
        document = reply.json
        if reply.status != _OK or not isinstance(document, dict) or document.get("status") != "success":
            # Loki answers errors as plain text.
            raise UnreachableError(
                f"{self.name} answered {reply.status}: {reply.body[:300].decode(errors='replace')}"
            )
        return document.get("data"), reply.delayed_seconds


def _row(value: object, entity: str, labels: Mapping[str, str]) -> Row:
    parts = value if isinstance(value, list) else []
    time, line = int(parts[0]) / _NANOSECONDS, str(parts[1])
    metadata = parts[2] if len(parts) > 2 and isinstance(parts[2], dict) else {}  # noqa: PLR2004  a third part
    told = read(line, {**labels, **metadata})
    return Row(time=time, entity=entity, subject=told.trace_id, value=1.0, text=told.text)


def _selector(label: str, services: Sequence[str]) -> str:
    """All services when none is named; names are quoted, since others wrote them."""
    if not services:
        return f'{{{label}=~".+"}}'
    if len(services) == 1:
        return f"{{{label}={json.dumps(services[0], ensure_ascii=False)}}}"
    names = "|".join(_literal(service) for service in services)
    return f"{{{label}=~{json.dumps(names, ensure_ascii=False)}}}"


def _literal(text: str) -> str:
    """The name as a regular expression that matches only itself (RE2)."""
    return "".join(f"\\{letter}" if letter in r"\.+*?()|[]{}^$" else letter for letter in text)
