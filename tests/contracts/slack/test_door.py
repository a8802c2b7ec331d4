"""Only what Slack signed, just now, for a person we know is heard."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from tests.doubles.slack import PERSON, SECRET, mention, pressed, sample, signed

from autoheal.domain.errors import RefusedError
from autoheal.domain.message import Press
from autoheal.integrations.slack.door import SlackDoor
from autoheal.ports.chat import Greeting, Pressed, Said, Unheard

_AT = 1_795_183_742
_NOW = datetime.fromtimestamp(_AT, tz=UTC)
_DOOR = SlackDoor(secret=SECRET, people={PERSON: "dana"})
_RECORDED = {
    "Content-Type": "application/x-www-form-urlencoded",
    "X-Slack-Request-Timestamp": str(_AT),
    "X-Slack-Signature": "v0=b5a8477f75fca1f2791da7886408e5df5ba6c7dc9cc1308a6cf3d2153b1ba27b",
}


def test_the_recorded_press_with_its_recorded_signature_is_heard(samples: Path) -> None:
    body = (samples / "slack_block_actions.form.txt").read_bytes()
    assert _DOOR.read(_RECORDED, body, now=_NOW) == Pressed(
        person="dana",
        press=Press.APPROVE,
        value="act_01JD4RC1|approve|n:8f2c1e",
        thread="C07INCIDENT:1795183590.112233",
        id="U07DANA:1795183742.117001",
    )


def test_the_recorded_mention_is_what_a_person_said() -> None:
    body = json.dumps(sample("slack_event_app_mention.json")).encode()
    heard = _DOOR.read(signed(body, "application/json", at=_AT), body, now=_NOW)
    assert heard == Said(
        person="dana",
        text="<@U07AUTOHEAL> why is checkout failing?",
        thread="C07INCIDENT:1795183590.112233",
        id="Ev07XYZ1234",
    )


def test_the_recorded_greeting_is_answered() -> None:
    body = json.dumps(sample("slack_event_url_verification.json")).encode()
    heard = _DOOR.read(signed(body, "application/json", at=_AT), body, now=_NOW)
    assert heard == Greeting(answer="3eZbrw1aBm2rZgRNFdxV2595E9CY3gmdALWMmHkvFXO7tYXAYM8P")


@pytest.mark.parametrize(
    "change",
    [
        {"X-Slack-Signature": "v0=" + "0" * 64},
        {"X-Slack-Signature": ""},
        {"X-Slack-Signature": "v1=é"},
        {"X-Slack-Request-Timestamp": str(_AT + 1)},
        {"X-Slack-Request-Timestamp": "soon"},
        {"X-Slack-Request-Timestamp": ""},
        {"X-Slack-Request-Timestamp": "9" * 400},
        {"X-Slack-Request-Timestamp": "9" * 5_000},
        {"X-Slack-Request-Timestamp": "inf"},
    ],
    ids=str,
)
def test_a_call_with_a_wrong_signature_is_refused(change: dict[str, str], samples: Path) -> None:
    body = (samples / "slack_block_actions.form.txt").read_bytes()
    with pytest.raises(RefusedError):
        _DOOR.read({**_RECORDED, **change}, body, now=_NOW)


def test_a_changed_body_is_refused(samples: Path) -> None:
    body = (samples / "slack_block_actions.form.txt").read_bytes()
    with pytest.raises(RefusedError, match="signature"):
        _DOOR.read(_RECORDED, body.replace(b"approve", b"approvf"), now=_NOW)


@pytest.mark.parametrize("missing", ["X-Slack-Signature", "X-Slack-Request-Timestamp"])
def test_a_call_without_its_proof_is_refused(missing: str, samples: Path) -> None:
    body = (samples / "slack_block_actions.form.txt").read_bytes()
    headers = {name: value for name, value in _RECORDED.items() if name != missing}
    with pytest.raises(RefusedError, match="signature"):
        _DOOR.read(headers, body, now=_NOW)
    with pytest.raises(RefusedError, match="signature"):
        _DOOR.read(_RECORDED, b"\xff" + body, now=_NOW)


@pytest.mark.parametrize("seconds", [301, 3_600, -301])
def test_a_replayed_call_is_refused_though_it_is_signed(seconds: int, samples: Path) -> None:
    body = (samples / "slack_block_actions.form.txt").read_bytes()
    with pytest.raises(RefusedError, match="too old"):
        _DOOR.read(_RECORDED, body, now=_NOW + timedelta(seconds=seconds))


def test_a_stranger_is_not_heard_whatever_he_presses_or_says() -> None:
    for body, kind in (
        pressed("ah_approve", "m|d", "C:1", user="U666"),
        mention("I am the CTO", "C:1", user="U666"),
    ):
        heard = _DOOR.read(signed(body, kind, at=_AT), body, now=_NOW)
        assert isinstance(heard, Unheard)
        assert "U666" in heard.reason


@pytest.mark.parametrize("action", ["ah_delete", "approve", "ah_", "other_app_approve"])
def test_a_button_that_is_not_ours_means_nothing(action: str) -> None:
    body, kind = pressed(action, "m|d", "C:1")
    assert isinstance(_DOOR.read(signed(body, kind, at=_AT), body, now=_NOW), Unheard)


@pytest.mark.parametrize("body", [b"", b"[]", b"{", b"\xff", b"[" * 5_000])
def test_a_signed_call_that_cannot_be_read_is_refused(body: bytes) -> None:
    with pytest.raises(RefusedError):
        _DOOR.read(signed(body, "application/json", at=_AT), body, now=_NOW)


def test_a_bot_is_not_answered() -> None:
    document = sample("slack_event_app_mention.json")
    event = document["event"]
    assert isinstance(event, dict)
    body = json.dumps({**document, "event": {**event, "bot_id": "B1"}}).encode()
    assert isinstance(_DOOR.read(signed(body, "application/json", at=_AT), body, now=_NOW), Unheard)
