"""The Loki side: push, query_range, labels and label values."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Annotated

from fastapi import APIRouter, Body, HTTPException, Query, Request

from autoheal.sandbox.store.database import Line, Store
from autoheal.sandbox.store.logql import LogQLError, parse
from autoheal.sandbox.store.logql import Query as LogQuery

router = APIRouter()
_NANO = 1_000_000_000
_MAX_STEPS = 11_000
_SECONDS_DIGITS = 10  # a longer integer is in nanoseconds
_DIGITS_OF_SECONDS = 10


def store_of(request: Request) -> Store:
    """The store behind this server."""
    store: Store = request.app.state.store
    return store


@router.post("/loki/api/v1/push", status_code=204)
def push(request: Request, body: Annotated[dict[str, object], Body()]) -> None:
    """Take lines in, each stream with its labels."""
    try:
        lines: list[tuple[int, Mapping[str, str], str]] = [
            (int(at), dict(stream["stream"]), str(text))
            for stream in body["streams"]  # type: ignore[attr-defined]  # checked by the except below
            for at, text, *_ in stream["values"]
        ]
    except (KeyError, TypeError, ValueError) as error:
        raise HTTPException(400, f"streams cannot be read: {error}") from None
    store_of(request).add_lines(lines)


@router.get("/loki/api/v1/labels")
def labels(request: Request) -> dict[str, object]:
    """All label names."""
    return {"status": "success", "data": store_of(request).label_values(None)}


@router.get("/loki/api/v1/label/{name}/values")
def label_values(request: Request, name: str) -> dict[str, object]:
    """All values of one label."""
    return {"status": "success", "data": store_of(request).label_values(name)}


@router.get("/loki/api/v1/query_range")
def query_range(  # noqa: PLR0913  the parameters of Loki's API
    request: Request,
    *,
    query: str,
    start: str = "",
    end: str = "",
    limit: Annotated[int, Query(ge=1, le=5000)] = 100,
    direction: str = "backward",
    step: str = "",
) -> dict[str, object]:
    """Lines of a window, or counts over time."""
    try:
        asked = parse(query)
        stop = nanoseconds(end) if end else int(datetime.now(UTC).timestamp() * _NANO)
        begin = nanoseconds(start) if start else stop - 3600 * _NANO
    except (LogQLError, ValueError, OverflowError) as error:
        raise HTTPException(400, str(error)) from None
    if asked.seconds is None:
        return _streams(store_of(request), asked, (begin, stop), limit, backward=direction != "forward")
    return _matrix(store_of(request), asked, (begin, stop), step)


def nanoseconds(text: str) -> int:
    """Nanoseconds since 1970 from nanoseconds, float seconds or RFC 3339; raises ValueError."""
    if text.isdigit():
        return int(text) if len(text) > _DIGITS_OF_SECONDS else int(text) * _NANO
    try:
        return int(float(text) * _NANO)
    except ValueError:
        return int(datetime.fromisoformat(text).timestamp() * _NANO)


def _matching(store: Store, asked: LogQuery, window: tuple[int, int], *, backward: bool) -> list[Line]:
    exact = [m.value for m in asked.matchers if m.label == "service_name" and m.operator == "="]
    found = store.lines(*window, services=exact or None, newest_first=backward)
    return [
        line
        for line in found
        if all(m.holds(line.labels) for m in asked.matchers)
        and all(f.holds(line.text) for f in asked.filters)
    ]


def _streams(
    store: Store, asked: LogQuery, window: tuple[int, int], limit: int, *, backward: bool
) -> dict[str, object]:
    kept = _matching(store, asked, window, backward=backward)[:limit]
    streams: dict[tuple[tuple[str, str], ...], list[list[str]]] = {}
    for line in kept:
        streams.setdefault(tuple(sorted(line.labels.items())), []).append([str(line.at), line.text])
    result = [{"stream": dict(key), "values": values} for key, values in streams.items()]
    return _answer("streams", result, len(kept))


def _matrix(store: Store, asked: LogQuery, window: tuple[int, int], step: str) -> dict[str, object]:
    seconds = asked.seconds or 1
    pace = float(step.rstrip("s") or seconds)
    begin, stop = window
    if pace <= 0 or (stop - begin) / _NANO / pace > _MAX_STEPS:
        raise HTTPException(400, "exceeded maximum resolution of 11,000 points per timeseries; raise step")
    lines = _matching(store, asked, (int(begin - seconds * _NANO), stop), backward=False)
    series: dict[tuple[tuple[str, str], ...], list[int]] = {}
    for line in lines:
        series.setdefault(_key(line.labels, asked.by), []).append(line.at)
    times = [begin / _NANO + n * pace for n in range(int((stop - begin) / _NANO / pace) + 1)]
    divisor = seconds if asked.per_second else 1
    result = [
        {"metric": dict(key), "values": _counts(found, times, seconds, divisor)}
        for key, found in sorted(series.items())
    ]
    return _answer("matrix", result, len(lines))


def _key(labels: Mapping[str, str], by: tuple[str, ...] | None) -> tuple[tuple[str, str], ...]:
    if by is None:
        return tuple(sorted(labels.items()))
    return tuple((name, labels[name]) for name in by if name in labels)


def _counts(found: list[int], times: list[float], seconds: float, divisor: float) -> list[list[object]]:
    points: list[list[object]] = []
    for moment in times:
        low, high = (moment - seconds) * _NANO, moment * _NANO
        count = sum(low < at <= high for at in found)
        if count:
            points.append([moment, f"{count / divisor:g}"])
    return points


def _answer(kind: str, result: Sequence[Mapping[str, object]], entries: int) -> dict[str, object]:
    stats = {"summary": {"totalEntriesReturned": entries}}
    return {"status": "success", "data": {"resultType": kind, "result": result, "stats": stats}}
