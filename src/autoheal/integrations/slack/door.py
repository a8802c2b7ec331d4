"""Reads what Slack sends: signed, fresh, from a person we know; all else is refused or left unheard.

Source: Slack's pages on verifying requests (version v0 of its signature), events and interactivity.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime
from urllib.parse import parse_qs

from slack_sdk.signature import Clock, SignatureVerifier

from autoheal.domain.errors import RefusedError
from autoheal.domain.message import Press
from autoheal.integrations.slack.blocks import ACTION
from autoheal.ports.chat import Greeting, Heard, Pressed, Said, Unheard
from autoheal.ports.runs import Json

_FORM = "application/x-www-form-urlencoded"
_Object = Mapping[str, Json]


class SlackDoor:
    """The ChatDoor; people maps Slack's user ids to the names by which policy knows them."""

    def __init__(self, *, secret: str, people: Mapping[str, str]) -> None:
        """Without a secret no call is believed: all comes over our own connection."""
        self._secret = secret
        self._people = dict(people)

    def read(self, headers: Mapping[str, str], body: bytes, *, now: datetime) -> Heard:
        """Check the signature over the raw bytes first; nothing unsigned is even parsed."""
        given = {name.lower(): value for name, value in headers.items()}
        self._verify(given, body, now)
        return self.understand(_document(given.get("content-type", ""), body))

    def understand(self, document: _Object) -> Heard:
        """What somebody said or pressed, or that Slack asks who we are."""
        if document.get("type") == "url_verification":
            return Greeting(answer=str(document.get("challenge", ""))[:200])
        if document.get("type") == "block_actions":
            return self._pressed(document)
        return self._said(document)

    def _verify(self, headers: Mapping[str, str], body: bytes, now: datetime) -> None:
        if not self._secret:
            raise RefusedError("chat.signature", "slack.signing_secret is not set: no call can be believed")
        at, signature = headers.get("x-slack-request-timestamp"), headers.get("x-slack-signature")
        try:
            good = SignatureVerifier(self._secret, _At(now)).is_valid(body, at, signature)
        except (ValueError, TypeError, OverflowError):  # headers that are no number or ASCII, no UTF-8
            good = False
        if not good:
            why = "the request does not carry Slack's signature, or is too old or from the future"
            raise RefusedError("chat.signature", why)

    def _pressed(self, document: _Object) -> Heard:
        user, actions = _object(document, "user"), document.get("actions")
        person = self._people.get(str(user.get("id")))
        if person is None:
            return Unheard(reason=f"{user.get('id')} is not among the people of the settings")
        action = actions[0] if isinstance(actions, list) and actions else None
        press = _press(action) if isinstance(action, dict) else None
        if press is None or not isinstance(action, dict):
            return Unheard(reason="no button of ours was pressed")
        container = _object(document, "container")
        return Pressed(
            person=person,
            press=press,
            value=str(action.get("value", ""))[:2_000],
            thread=_place(
                container.get("channel_id"), container.get("thread_ts") or container.get("message_ts")
            ),
            id=f"{user.get('id')}:{action.get('action_ts')}",
        )

    def _said(self, document: _Object) -> Heard:
        event = _object(document, "event")
        if event.get("bot_id") or event.get("subtype") or event.get("type") not in ("app_mention", "message"):
            return Unheard(reason="not a person's message")
        person = self._people.get(str(event.get("user")))
        if person is None:
            return Unheard(reason=f"{event.get('user')} is not among the people of the settings")
        thread = event.get("thread_ts")
        if not thread:
            return Unheard(reason="not said in the thread of an incident")
        return Said(
            person=person,
            text=str(event.get("text", "")),
            thread=_place(event.get("channel"), thread),
            id=str(document.get("event_id", "")),
        )


class _At(Clock):
    def __init__(self, now: datetime) -> None:
        self._now = now.timestamp()

    def now(self) -> float:
        return self._now


def _document(kind: str, body: bytes) -> _Object:
    try:
        text = body.decode()
        if kind.startswith(_FORM):
            text = parse_qs(text, max_num_fields=20).get("payload", ["{}"])[0]
        document: Json = json.loads(text)
    except (ValueError, RecursionError):
        raise RefusedError("chat.format", "the request from Slack cannot be read") from None
    if not isinstance(document, dict):
        raise RefusedError("chat.format", "the request from Slack is no object")
    return document


def _press(action: _Object) -> Press | None:
    name = str(action.get("action_id", ""))
    word = name.removeprefix(ACTION)
    return Press(word) if name.startswith(ACTION) and word in set(Press) else None


def _object(document: _Object, name: str) -> _Object:
    value = document.get(name)
    return value if isinstance(value, dict) else {}


def _place(channel: Json, ts: Json) -> str:
    return f"{channel}:{ts}"
