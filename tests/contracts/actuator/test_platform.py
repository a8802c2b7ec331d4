"""What the platform's HTTP API may answer, and what we make of it."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable

import pytest

from autoheal.domain.change import ChangeKind
from autoheal.domain.errors import NotFoundError, StaleTargetError, UnreachableError
from autoheal.domain.mitigation import Action, ActionKind
from autoheal.integrations.platform.actuator import PlatformActuator
from autoheal.integrations.platform.config import PlatformSettings

Answer = tuple[int, bytes]
Backend = Callable[[str, str, bytes, dict[str, str]], Answer]
Serve = Callable[[Backend], str]
_SCALE = Action(kind=ActionKind.SCALE, target="a/b", parameters={"replicas": 3})


def _open(url: str, **settings: object) -> PlatformActuator:
    return PlatformSettings.model_validate({"url": url, **settings}).open()


def _execute(actuator: PlatformActuator) -> object:
    return actuator.execute(_SCALE, key="mit_1:execute:ab", version=7, epoch=3)


@pytest.mark.criterion(74)
def test_the_plan_is_what_is_sent_with_key_version_and_epoch_filled_in(serve: Serve) -> None:
    sent: list[str] = []

    def backend(method: str, path: str, body: bytes, headers: dict[str, str]) -> Answer:
        shown = json.dumps(json.loads(body), sort_keys=True)
        if path.endswith("/fence"):
            sent.append(f"{method} {url}{path} {shown}")
        else:
            conditions = " ".join(f"{name}: {headers[name]}" for name in ("If-Match", "X-Fence-Epoch"))
            sent.append(f"{method} {url}{path} {conditions} {shown}")
        return 200, b'{"done":true,"version":8,"text":"3 replicas"}'

    url = serve(backend)
    actuator = _open(url)
    plan = actuator.plan(_SCALE)
    assert sent == []
    actuator.fence("a/b", 3)
    _execute(actuator)
    filled = plan.replace("<epoch>", "3").replace("<version>", "7").replace("<key>", "mit_1:execute:ab")
    assert filled.splitlines() == sent
    assert "/v1/services/a%2Fb/actions" in plan


@pytest.mark.parametrize(
    ("status", "raised"),
    [
        (404, NotFoundError),
        (409, StaleTargetError),
        (412, StaleTargetError),
        (401, UnreachableError),
        (302, UnreachableError),
        (500, UnreachableError),
        (503, UnreachableError),
    ],
)
def test_each_status_has_its_own_meaning_and_the_reason_is_kept(
    status: int, raised: type[Exception], serve: Serve
) -> None:
    actuator = _open(serve(lambda *_: (status, b'{"detail":"because of the moon"}')))
    with pytest.raises(raised, match="because of the moon"):
        _execute(actuator)
    with pytest.raises(raised, match="because of the moon"):
        actuator.fence("a", 1)


@pytest.mark.parametrize("status", [400, 422])
def test_what_the_platform_calls_invalid_was_not_done(status: int, serve: Serve) -> None:
    result = _open(serve(lambda *_: (status, b'{"detail":"replicas: at most 2"}'))).execute(
        _SCALE, key="k", version=7, epoch=3
    )
    assert (result.done, result.version) == (False, 7)
    assert "replicas: at most 2" in result.text


@pytest.mark.criterion(75)
@pytest.mark.parametrize("body", [b"", b"ok", b"{}", b'{"done":"yes","version":8}', b'{"done":true}', b"[]"])
def test_an_answer_that_does_not_say_what_happened_is_not_taken_for_done(body: bytes, serve: Serve) -> None:
    actuator = _open(serve(lambda *_: (200, body)))
    with pytest.raises(UnreachableError, match="cannot be read"):
        _execute(actuator)
    with pytest.raises(UnreachableError, match="cannot be read"):
        actuator.outcome("k")
    with pytest.raises(UnreachableError, match="cannot be read"):
        actuator.state("a")


@pytest.mark.criterion(75)
def test_an_execution_without_an_answer_is_sent_once_and_given_up_in_time(serve: Serve) -> None:
    release, asked = threading.Event(), list[str]()

    def backend(method: str, path: str, *_: object) -> Answer:
        asked.append(f"{method} {path}")
        release.wait(10)
        return 200, b"{}"

    actuator = _open(serve(backend), timeout_seconds=0.3)
    began = time.monotonic()
    with pytest.raises(UnreachableError, match="no answer within"):
        _execute(actuator)
    took = time.monotonic() - began
    release.set()
    assert took < 1.5
    assert asked == ["POST /v1/services/a%2Fb/actions"]


@pytest.mark.criterion(75)
def test_an_execution_turned_away_for_its_rate_is_not_sent_again(serve: Serve) -> None:
    asked: list[str] = []

    def backend(method: str, *_: object) -> Answer:
        asked.append(method)
        return 429, b""

    with pytest.raises(UnreachableError):
        _execute(_open(serve(backend)))
    assert asked == ["POST"]


def test_changes_come_in_time_order_and_within_the_window(serve: Serve) -> None:
    asked: list[str] = []
    log = [
        {
            "id": "c3",
            "kind": "flag",
            "entity": "cart",
            "time": 30.0,
            "key": "fast",
            "before": "off",
            "after": "on",
        },
        {"id": "c1", "kind": "deploy", "entity": "cart", "time": 10, "commit": "abc", "author": "ann"},
        {"id": "c2", "kind": "config", "entity": "cart", "time": 20.5, "files": ["config/cart.json"]},
        {"id": "c4", "kind": "scale", "entity": "cart", "time": 99.0},
        {"id": "c0", "kind": "weather", "entity": "cart", "time": 15.0},
    ]

    def backend(_: str, path: str, *__: object) -> Answer:
        asked.append(path)
        return 200, json.dumps(log).encode()

    changes = PlatformSettings.model_validate({"url": serve(backend)}).open_changes()
    first, second, third = changes.between(start=10, end=30)
    assert [first.id, second.id, third.id] == ["c1", "c2", "c3"]
    assert (first.kind, first.commit, first.author) == (ChangeKind.DEPLOY, "abc", "ann")
    assert (second.files, second.time) == (("config/cart.json",), 20.5)
    assert (third.key, third.before, third.after) == ("fast", "off", "on")
    assert asked == ["/v1/changes?since=10.000"]


@pytest.mark.parametrize(
    ("status", "body"),
    [(500, b""), (200, b"{}"), (200, b"x"), (200, b'[{"kind":"deploy","time":"soon"}]')],
)
def test_a_change_log_that_cannot_be_read_is_unreachable_and_not_empty(
    status: int, body: bytes, serve: Serve
) -> None:
    changes = PlatformSettings.model_validate({"url": serve(lambda *_: (status, body))}).open_changes()
    with pytest.raises(UnreachableError):
        changes.between(start=0, end=1)
