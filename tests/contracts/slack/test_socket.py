"""Over the socket that we open, what people press and say arrives once, whatever breaks in between."""

from __future__ import annotations

import json
import logging
import time
from collections.abc import Callable, Iterator, Mapping
from typing import Self
from urllib.parse import parse_qs

import pytest
from tests.doubles.slack import (
    APP_TOKEN,
    CHANNEL,
    PERSON,
    Line,
    Slack,
    mention,
    pressed,
    slack_server,
    socket_mode,
)

from autoheal.domain.errors import ConflictError, OverloadedError, UnreachableError
from autoheal.domain.message import Press
from autoheal.integrations.slack.config import SlackSettings
from autoheal.integrations.slack.door import SlackDoor
from autoheal.integrations.slack.socket import SlackSocket
from autoheal.ports.chat import Pressed, Said, Unheard
from autoheal.ports.runs import Json

_THREAD = "C07INCIDENT:1795183590.112233"
_DOOR = SlackDoor(secret="", people={PERSON: "dana"})


@pytest.fixture
def slack() -> Iterator[Slack]:
    with slack_server() as server:
        yield server


@pytest.fixture
def line(slack: Slack) -> Iterator[Line]:
    with socket_mode(slack) as opened:
        yield opened


def _press(at: str = "1.1", user: str = PERSON) -> Json:
    body, _ = pressed("ah_approve", "mit_1|digest", _THREAD, at=at, user=user)
    document: Json = json.loads(parse_qs(body.decode())["payload"][0])
    return document


def _mention(text: str) -> Json:
    document: Json = json.loads(mention(text, _THREAD)[0])
    return document


def _until(holds: Callable[[], bool]) -> None:
    for _ in range(1_500):
        if holds():
            return
        time.sleep(0.01)
    raise AssertionError("it did not happen in 15 s")


def _socket(slack: Slack, app_token: str = APP_TOKEN) -> SlackSocket:
    said = {"url": slack.url, "token": "xoxb-1", "channel": CHANNEL, "app_token": app_token}
    socket = SlackSettings.model_validate({**said, "timeout_seconds": 5}).open_line()
    assert socket is not None
    return socket


class _Ear:
    """Keeps what it hears; raises what it is told to, once each."""

    def __init__(self, slack: Slack, *failing: Exception) -> None:
        self.heard: list[Mapping[str, Json]] = []
        self.failing = list(failing)
        self.socket = _socket(slack)

    def __enter__(self) -> Self:
        self.socket.open(self._take)
        return self

    def __exit__(self, *_: object) -> None:
        self.socket.close()

    def _take(self, document: Mapping[str, Json]) -> None:
        self.heard.append(document)
        if self.failing:
            raise self.failing.pop(0)


@pytest.mark.criterion(105)
def test_a_press_and_a_word_arrive_and_are_acknowledged(slack: Slack, line: Line) -> None:
    with _Ear(slack) as ear:
        _until(lambda: len(line.connected) == 1)
        line.send("interactive", _press(), envelope_id="e1")
        line.send("events_api", _mention("why?"), envelope_id="e2")
        _until(lambda: set(line.acknowledged) == {"e1", "e2"})
    understood = {type(found): found for found in map(_DOOR.understand, ear.heard)}
    press, said = understood[Pressed], understood[Said]
    assert isinstance(press, Pressed)
    assert isinstance(said, Said)
    assert (press.person, press.press, press.value) == ("dana", Press.APPROVE, "mit_1|digest")
    assert (said.person, said.thread) == ("dana", _THREAD)


def test_what_could_not_be_taken_is_not_acknowledged_and_what_would_never_be_is(
    slack: Slack, line: Line
) -> None:
    with _Ear(slack, OverloadedError("the database is busy"), ConflictError("expired")) as ear:
        _until(lambda: len(line.connected) == 1)
        line.send("interactive", _press(), envelope_id="e1")
        _until(lambda: len(ear.heard) == 1)
        line.send("interactive", _press(), envelope_id="e2")
        _until(lambda: line.acknowledged == ["e2"])
        line.send("interactive", _press(), envelope_id="e1")
        _until(lambda: line.acknowledged == ["e2", "e1"])


def test_it_comes_again_when_slack_asks_for_it_and_when_the_connection_breaks(
    slack: Slack, line: Line
) -> None:
    with _Ear(slack) as ear:
        _until(lambda: len(line.connected) == 1)
        line.refresh()
        _until(lambda: len(line.connected) == 2)
        line.send("interactive", _press("2.2"), envelope_id="e2")
        _until(lambda: line.acknowledged == ["e2"])
        line.drop()
        _until(lambda: len(line.connected) == 3)
        line.send("interactive", _press("3.3"), envelope_id="e3")
        _until(lambda: line.acknowledged == ["e2", "e3"])
    assert len(ear.heard) == 2


def test_it_connects_as_soon_as_slack_is_up_again(slack: Slack, line: Line) -> None:
    slack.down = True
    with _Ear(slack) as ear:
        time.sleep(0.3)
        assert line.connected == []
        slack.down = False
        _until(lambda: len(line.connected) == 1)
        line.send("interactive", _press(), envelope_id="e1")
        _until(lambda: line.acknowledged == ["e1"])
    assert len(ear.heard) == 1


def test_after_it_is_closed_it_does_not_come_again(slack: Slack, line: Line) -> None:
    with _Ear(slack):
        _until(lambda: len(line.connected) == 1)
    time.sleep(0.5)
    assert len(line.connected) == 1


