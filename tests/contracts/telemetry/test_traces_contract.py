"""What every trace backend must hold, in memory and over Jaeger's API."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest

from autoheal.domain.errors import UnreachableError
from autoheal.integrations.jaeger.config import JaegerSettings
from autoheal.integrations.memory.traces import MemoryTraces
from autoheal.ports.telemetry import Span, Traces

Answer = tuple[int, bytes]
Backend = Callable[[str, str, bytes, dict[str, str]], Answer]
Serve = Callable[[Backend], str]


def _span(trace: int, span: int, parent: int | None, entity: str, start: float) -> Span:
    return Span(
        trace_id=f"{trace:032x}",
        span_id=f"{span:016x}",
        parent_id=None if parent is None else f"{parent:016x}",
        entity=entity,
        operation=f"{entity} work",
        kind="server",
        start=start,
        duration_ms=12.5,
        error=entity == "store",
        attributes={"http.route": "/cart"},
    )


def _world(traces: int = 20) -> list[Span]:
    spans: list[Span] = []
    for n in range(traces):
        spans += [
            _span(n + 1, 1, None, "web", 1000.0 + n),
            _span(n + 1, 2, 1, "cart", 1000.25 + n),
            _span(n + 1, 3, 2, "store", 1000.5 + n),
        ]
    return [*spans, _span(999, 1, None, "batch", 1005.0)]


def _jaeger(spans: Sequence[Span], asked: list[dict[str, list[str]]]) -> Backend:
    """A trace store that knows services, dependencies, and the newest traces of a service in a window."""
    traces: dict[str, list[Span]] = defaultdict(list)
    for span in spans:
        traces[span.trace_id].append(span)

    def backend(_: str, path: str, __: bytes, ___: dict[str, str]) -> Answer:
        url = urlsplit(path)
        query = parse_qs(url.query)
        asked.append(query)
        if url.path == "/api/services":
            return _ok(sorted({span.entity for span in spans}))
        if url.path == "/api/dependencies":
            return _ok(
                [{"parent": "web", "child": "cart", "callCount": 3}, {"parent": "cart", "child": "store"}]
            )
        assert url.path == "/api/traces"
        begin, end = (int(query[side][0]) / 1e6 for side in ("start", "end"))
        found = [t for t in traces.values() if any(s.entity == query["service"][0] for s in t)]
        inside = [trace for trace in found if begin <= trace[0].start < end]
        newest = sorted(inside, key=lambda trace: -trace[0].start)[: int(query["limit"][0])]
        return _ok([_legacy(trace) for trace in newest])

    return backend


def _ok(data: object) -> Answer:
    return 200, json.dumps({"data": data, "errors": None}).encode()


def _legacy(trace: Sequence[Span]) -> dict[str, object]:
    return {
        "traceID": trace[0].trace_id.lstrip("0"),
        "spans": [
            {
                "traceID": span.trace_id.lstrip("0"),
                "spanID": span.span_id.upper(),
                "operationName": span.operation,
                "references": []
                if span.parent_id is None
                else [
                    {"refType": "CHILD_OF", "traceID": span.trace_id.lstrip("0"), "spanID": span.parent_id}
                ],
                "startTime": int(span.start * 1e6),
                "duration": int(span.duration_ms * 1e3),
                "tags": [
                    {"key": "span.kind", "type": "string", "value": span.kind},
                    {"key": "error", "type": "bool", "value": span.error},
                    *({"key": key, "value": value} for key, value in span.attributes.items()),
                ],
                "processID": span.entity,
            }
            for span in trace
        ],
        "processes": {span.entity: {"serviceName": span.entity, "tags": []} for span in trace},
    }


@pytest.fixture(scope="session")
def rig_traces(rig_store: str) -> str:
    """URL of the rig's own store, with the same spans pushed to it."""
    for service in ("web", "cart", "store", "batch"):
        spans = [
            {**asdict(span), "parent_id": span.parent_id or ""} for span in _world() if span.entity == service
        ]
        body = {"service": service, "spans": spans}
        httpx.post(f"{rig_store}/api/spans", json=body).raise_for_status()
    return rig_store


@pytest.fixture(params=["memory", "jaeger", "rig"])
def traces(request: pytest.FixtureRequest, serve: Serve) -> Traces:
    """Every implementation of the Traces port, with the same spans in it."""
    if request.param == "memory":
        return MemoryTraces(_world())
    if request.param == "rig":
        return JaegerSettings.model_validate({"url": request.getfixturevalue("rig_traces")}).open()
    return JaegerSettings.model_validate({"url": serve(_jaeger(_world(), []))}).open()


