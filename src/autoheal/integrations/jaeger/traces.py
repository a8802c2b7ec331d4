"""Asks a Jaeger for spans and observed calls."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor

from autoheal.domain.errors import UnreachableError
from autoheal.integrations.http.endpoint import Call, Endpoint
from autoheal.integrations.jaeger.span import spans_of
from autoheal.ports.telemetry import Span

_OK = 200
_MICROSECONDS = 1_000_000
_PARTS = 6
_AT_ONCE = 4


class JaegerTraces:
    """The Traces port over /api/traces, /api/services and /api/dependencies."""

    def __init__(self, endpoint: Endpoint, *, max_traces: int) -> None:
        self.name = endpoint.name
        self._endpoint = endpoint
        self._max_traces = max_traces

    def spans(self, *, services: Sequence[str], start: float, end: float, limit: int) -> Sequence[Span]:
        """At most `limit` spans of traces that touch the services (all known ones when none), by time."""
        wanted = list(dict.fromkeys(services)) or self._services()
        if not wanted:
            return []
        with ThreadPoolExecutor(max_workers=_AT_ONCE) as pool:
            answers = pool.map(lambda service: self._of(service, start, end), wanted)
            found = {spans[0].trace_id: spans for answer in answers for spans in answer}
        inside = [spans for spans in found.values() if spans[0].start < end]
        return _within(inside, limit)

    def calls(self, *, end: float, lookback: float) -> Sequence[tuple[str, str]]:
        """Pairs of caller and callee."""
        query = {"endTs": str(int(end * 1000)), "lookback": str(int(lookback * 1000))}
        listed = [link for link in self._get("/api/dependencies", query) if isinstance(link, dict)]
        pairs = {(str(link.get("parent", "")), str(link.get("child", ""))) for link in listed}
        return sorted(pair for pair in pairs if all(pair) and pair[0] != pair[1])

    def _services(self) -> list[str]:
        return [str(name) for name in self._get("/api/services", {}) if name]

    def _of(self, service: str, start: float, end: float) -> list[list[Span]]:
        """The traces of one service; where there are too many, each part of the window has its share."""
        found = self._traces(service, start, end, self._max_traces)
        if len(found) < self._max_traces:
            return found
        # Jaeger gives the newest ones, which would hide how it was before: ask again in parts.
        share = max(self._max_traces // _PARTS, 1)
        length = (end - start) / _PARTS
        begins = (start + length * index for index in range(_PARTS))
        return [spans for begin in begins for spans in self._traces(service, begin, begin + length, share)]

    def _traces(self, service: str, start: float, end: float, limit: int) -> list[list[Span]]:
        query = {
            "service": service,
            "start": str(int(start * _MICROSECONDS)),
            "end": str(int(end * _MICROSECONDS)),
            "limit": str(limit),
        }
        traces = (list(spans_of(trace)) for trace in self._get("/api/traces", query))
        return [spans for spans in traces if spans]

    def _get(self, path: str, query: Mapping[str, str]) -> list[object]:
        reply = self._endpoint.send(Call(method="GET", path=path, query=query))
        document = reply.json
        data = document.get("data") if isinstance(document, dict) else None
        if reply.status != _OK or not isinstance(document, dict) or (data is None and document.get("errors")):
            raise UnreachableError(f"{self.name} answered {reply.status}: {_reason(document)}")
        if data is not None and not isinstance(data, list):
            raise UnreachableError(f"{self.name}: the answer to {path} holds no list")
        return list(data or ())


def _within(traces: Sequence[list[Span]], limit: int) -> list[Span]:
    """Whole traces, evenly thinned out over time until their spans fit."""
    ordered = sorted(traces, key=lambda spans: min(span.start for span in spans))
    total = sum(map(len, ordered))
    kept = len(ordered) if total <= limit else max(len(ordered) * limit // total, 1)
    picked = [ordered[index * len(ordered) // kept] for index in range(kept)]
    found = [span for spans in picked for span in spans]
    return sorted(found, key=lambda span: span.start)[:limit]


def _reason(document: object) -> str:
    errors = document.get("errors") if isinstance(document, dict) else None
    told = [str(error.get("msg", error)) for error in errors or () if isinstance(error, dict)]
    return "; ".join(told)[:300] or "no JSON with data"
