"""What every log backend must hold, in memory and over Loki's API."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Sequence
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest

from autoheal.domain.evidence import Empty, Failed, Found, NoData, Row, digest_of
from autoheal.integrations.loki.config import LokiSettings
from autoheal.integrations.memory.logs import MemoryLogs
from autoheal.ports.telemetry import Logs

Answer = tuple[int, bytes]
Backend = Callable[[str, str, bytes, dict[str, str]], Answer]
Serve = Callable[[Backend], str]
_TRACE = "7b1f0c9ad2e84c55a1f63e90bb27d401"
_SELECTOR = re.compile(r'\{service_name(=~?)"(.*)"\}')
_NS = 1_000_000_000


def _line(time: float, service: str, text: str, trace: str = "") -> Row:
    return Row(time=time, entity=service, subject=trace, value=1.0, text=text)


_WORLD = [
    *(_line(100.0 + n, "cart", f"cart line {n}") for n in range(50)),
    _line(120.5, "a.b+c", "pool exhausted", _TRACE),
    _line(120.5, "a.bbc", "not ours"),
]


def _loki(rows: Sequence[Row], asked: list[dict[str, list[str]]], most: int = 5000) -> Backend:
    """A log store that understands one selector on service_name, limits, and both ends of the window."""

    def backend(method: str, path: str, _: bytes, __: dict[str, str]) -> Answer:
        url = urlsplit(path)
        query = parse_qs(url.query)
        asked.append(query)
        assert method == "GET"
        if url.path == "/loki/api/v1/label/service_name/values":
            return _ok(sorted({row.entity for row in rows}))
        selector = _SELECTOR.fullmatch(query["query"][0])
        assert selector is not None
        names = json.loads(f'"{selector[2]}"')
        mine = [
            r for r in rows if (r.entity == names if selector[1] == "=" else re.fullmatch(names, r.entity))
        ]
        assert url.path == "/loki/api/v1/query_range"
        if int(query["limit"][0]) > most:
            return 400, b"max entries limit per query exceeded"
        begin, end = int(query["start"][0]), int(query["end"][0])
        inside = [row for row in mine if begin <= row.time * _NS < end]
        newest = sorted(inside, key=lambda row: -row.time)[: int(query["limit"][0])]
        return _ok({"resultType": "streams", "result": [_stream(row) for row in newest]})

    return backend


def _ok(data: object) -> Answer:
    return 200, json.dumps({"status": "success", "data": data}).encode()


def _stream(row: Row) -> dict[str, object]:
    told = {"trace_id": row.subject} if row.subject else {}
    return {"stream": {"service_name": row.entity}, "values": [[str(int(row.time * _NS)), row.text, told]]}


@pytest.fixture(scope="session")
def rig_logs(rig_store: str) -> str:
    """URL of the rig's own store, with the same lines pushed to it; traces stand in the lines there."""
    streams = [
        {"stream": {"service_name": row.entity}, "values": [[str(int(row.time * _NS)), _pushed(row)]]}
        for row in _WORLD
    ]
    httpx.post(f"{rig_store}/loki/api/v1/push", json={"streams": streams}).raise_for_status()
    return rig_store


def _pushed(row: Row) -> str:
    return json.dumps({"msg": row.text, "trace_id": row.subject})


@pytest.fixture(params=["memory", "loki", "rig"])
def logs(request: pytest.FixtureRequest, serve: Serve) -> Logs:
    """Every implementation of the Logs port, with the same lines in it."""
    if request.param == "memory":
        return MemoryLogs(_WORLD)
    if request.param == "rig":
        return LokiSettings.model_validate({"url": request.getfixturevalue("rig_logs")}).open()
    return LokiSettings.model_validate({"url": serve(_loki(_WORLD, []))}).open()


def test_lines_come_oldest_first_with_their_service_and_trace(logs: Logs) -> None:
    result = logs.lines(services=["cart", "a.b+c"], start=119, end=122, limit=100)
    assert [(row.time, row.entity, row.text) for row in result.rows] == [
        (119.0, "cart", "cart line 19"),
        (120.0, "cart", "cart line 20"),
        (120.5, "a.b+c", "pool exhausted"),
        (121.0, "cart", "cart line 21"),
    ]
    assert [row.subject for row in result.rows] == ["", "", _TRACE, ""]
    assert isinstance(result.answer, Found)
    assert result.answer.digest == digest_of(result.rows)


