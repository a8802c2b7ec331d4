"""Spans held in memory."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from autoheal.domain.errors import UnreachableError
from autoheal.ports.telemetry import Span


class MemoryTraces:
    """Spans as they were given; set `broken` and every question raises UnreachableError."""

    def __init__(self, spans: Iterable[Span] = (), *, name: str = "traces") -> None:
        self.name = name
        self.broken: str | None = None
        self._spans = list(spans)

    def add(self, *spans: Span) -> None:
        """Spans that production writes from now on."""
        self._spans += spans

    def spans(self, *, services: Sequence[str], start: float, end: float, limit: int) -> Sequence[Span]:
        """Spans of every trace that touches one of the services (all when none), in time order."""
        self._check()
        inside = [span for span in self._spans if start <= span.start < end]
        wanted = {span.trace_id for span in inside if not services or span.entity in services}
        found = [span for span in inside if span.trace_id in wanted]
        return sorted(found, key=lambda span: span.start)[:limit]

    def calls(self, *, end: float, lookback: float) -> Sequence[tuple[str, str]]:
        """Pairs of services where a span of the one is the parent of a span of the other."""
        self._check()
        recent = [span for span in self._spans if end - lookback <= span.start <= end]
        owner = {(span.trace_id, span.span_id): span.entity for span in recent}
        pairs = ((owner.get((span.trace_id, span.parent_id or "")), span.entity) for span in recent)
        return sorted({(caller, callee) for caller, callee in pairs if caller and caller != callee})

    def _check(self) -> None:
        if self.broken is not None:
            raise UnreachableError(f"{self.name}: {self.broken}")