def test_a_strangers_press_is_acknowledged_and_unheard(slack: Slack, line: Line) -> None:
    with _Ear(slack) as ear:
        _until(lambda: len(line.connected) == 1)
        line.send("interactive", _press(user="U666"), envelope_id="e1")
        _until(lambda: line.acknowledged == ["e1"])
    (document,) = ear.heard
    heard = _DOOR.understand(document)
    assert isinstance(heard, Unheard)
    assert "U666" in heard.reason


@pytest.mark.parametrize(
    "frame",
    [
        "no json",
        "[]",
        "{",
        '{"type":"interactive","envelope_id":"e0","payload":[1]}',
        '{"type":"interactive","envelope_id":"e0"}',
        '{"type":"interactive","envelope_id":"e0","payload":' + '{"a":' * 5_000 + "1" + "}" * 5_001,
        '{"type":["disconnect"],"envelope_id":{},"payload":{}}',
    ],
    ids=lambda frame: frame[:20],
)
def test_after_a_frame_that_means_nothing_a_press_still_arrives(frame: str, slack: Slack, line: Line) -> None:
    with _Ear(slack) as ear:
        _until(lambda: len(line.connected) == 1)
        line.send_raw(frame)
        line.send("interactive", _press(), envelope_id="e1")
        _until(lambda: "e1" in line.acknowledged)
    assert Pressed in {type(_DOOR.understand(document)) for document in ear.heard}
    assert len(line.connected) == 1


@pytest.mark.parametrize(
    "payload",
    [
        {},
        {"type": "block_actions"},
        {"type": "block_actions", "user": [], "actions": {}},
        {"type": "block_actions", "user": {"id": PERSON}, "actions": [7]},
        {"type": "block_actions", "user": {"id": PERSON}, "actions": [{"action_id": {"a": 1}}]},
        {"type": "block_actions", "user": {"id": [PERSON]}, "actions": [{"action_id": "ah_approve"}]},
        {"type": "event_callback", "event": "<!channel>"},
        {"type": "event_callback", "event": {"type": {"app_mention": 1}, "user": PERSON}},
        {"type": "event_callback", "event": {"type": "app_mention", "user": PERSON, "text": None}},
    ],
    ids=str,
)
def test_a_payload_of_another_shape_is_unheard(payload: dict[str, Json]) -> None:
    assert isinstance(_DOOR.understand(payload), Unheard)


def test_when_no_new_socket_is_to_be_had_it_is_told_in_one_line_and_sought_again(
    slack: Slack, line: Line, caplog: pytest.LogCaptureFixture
) -> None:
    with _Ear(slack), caplog.at_level(logging.WARNING):
        _until(lambda: len(line.connected) == 1)
        slack.down = True
        line.refresh()
        _until(lambda: "the one that we have will end" in caplog.text)
        line.drop()
        _until(lambda: "service_unavailable; again in" in caplog.text)
        slack.down = False
        _until(lambda: len(line.connected) == 2)
        line.send("interactive", _press(), envelope_id="e1")
        _until(lambda: line.acknowledged == ["e1"])
    ours = [record for record in caplog.records if record.name.startswith("autoheal")]
    assert [record.message for record in ours if record.exc_info or "\n" in record.message] == []


def test_it_asks_no_sooner_than_slack_wants_and_can_be_closed_meanwhile(slack: Slack, line: Line) -> None:
    slack.limited = [3]
    with _Ear(slack):
        _until(lambda: len(line.connected) == 1)
        asked = [at for method, at in slack.asked if method == "apps.connections.open"]
        assert asked[1] - asked[0] >= 3
    slack.limited, slack.asked = [60], []
    with _Ear(slack):
        _until(lambda: slack.asked != [])
        began = time.monotonic()
    assert time.monotonic() - began < 10
    assert len(line.connected) == 1


def test_no_proxy_of_the_environment_is_taken(
    slack: Slack, line: Line, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("HTTP_PROXY", "http_proxy", "HTTPS_PROXY", "https_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    monkeypatch.delenv("NO_PROXY", raising=False)
    monkeypatch.delenv("no_proxy", raising=False)
    with _Ear(slack):
        _until(lambda: len(line.connected) == 1)


def test_a_slack_that_is_down_is_asked_less_and_less_often(slack: Slack, line: Line) -> None:
    slack.down = True
    with _Ear(slack):
        _until(lambda: len(slack.asked) == 4)
    first, second, third, fourth = (at for _, at in slack.asked)
    assert second - first < third - second < fourth - third
    assert line.connected == []


@pytest.mark.criterion(123)
def test_a_token_that_slack_does_not_know_is_told_in_one_line(slack: Slack, line: Line) -> None:
    socket = _socket(slack, "xapp-wrong")
    with pytest.raises(UnreachableError, match="slack gives no socket: invalid_auth"):
        socket.whereto()
    assert _socket(slack).whereto() == line.url.split("/")[2]
    assert "\n" not in str(_refused(_socket(slack, "xapp-wrong")))


@pytest.mark.criterion(123)
def test_socket_mode_that_is_switched_off_is_told(slack: Slack) -> None:
    socket = _socket(slack)
    assert str(_refused(socket)) == "slack gives no socket: socket_mode_not_enabled"


def _refused(socket: SlackSocket) -> UnreachableError:
    with pytest.raises(UnreachableError) as caught:
        socket.whereto()
    return caught.value
