"""Over the socket that we open, what people press and say arrives once, whatever breaks in between."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator, Mapping
from typing import Self
from urllib.parse import parse_qs

import pytest
from tests.doubles.slack import APP_TOKEN, PERSON, Line, Slack, mention, pressed, slack_server, socket_mode

from autoheal.domain.errors import ConflictError, OverloadedError, UnreachableError
from autoheal.domain.message import Press
from autoheal.integrations.slack.door import SlackDoor
from autoheal.integrations.slack.socket import SlackSocket
from autoheal.ports.chat import Pressed, Said
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


def _press(at: str = "1.1") -> Json:
    body, _ = pressed("ah_approve", "mit_1|digest", _THREAD, at=at)
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


class _Ear:
    """Keeps what it hears; raises what it is told to, once each."""

    def __init__(self, slack: Slack, *failing: Exception) -> None:
        self.heard: list[Mapping[str, Json]] = []
        self.failing = list(failing)
        self.socket = SlackSocket(url=slack.url, app_token=APP_TOKEN)

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


@pytest.mark.criterion(123)
def test_a_token_that_slack_does_not_know_is_told_in_one_line(slack: Slack, line: Line) -> None:
    socket = SlackSocket(url=slack.url, app_token="xapp-wrong")  # noqa: S106  a double's
    with pytest.raises(UnreachableError, match="slack gives no socket: invalid_auth"):
        socket.whereto()
    assert SlackSocket(url=slack.url, app_token=APP_TOKEN).whereto() == line.url.split("/")[2]
