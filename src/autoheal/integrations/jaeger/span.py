"""Reads the spans of a legacy Jaeger trace into our one shape: hexadecimal ids, zero-padded to 32 and 16."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping

from autoheal.ports.telemetry import Span

_MICROSECONDS = 1_000_000
_KINDS = frozenset({"client", "server", "producer", "consumer", "internal"})
_MAX_VALUE = 1_000


def spans_of(trace: object) -> Iterator[Span]:
    """The spans of one trace; a span without id, name or start is left out."""
    if not isinstance(trace, dict):
        return
    processes = trace.get("processes")
    known = processes if isinstance(processes, dict) else {}
    listed = trace.get("spans")
    for span in listed if isinstance(listed, list) else ():
        if isinstance(span, dict) and _whole(span):
            yield _span(span, _process(span, known))


def _whole(span: Mapping[str, object]) -> bool:
    named = all(
        isinstance(span.get(key), str) and span[key] for key in ("traceID", "spanID", "operationName")
    )
    return named and all(math.isfinite(_number(span.get(key))) for key in ("startTime", "duration"))


def _number(value: object) -> float:
    return float(str(value)) if isinstance(value, int | float) else math.nan


def _span(span: Mapping[str, object], process: Mapping[str, object]) -> Span:
    tags = {**_tags(process.get("tags")), **_events(span.get("logs")), **_tags(span.get("tags"))}
    kind = tags.get("span.kind", "internal").lower()
    return Span(
        trace_id=_padded(span["traceID"], 32),
        span_id=_padded(span["spanID"], 16),
        parent_id=_parent(span),
        entity=str(process.get("serviceName", "")),
        operation=str(span["operationName"]),
        kind=kind if kind in _KINDS else "internal",
        start=_number(span["startTime"]) / _MICROSECONDS,
        duration_ms=_number(span["duration"]) / 1_000,
        error=_failed(tags),
        attributes={key: value for key, value in tags.items() if key not in ("span.kind", "error")},
    )


def _process(span: Mapping[str, object], known: Mapping[str, object]) -> Mapping[str, object]:
    """The process by its id, or embedded in the span."""
    process = known.get(str(span.get("processID", ""))) or span.get("process")
    return process if isinstance(process, dict) else {}


def _tags(tags: object) -> dict[str, str]:
    listed = [tag for tag in tags if isinstance(tag, dict)] if isinstance(tags, list) else []
    return {str(tag.get("key")): _plain(tag.get("value"))[:_MAX_VALUE] for tag in listed}


def _plain(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _events(logs: object) -> dict[str, str]:
    """What an exception said; of several the last one counts."""
    listed = [log for log in logs if isinstance(log, dict)] if isinstance(logs, list) else []
    fields = [_tags(log.get("fields")) for log in listed]
    return {k: v for event in fields for k, v in event.items() if k.startswith(("exception.", "error."))}


def _parent(span: Mapping[str, object]) -> str | None:
    """The span it is a child of, in the same trace; of several references the first."""
    references = span.get("references")
    listed = [one for one in references if isinstance(one, dict)] if isinstance(references, list) else []
    same = [one for one in listed if one.get("traceID", span["traceID"]) == span["traceID"]]
    same.sort(key=lambda one: one.get("refType") != "CHILD_OF")
    parent = same[0].get("spanID") if same else span.get("parentSpanID")
    return _padded(parent, 16) if parent else None


def _padded(text: object, width: int) -> str:
    return str(text).lower().rjust(width, "0")


def _failed(tags: Mapping[str, str]) -> bool:
    if tags.get("error") == "true" or tags.get("otel.status_code") == "ERROR":
        return True
    status = tags.get("http.response.status_code") or tags.get("http.status_code") or ""
    return len(status) == 3 and status.startswith("5")  # noqa: PLR2004  digits of an HTTP status