def test_a_service_name_is_a_name_and_not_a_pattern(logs: Logs) -> None:
    for services in (["a.b+c"], ["a.b+c", "nobody"]):
        result = logs.lines(services=services, start=100, end=150, limit=100)
        assert [row.entity for row in result.rows] == ["a.b+c"]


def test_no_named_service_means_all_of_them(logs: Logs) -> None:
    result = logs.lines(services=[], start=120, end=121, limit=100)
    assert {row.entity for row in result.rows} == {"cart", "a.b+c", "a.bbc"}


def test_no_more_lines_than_the_limit(logs: Logs) -> None:
    assert len(logs.lines(services=["cart"], start=100, end=150, limit=12).rows) == 12


@pytest.mark.criterion(23)
def test_a_silent_service_is_empty_and_an_unknown_one_is_missing(logs: Logs) -> None:
    assert logs.lines(services=["cart"], start=500, end=600, limit=10).answer == Empty()
    assert logs.lines(services=["nobody"], start=100, end=150, limit=10).answer == NoData()


def test_a_quote_in_a_name_stays_within_the_selector(logs: Logs) -> None:
    hostile = 'x"} |= "" or {service_name=~".+'
    assert logs.lines(services=[hostile], start=100, end=150, limit=10).answer == NoData()


def test_more_lines_than_the_limit_leave_each_part_of_the_window_its_share(serve: Serve) -> None:
    calm = [_line(n, "cart", "calm") for n in range(0, 500, 10)]
    storm = [_line(500 + n / 100, "cart", "storm") for n in range(5000)]
    logs = LokiSettings.model_validate({"url": serve(_loki([*calm, *storm], [])), "max_lines": 120}).open()
    rows = logs.lines(services=["cart"], start=0, end=600, limit=300).rows
    assert 40 <= sum(row.text == "calm" for row in rows) <= 50
    assert len(rows) <= 300


def test_each_question_carries_a_selector_and_a_limit(serve: Serve) -> None:
    asked: list[dict[str, list[str]]] = []
    LokiSettings.model_validate({"url": serve(_loki(_WORLD, asked))}).open().lines(
        services=["cart"], start=100, end=150, limit=7000
    )
    assert asked[0]["query"] == ['{service_name="cart"}']
    assert asked[0]["limit"] == ["5000"]
    assert asked[0]["direction"] == ["backward"]


def test_a_json_line_is_told_with_its_level_and_what_stands_beside_it(serve: Serve, samples: Path) -> None:
    sample = (samples / "loki_query_range_streams.json").read_bytes()
    logs = LokiSettings.model_validate({"url": serve(lambda *_: (200, sample))}).open()
    first, last = logs.lines(services=["checkout"], start=1795183000, end=1795184000, limit=10).rows
    assert (first.time, last.time) == (1795183579.09, 1795183581.412)
    assert (last.entity, last.subject) == ("checkout", _TRACE)
    message = "QueuePool limit of size 5 overflow 0 reached, connection timed out, timeout 30.00"
    assert last.text == f"ERROR {message} route=POST /api/orders"


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (400, b"parse error at line 1"),
        (200, b"not json"),
        (200, b'{"status":"success","data":{"resultType":"matrix","result":[]}}'),
        (200, b'{"status":"success","data":{"resultType":"streams","result":[1]}}'),
        (
            200,
            b'{"status":"success","data":{"resultType":"streams","result":[{"stream":{},"values":[["x"]]}]}}',
        ),
    ],
)
def test_an_answer_that_is_no_answer_fails_with_a_reason(status: int, body: bytes, serve: Serve) -> None:
    logs = LokiSettings.model_validate({"url": serve(lambda *_: (status, body))}).open()
    answer = logs.lines(services=["cart"], start=0, end=1, limit=10).answer
    assert isinstance(answer, Failed)
    assert "loki" in answer.reason


@pytest.mark.criterion(22)
def test_a_log_store_that_is_down_is_a_failure_and_not_silence() -> None:
    logs = LokiSettings.model_validate({"url": "http://127.0.0.1:1"}).open()
    assert isinstance(logs.lines(services=["cart"], start=0, end=1, limit=10).answer, Failed)
