"""The wire formats in which the shop answers: Prometheus, Loki and Jaeger query APIs, and the platform's."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict
from typing import TypeAlias
from urllib.parse import parse_qs, unquote, urlsplit

from tests.crash.telemetry import Telemetry

from autoheal.domain.errors import NotFoundError, StaleTargetError, UnreachableError
from autoheal.domain.evidence import Row
from autoheal.domain.mitigation import Action, ActionKind
from autoheal.integrations.memory.actuator import MemoryActuator
from autoheal.integrations.memory.changes import MemoryChanges
from autoheal.ports.telemetry import QueryResult, Span

Answer: TypeAlias = tuple[int, bytes]
Backend = Callable[[str, str, bytes, Mapping[str, str]], Answer]
_LABELS = re.compile(r'(\w+)="([^"]*)"')


def _json(document: object, status: int = 200) -> Answer:
    return status, json.dumps(document).encode()


def observing(telemetry: Telemetry) -> Backend:
    """Metrics, logs and traces, as of the moment of the question."""

    def answer(method: str, target: str, body: bytes, _: Mapping[str, str]) -> Answer:
        telemetry.live(time.time())  # noqa: TID251  the shop lives now
        path = urlsplit(target).path
        given = parse_qs(body.decode() if method == "POST" else urlsplit(target).query)
        asked = {name: values[0] for name, values in given.items()}
        if path.startswith("/api/v1/"):
            return _json({"status": "success", "data": _prometheus(telemetry, path[8:], asked)})
        if path.startswith("/loki/"):
            return _json({"status": "success", "data": _loki(telemetry, path, asked)})
        return _json({"data": _jaeger(telemetry, path, asked), "errors": None})

    return answer


def _prometheus(telemetry: Telemetry, path: str, asked: Mapping[str, str]) -> object:
    metrics = telemetry.metrics
    match path:
        case "query":
            at = float(asked["time"])
            return _result("vector", metrics.instant(asked["query"], at=at))
        case "query_range":
            start, end, step = (float(asked[name]) for name in ("start", "end", "step"))
            return _result("matrix", metrics.range(asked["query"], start=start, end=end, step=step))
        case "label/__name__/values":
            return sorted(metrics.catalog())
        case "metadata":
            return {name: [{"type": kind}] for name, kind in metrics.catalog().items()}
        case "rules":
            (rule,) = metrics.rules
            told = {"type": "alerting", "name": rule.name, "query": rule.expression, "state": rule.state}
            return {
                "groups": [
                    {
                        "file": "shop.yml",
                        "rules": [{**told, "duration": rule.for_seconds, "labels": dict(rule.labels)}],
                    }
                ]
            }
    raise AssertionError(f"nobody asks a Prometheus for {path}")


def _result(kind: str, found: QueryResult) -> dict[str, object]:
    series: dict[tuple[str, str], list[list[object]]] = {}
    for row in found.rows:
        series.setdefault((row.entity, row.text), []).append([row.time, repr(row.value)])
    values = "values" if kind == "matrix" else "value"
    result = [
        {"metric": _metric(*key), values: points if kind == "matrix" else points[-1]}
        for key, points in series.items()
    ]
    return {"resultType": kind, "result": result}


def _metric(entity: str, text: str) -> dict[str, str]:
    named = {"service": entity} if entity else {}
    return {**named, **dict(_LABELS.findall(text))}


def _loki(telemetry: Telemetry, path: str, asked: Mapping[str, str]) -> object:
    if not path.endswith("/query_range"):
        return ["checkout", "gateway", "payments", "search"]
    start, end = (float(asked[name]) / 1e9 for name in ("start", "end"))
    services = re.findall(r"\w+", asked["query"].partition("=")[2])
    limit = int(asked["limit"])
    found = telemetry.logs.lines(services=services, start=start, end=end, limit=limit)
    return {"resultType": "streams", "result": list(_streams(found.rows))}


def _streams(rows: Iterable[Row]) -> Iterable[dict[str, object]]:
    streams: dict[str, list[list[str]]] = {}
    for row in rows:
        streams.setdefault(row.entity, []).append([str(int(row.time * 1e9)), row.text])
    return ({"stream": {"service_name": name}, "values": values} for name, values in streams.items())


def _jaeger(telemetry: Telemetry, path: str, asked: Mapping[str, str]) -> object:
    traces = telemetry.traces
    if path.endswith("/dependencies"):
        end, lookback = float(asked["endTs"]) / 1000, float(asked["lookback"]) / 1000
        pairs = traces.calls(end=end, lookback=lookback)
        return [{"parent": a, "child": b, "callCount": 1} for a, b in pairs]
    start, end = (float(asked[name]) / 1e6 for name in ("start", "end"))
    by_trace: dict[str, list[Span]] = {}
    for span in traces.spans(services=[asked["service"]], start=start, end=end, limit=10_000):
        by_trace.setdefault(span.trace_id, []).append(span)
    return [_trace(key, spans) for key, spans in list(by_trace.items())[-int(asked["limit"]) :]]


def _trace(trace_id: str, spans: list[Span]) -> dict[str, object]:
    processes = {span.entity: {"serviceName": span.entity, "tags": []} for span in spans}
    return {"traceID": trace_id, "spans": [_span(span) for span in spans], "processes": processes}


def _span(span: Span) -> dict[str, object]:
    tags: dict[str, object] = {"span.kind": span.kind, **span.attributes}
    if span.error:
        tags["error"] = True
    parent = {"refType": "CHILD_OF", "traceID": span.trace_id, "spanID": span.parent_id}
    return {
        "traceID": span.trace_id,
        "spanID": span.span_id,
        "operationName": span.operation,
        "references": [parent] if span.parent_id else [],
        "startTime": int(span.start * 1e6),
        "duration": int(span.duration_ms * 1000),
        "tags": [{"key": key, "type": "string", "value": value} for key, value in tags.items()],
        "logs": [],
        "processID": span.entity,
    }


def acting(production: MemoryActuator, changes: MemoryChanges) -> Backend:
    """The platform: state, fence, actions by compare-and-set, outcomes and the change log."""

    def answer(method: str, target: str, body: bytes, headers: Mapping[str, str]) -> Answer:
        path = [unquote(part) for part in urlsplit(target).path.split("/")[2:]]
        try:
            return _route(production, changes, (method, path), json.loads(body or b"{}"), headers)
        except NotFoundError as error:
            return _json({"detail": str(error)}, 404)
        except StaleTargetError as error:
            return _json({"detail": str(error)}, 409)
        except UnreachableError as error:
            return _json({"detail": str(error)}, 503)

    return answer


def _route(
    production: MemoryActuator,
    changes: MemoryChanges,
    asked: tuple[str, list[str]],
    body: Mapping[str, object],
    headers: Mapping[str, str],
) -> Answer:
    match asked:
        case "GET", ["changes"]:
            every = changes.between(start=0.0, end=float("inf"))
            return _json({"changes": [asdict(change) for change in every]})
        case "GET", ["services", name]:
            fields = asdict(production.state(name))
            return _json({"name": fields.pop("target"), **fields})
        case "GET", ["actions", key]:
            result = production.outcome(key)
            return _json(asdict(result)) if result else _json({"detail": "never seen"}, 404)
        case "POST", ["services", name, "fence"]:
            production.fence(name, int(str(body["epoch"])))
            return _json({})
        case "POST", ["services", name, "actions"]:
            return _act(production, name, body, headers)
    return _json({"detail": "no such thing"}, 404)


def _act(
    production: MemoryActuator, name: str, body: Mapping[str, object], headers: Mapping[str, str]
) -> Answer:
    parameters = body["parameters"]
    assert isinstance(parameters, dict)
    result = production.execute(
        Action(kind=ActionKind(str(body["action"])), target=name, parameters=parameters),
        key=str(body["idempotency_key"]),
        version=int(headers["If-Match"]),
        epoch=int(headers["X-Fence-Epoch"]),
    )
    return _json(asdict(result))
