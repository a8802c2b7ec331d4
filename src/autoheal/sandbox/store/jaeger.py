"""The Jaeger side: intake of spans, and the query API that its web page uses."""

from __future__ import annotations

import json
from typing import Annotated

from fastapi import APIRouter, Body, HTTPException, Query, Request

from autoheal.sandbox.store.loki import store_of

router = APIRouter()
_TYPES = {bool: "bool", int: "int64", float: "float64"}


@router.post("/api/spans", status_code=204)
def take(request: Request, body: Annotated[dict[str, object], Body()]) -> None:
    """Take finished spans of one service in."""
    spans = body.get("spans")
    if not isinstance(spans, list):
        raise HTTPException(400, "spans is not a list")
    try:
        store_of(request).add_spans(str(body["service"]), spans)
    except (KeyError, TypeError) as error:
        raise HTTPException(400, f"spans cannot be read: {error}") from None


@router.get("/api/services")
def services(request: Request) -> dict[str, object]:
    """Every service that sent spans."""
    found = store_of(request).services()
    return {"data": found, "total": len(found), "limit": 0, "offset": 0, "errors": None}


@router.get("/api/traces")
def traces(
    request: Request,
    service: str,
    start: int = 0,
    end: int = 2**62,
    limit: Annotated[int, Query(ge=1, le=1500)] = 20,
    operation: str = "",
) -> dict[str, object]:
    """The newest traces of a service; start and end in microseconds."""
    ids = store_of(request).traces(
        service=service, operation=operation or None, start=start / 1e6, end=end / 1e6, limit=limit
    )
    return _answer(_documents(request, ids))


@router.get("/api/traces/{trace_id}")
def trace(request: Request, trace_id: str) -> dict[str, object]:
    """One trace."""
    found = _documents(request, [trace_id])
    if not found:
        raise HTTPException(404, "trace not found")
    return _answer(found)


@router.get("/api/dependencies")
def dependencies(
    request: Request,
    endTs: int,  # noqa: N803  Jaeger's own spelling
    lookback: int = 86_400_000,
) -> dict[str, object]:
    """Who called whom; both parameters in milliseconds."""
    found = store_of(request).calls((endTs - lookback) / 1000, endTs / 1000)
    return _answer([{"parent": a, "child": b, "callCount": n} for a, b, n in found])


def _answer(data: list[dict[str, object]]) -> dict[str, object]:
    return {"data": data, "total": 0, "limit": 0, "offset": 0, "errors": None}


def _documents(request: Request, ids: list[str]) -> list[dict[str, object]]:
    by_trace: dict[str, list[tuple[str, str, str, str, str, float, float, str]]] = {key: [] for key in ids}
    for span in store_of(request).spans(ids):
        by_trace[span[0]].append(span)
    return [_document(key, spans) for key, spans in by_trace.items() if spans]


def _document(
    trace_id: str, spans: list[tuple[str, str, str, str, str, float, float, str]]
) -> dict[str, object]:
    processes = {name: f"p{n}" for n, name in enumerate(sorted({span[3] for span in spans}), start=1)}
    return {
        "traceID": trace_id,
        "spans": [_span(span, processes) for span in spans],
        "processes": {key: {"serviceName": name, "tags": []} for name, key in processes.items()},
        "warnings": None,
    }


def _span(
    span: tuple[str, str, str, str, str, float, float, str], processes: dict[str, str]
) -> dict[str, object]:
    trace_id, span_id, parent, service, operation, start, milliseconds, body = span
    said = json.loads(body)
    tags = [_tag("span.kind", said["kind"])]
    tags += [_tag(key, value) for key, value in said["attributes"].items()]
    if said["error"]:
        tags.append(_tag("error", value=True))
    references = [{"refType": "CHILD_OF", "traceID": trace_id, "spanID": parent}] if parent else []
    return {
        "traceID": trace_id,
        "spanID": span_id,
        "operationName": operation,
        "references": references,
        "startTime": int(start * 1e6),
        "duration": int(milliseconds * 1000),
        "tags": tags,
        "logs": [],
        "processID": processes[service],
        "warnings": None,
    }


def _tag(key: str, value: object) -> dict[str, object]:
    return {"key": key, "type": _TYPES.get(type(value), "string"), "value": value}