def test_the_spans_of_a_service_come_with_their_whole_traces_in_time_order(traces: Traces) -> None:
    expected = sorted((s for s in _world() if s.entity != "batch" and s.start < 1003), key=lambda s: s.start)
    assert list(traces.spans(services=["store"], start=1000, end=1003, limit=100)) == expected


def test_no_named_service_means_all_of_them(traces: Traces) -> None:
    found = traces.spans(services=[], start=1000, end=1100, limit=1000)
    assert {span.entity for span in found} == {"web", "cart", "store", "batch"}
    assert len(found) == 61


def test_no_more_spans_than_the_limit(traces: Traces) -> None:
    assert 1 <= len(traces.spans(services=["web"], start=1000, end=1100, limit=7)) <= 7


def test_an_unknown_service_has_no_spans(traces: Traces) -> None:
    assert list(traces.spans(services=["nobody"], start=1000, end=1100, limit=10)) == []


def test_calls_are_pairs_of_caller_and_callee(traces: Traces) -> None:
    assert set(traces.calls(end=1100, lookback=200)) == {("web", "cart"), ("cart", "store")}


def test_more_traces_than_the_limit_leave_each_part_of_the_window_its_share(serve: Serve) -> None:
    jaeger = JaegerSettings.model_validate({"url": serve(_jaeger(_world(120), [])), "max_traces": 30}).open()
    found = jaeger.spans(services=["web"], start=1000, end=1120, limit=1000)
    starts = [span.start for span in found if span.entity == "web"]
    assert len(starts) == 30
    assert sum(start < 1060 for start in starts) == 15
    thinned = jaeger.spans(services=["web"], start=1000, end=1120, limit=80)
    assert len(thinned) == 78
    assert sum(span.start < 1060 for span in thinned) == 39


def test_a_vendor_payload_becomes_whole_spans(serve: Serve, samples: Path) -> None:
    sample = (samples / "jaeger_legacy_traces.json").read_bytes()
    jaeger = JaegerSettings.model_validate({"url": serve(lambda *_: (200, sample))}).open()
    client, server = jaeger.spans(services=["checkout"], start=1795183000, end=1795184000, limit=10)
    assert (client.entity, client.kind, client.parent_id, client.error) == ("frontend", "client", None, True)
    assert (server.entity, server.kind, server.parent_id) == ("checkout", "server", client.span_id)
    assert (server.start, server.duration_ms) == (1795183551.411, 30009.0)
    assert client.attributes["http.response.status_code"] == "503"
    assert server.attributes["exception.message"] == "QueuePool limit of size 5 overflow 0 reached"
    assert server.attributes["service.version"] == "2.14.0"


def test_dependencies_of_a_vendor_payload_are_read(serve: Serve, samples: Path) -> None:
    sample = (samples / "jaeger_dependencies.json").read_bytes()
    jaeger = JaegerSettings.model_validate({"url": serve(lambda *_: (200, sample))}).open()
    assert set(jaeger.calls(end=2, lookback=1)) == {("frontend", "checkout"), ("checkout", "payments")}


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (500, b'{"data":null,"errors":[{"code":500,"msg":"storage is gone"}]}'),
        (200, b'{"data":null,"errors":[{"code":500,"msg":"storage is gone"}]}'),
        (200, b"not json"),
        (200, b'{"data":{}}'),
    ],
)
@pytest.mark.criterion(22)
def test_an_answer_that_is_no_answer_is_unreachable(status: int, body: bytes, serve: Serve) -> None:
    jaeger = JaegerSettings.model_validate({"url": serve(lambda *_: (status, body))}).open()
    with pytest.raises(UnreachableError, match="jaeger"):
        jaeger.spans(services=["web"], start=0, end=1, limit=10)


def test_a_broken_span_is_left_out_and_the_rest_is_read(serve: Serve) -> None:
    whole = _legacy(_world(1)[:3])
    spans = [{"traceID": "1"}, 7, *whole["spans"]]  # type: ignore[misc]  # a list by construction
    body = json.dumps({"data": [{**whole, "spans": spans}, None, {}, {"spans": 7}]}).encode()
    jaeger = JaegerSettings.model_validate({"url": serve(lambda *_: (200, body))}).open()
    assert len(jaeger.spans(services=["web"], start=0, end=2000, limit=10)) == 3
