"""The rig's store against samples of real Loki and Jaeger: same keys, same types, same errors."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
import uvicorn

from autoheal.sandbox.store.server import build

SAMPLES = Path(__file__).parents[2] / "wire" / "samples"
SECOND = 1_000_000_000
START = 1_795_000_000 * SECOND
TRACE = "7b1f0c9ad2e84c55a1f63e90bb27d401"


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[httpx.Client]:
    server = uvicorn.Server(
        uvicorn.Config(
            build(tmp_path_factory.mktemp("store") / "store.db"), host="127.0.0.1", port=0, log_level="error"
        )
    )
    thread = threading.Thread(target=server.run)
    thread.start()
    while not server.started:
        time.sleep(0.005)
    port = server.servers[0].sockets[0].getsockname()[1]
    with httpx.Client(base_url=f"http://127.0.0.1:{port}") as client:
        push(
            client, {"service_name": "orders", "level": "error"}, ["pool is full", "pool is full", "no stock"]
        )
        push(client, {"service_name": "orders", "level": "info"}, ["started"])
        push(client, {"service_name": "catalog", "level": "error"}, ['quote " and \\ back'])
        client.post("/api/spans", json={"service": "orders", "spans": SPANS[:2]}).raise_for_status()
        client.post("/api/spans", json={"service": "pricing", "spans": SPANS[2:]}).raise_for_status()
        yield client
    server.should_exit = True
    thread.join()


def push(client: httpx.Client, labels: dict[str, str], lines: list[str]) -> None:
    values = [[str(START + n * SECOND), line] for n, line in enumerate(lines)]
    client.post(
        "/loki/api/v1/push", json={"streams": [{"stream": labels, "values": values}]}
    ).raise_for_status()


def span(number: int, parent: int | None, kind: str, **attributes: object) -> dict[str, object]:
    return {
        "trace_id": TRACE,
        "span_id": f"{number:016x}",
        "parent_id": "" if parent is None else f"{parent:016x}",
        "operation": f"operation {number}",
        "kind": kind,
        "error": number == 2,
        "attributes": attributes,
        "start": START / SECOND + number / 100,
        "duration_ms": 12.5,
    }


SPANS = [
    span(0, None, "server", **{"http.response.status_code": 502}),
    span(1, 0, "client"),
    span(2, 1, "server", **{"http.response.status_code": 500}),
]


def asked(store: httpx.Client, query: str, **given: str | int) -> list[dict[str, object]]:
    window: dict[str, str | int] = {"start": START, "end": START + 60 * SECOND, "limit": 100, **given}
    answer = store.get("/loki/api/v1/query_range", params={"query": query, **window})
    assert answer.status_code == 200, answer.text
    result: list[dict[str, object]] = answer.json()["data"]["result"]
    return result


def lines(store: httpx.Client, query: str, **given: str | int) -> list[str]:
    found = [value for stream in asked(store, query, **given) for value in stream["values"]]  # type: ignore[attr-defined]
    return [text for _, text in sorted(found)]


def shape(value: object) -> object:
    """Types in place of values; of a list, the shape of its first entry."""
    if isinstance(value, dict):
        return {key: shape(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [shape(value[0])] if value else []
    return type(value).__name__


def sample(name: str) -> dict[str, object]:
    content: dict[str, object] = json.loads((SAMPLES / f"{name}.json").read_text())
    return content


# ---------------------------------------------------------------- Loki


def test_streams_look_like_lokis(store: httpx.Client) -> None:
    theirs = sample("loki_query_range_streams")
    window: dict[str, str | int] = {"query": '{level="error"}', "start": START, "end": START + 60 * SECOND}
    ours = store.get("/loki/api/v1/query_range", params=window).json()
    assert ours.keys() == theirs.keys()
    assert shape(ours["data"]["result"][0]["values"]) == shape(theirs["data"]["result"][0]["values"])  # type: ignore[index]
    assert ours["data"]["resultType"] == theirs["data"]["resultType"] == "streams"  # type: ignore[index]
    assert {"result", "resultType", "stats"} == theirs["data"].keys()  # type: ignore[attr-defined]
    assert ours["data"]["stats"]["summary"]["totalEntriesReturned"] == 4


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ('{service_name="orders"} |= "pool"', ["pool is full", "pool is full"]),
        ('{service_name="orders", level="error"} != "pool"', ["no stock"]),
        ('{service_name=~"ord.*"} |~ "st[oa]"', ["no stock", "started"]),
        ('{service_name=~"ord"}', []),
        ('{service_name!="orders"}', ['quote " and \\ back']),
        ('{service_name!~"orders|none"} |= `quote "`', ['quote " and \\ back']),
        ('{service_name="orders"} |= "is" !~ "pool.*"', []),
        ('{service_name="orders"} |= "quote \\" and"', []),
        ('{nothing=""} |= "stock"', ["no stock"]),
    ],
)
def test_matchers_and_filters_keep_the_right_lines(store: httpx.Client, query: str, found: list[str]) -> None:
    assert sorted(lines(store, query)) == sorted(found)


def test_the_end_of_the_window_is_outside_and_its_start_inside(store: httpx.Client) -> None:
    assert (
        lines(store, '{service_name="orders", level="error"}', end=START + 2 * SECOND) == ["pool is full"] * 2
    )
    assert lines(store, '{service_name="orders", level="error"}', start=START + 2 * SECOND) == ["no stock"]


def test_a_limit_keeps_the_newest_unless_told_forward(store: httpx.Client) -> None:
    query = '{service_name="orders", level="error"}'
    assert lines(store, query, limit=1) == ["no stock"]
    assert lines(store, query, limit=1, direction="forward") == ["pool is full"]


@pytest.mark.parametrize(
    "moment", ["1795000000", "1795000000.0", "1795000000000000000", "2026-11-18T11:06:40Z"]
)
def test_times_are_read_in_every_form_of_loki(store: httpx.Client, moment: str) -> None:
    assert len(lines(store, '{service_name="orders"}', start=moment)) == len(
        lines(store, '{service_name="orders"}')
    )


def test_counts_by_label_are_a_matrix(store: httpx.Client) -> None:
    query = 'sum by (service_name) (count_over_time({level="error"}[10s]))'
    found = asked(store, query, step="10", end=START + 10 * SECOND)
    last = {series["metric"]["service_name"]: series["values"][-1][1] for series in found}  # type: ignore[index]
    # A window is open at its start: at the last point the lines of START itself are just too old.
    assert last == {"orders": "2", "catalog": "1"}
    assert shape(found[0]["values"]) == [["float"]]


def test_a_rate_is_a_count_per_second(store: httpx.Client) -> None:
    found = asked(
        store, 'sum(rate({service_name="orders"} |= "pool" [10s]))', step="5", end=START + 5 * SECOND
    )
    assert [series["metric"] for series in found] == [{}]
    assert found[0]["values"][-1][1] == "0.2"  # type: ignore[index]


@pytest.mark.parametrize(
    "query",
    ["", "{}", "orders", '{service_name="orders"', '{a=~"("}', '{a="b"} | json', '{a="b"} |~ "["', "{a=b}"],
)
def test_a_bad_query_is_400_with_one_clear_line(store: httpx.Client, query: str) -> None:
    answer = store.get("/loki/api/v1/query_range", params={"query": query})
    assert answer.status_code == 400
    assert answer.text
    assert "\n" not in answer.text.strip()


@pytest.mark.parametrize("given", [{"start": "soon"}, {"end": "inf"}, {"limit": "many"}, {"limit": "0"}])
def test_a_bad_parameter_is_400(store: httpx.Client, given: dict[str, str]) -> None:
    answer = store.get("/loki/api/v1/query_range", params={"query": '{a="b"}', **given})
    assert answer.status_code == 400


def test_a_bad_push_is_400_and_stores_nothing(store: httpx.Client) -> None:
    answer = store.post("/loki/api/v1/push", json={"streams": [{"stream": {"a": "b"}, "values": [["x"]]}]})
    assert answer.status_code == 400
    assert lines(store, '{a="b"}') == []


def test_labels_and_their_values_are_listed(store: httpx.Client) -> None:
    assert store.get("/loki/api/v1/labels").json()["data"] == ["level", "service_name"]
    values = store.get("/loki/api/v1/label/service_name/values").json()
    assert values == {"status": "success", "data": ["catalog", "orders"]}


# ---------------------------------------------------------------- Jaeger


def test_a_trace_looks_like_jaegers(store: httpx.Client) -> None:
    theirs = sample("jaeger_legacy_traces")
    ours = store.get(f"/api/traces/{TRACE}").json()
    assert ours.keys() == theirs.keys()
    their_trace, our_trace = theirs["data"][0], ours["data"][0]  # type: ignore[index]
    assert our_trace.keys() == their_trace.keys()
    assert our_trace["spans"][0].keys() == their_trace["spans"][0].keys()
    assert shape(our_trace["spans"][1]["references"]) == shape(their_trace["spans"][1]["references"])
    assert {tag["key"]: tag["type"] for tag in our_trace["spans"][2]["tags"]} == {
        "span.kind": "string",
        "http.response.status_code": "int64",
        "error": "bool",
    }
    names = {process["serviceName"] for process in our_trace["processes"].values()}
    assert names == {"orders", "pricing"}


def test_traces_are_found_by_service_and_window_in_microseconds(store: httpx.Client) -> None:
    def ids(**given: str | int) -> list[str]:
        return [trace["traceID"] for trace in store.get("/api/traces", params=given).json()["data"]]

    start = START // 1000
    assert ids(service="orders", start=start, end=start + 1_000_000) == [TRACE]
    assert ids(service="orders", start=start + 1_000_000) == []
    assert ids(service="bakery") == []
    assert ids(service="orders", operation="operation 1") == [TRACE]
    assert ids(service="orders", operation="operation 9") == []


def test_a_trace_that_is_not_there_is_404(store: httpx.Client) -> None:
    assert store.get("/api/traces/feed").status_code == 404


def test_dependencies_count_calls_between_services(store: httpx.Client) -> None:
    ours = store.get(
        "/api/dependencies", params={"endTs": START // 1_000_000 + 1000, "lookback": 5000}
    ).json()
    assert shape(ours) == shape(sample("jaeger_dependencies"))
    assert ours["data"] == [{"parent": "orders", "child": "pricing", "callCount": 1}]


def test_services_are_those_that_sent_spans(store: httpx.Client) -> None:
    assert store.get("/api/services").json()["data"] == ["orders", "pricing"]
