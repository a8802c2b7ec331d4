"""A person is paged whatever else is broken, and what could not be delivered is written down."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest

from autoheal.domain.errors import UnreachableError
from autoheal.integrations.memory.pager import MemoryPager
from autoheal.integrations.pager.config import PagerSettings
from autoheal.integrations.pager.pager import WebhookPager
from autoheal.ports.production import Pager

Answer = tuple[int, bytes]
Backend = Callable[[str, str, bytes, dict[str, str]], Answer]
Serve = Callable[[Backend], str]
_AT = datetime(2026, 11, 20, 14, 8, 30, tzinfo=UTC)
_TEXT = "[critical] checkout fails\nWhy you: nothing helped."


class _Desk:
    """A webhook that keeps what it was sent and answers what it is told to."""

    def __init__(self, *statuses: int) -> None:
        self.events: list[dict[str, object]] = []
        self._statuses = list(statuses)

    def __call__(self, method: str, path: str, body: bytes, headers: dict[str, str]) -> Answer:
        assert (method, path, headers["Content-Type"]) == ("POST", "/v2/enqueue", "application/json")
        self.events.append(json.loads(body))
        status = self._statuses.pop(0) if len(self._statuses) > 1 else self._statuses[0]
        return status, b"{}"


def _pager(file: Path, **routes: str) -> WebhookPager:
    given = {
        name: {"url": f"{url}/v2/enqueue", "routing_key": f"key of {name}"} for name, url in routes.items()
    }
    return PagerSettings.model_validate({"file": file, "link": "http://heal.test/", **given}).open()


def _page(pager: Pager) -> None:
    pager.page(incident_id="inc_1", text=_TEXT, at=_AT)


def _written(file: Path) -> list[dict[str, str]]:
    return [json.loads(line) for line in file.read_text().splitlines()]


def test_a_page_reaches_the_first_route_once_and_the_file(serve: Serve, tmp_path: Path) -> None:
    first, second = _Desk(202), _Desk(202)
    _page(_pager(tmp_path / "pages.jsonl", first=serve(first), second=serve(second)))
    assert (len(first.events), len(second.events)) == (1, 0)
    assert _written(tmp_path / "pages.jsonl") == [
        {"incident": "inc_1", "at": "2026-11-20T14:08:30+00:00", "text": _TEXT},
        {"incident": "inc_1", "delivered_by": "pager first"},
    ]


def test_the_event_has_the_shape_of_the_vendor(serve: Serve, tmp_path: Path, samples: Path) -> None:
    desk = _Desk(202)
    _page(_pager(tmp_path / "pages.jsonl", first=serve(desk)))
    vendor = json.loads((samples / "pagerduty_events_v2_trigger.json").read_text())
    (event,) = desk.events
    assert event.keys() <= vendor.keys()
    assert event["payload"].keys() <= vendor["payload"].keys()  # type: ignore[attr-defined]  # an object, as sent
    assert (event["event_action"], event["dedup_key"], event["routing_key"]) == (
        "trigger",
        "inc_1",
        "key of first",
    )
    assert event["client_url"] == "http://heal.test/incidents/inc_1"
    payload = event["payload"]
    assert isinstance(payload, dict)
    assert payload["summary"] == "[critical] checkout fails"
    assert payload["custom_details"] == {"text": _TEXT}


def test_a_page_repeated_after_a_crash_joins_the_first_one(serve: Serve, tmp_path: Path) -> None:
    desk = _Desk(202)
    for _ in range(2):
        _page(_pager(tmp_path / "pages.jsonl", first=serve(desk)))
    assert {str(event["dedup_key"]) for event in desk.events} == {"inc_1"}


@pytest.mark.criterion(130)
@pytest.mark.parametrize("status", [400, 403, 500, 503])
def test_the_second_route_pages_when_the_first_refuses(status: int, serve: Serve, tmp_path: Path) -> None:
    second = _Desk(202)
    _page(_pager(tmp_path / "pages.jsonl", first=serve(_Desk(status)), second=serve(second)))
    assert len(second.events) == 1
    assert _written(tmp_path / "pages.jsonl")[-1] == {"incident": "inc_1", "delivered_by": "pager second"}


@pytest.mark.criterion(130)
def test_the_second_route_pages_when_nobody_listens_on_the_first(serve: Serve, tmp_path: Path) -> None:
    second = _Desk(202)
    _page(_pager(tmp_path / "pages.jsonl", first="http://127.0.0.1:1", second=serve(second)))
    assert len(second.events) == 1


def test_a_route_that_stumbles_once_is_tried_again(serve: Serve, tmp_path: Path) -> None:
    first = _Desk(503, 202)
    _page(_pager(tmp_path / "pages.jsonl", first=serve(first)))
    assert len(first.events) == 2


@pytest.mark.criterion(130)
def test_a_page_that_reached_nobody_raises_and_stays_in_the_file(serve: Serve, tmp_path: Path) -> None:
    pager = _pager(tmp_path / "pages.jsonl", first=serve(_Desk(403)), second="http://127.0.0.1:1")
    with pytest.raises(UnreachableError, match="reached nobody: pager first answered 403; pager second"):
        _page(pager)
    told, undelivered = _written(tmp_path / "pages.jsonl")
    assert told["text"] == _TEXT
    assert "answered 403" in undelivered["undelivered"]


def test_without_any_route_the_file_is_the_page(tmp_path: Path) -> None:
    _page(_pager(tmp_path / "new" / "pages.jsonl"))
    assert len(_written(tmp_path / "new" / "pages.jsonl")) == 1


@pytest.mark.criterion(130)
def test_a_file_that_cannot_be_written_does_not_stop_the_page(serve: Serve, tmp_path: Path) -> None:
    (tmp_path / "taken").write_text("not a folder")
    desk = _Desk(202)
    _page(_pager(tmp_path / "taken" / "pages.jsonl", first=serve(desk)))
    assert len(desk.events) == 1
    with pytest.raises(UnreachableError, match="taken"):
        _page(_pager(tmp_path / "taken" / "pages.jsonl"))


def test_the_pager_in_memory_keeps_its_pages_and_can_be_broken() -> None:
    pager = MemoryPager()
    _page(pager)
    assert [(page.incident_id, page.text, page.at) for page in pager.pages] == [("inc_1", _TEXT, _AT)]
    pager.broken = "no network"
    with pytest.raises(UnreachableError):
        _page(pager)
