"""Says things in one Slack channel through the Web API; every message carries the key it was sent with."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence

from autoheal.domain.errors import RefusedError, UnreachableError
from autoheal.domain.message import Message
from autoheal.integrations.http.endpoint import Call, Endpoint, Reply
from autoheal.integrations.slack.blocks import blocks, fallback
from autoheal.ports.runs import Json

_EVENT = "autoheal"
_PAGE = 200
_SCOPES_HEADER = "X-OAuth-Scopes"
_SCOPES = ("chat:write",)
"""What cannot be tried without saying something."""
_UNSHOWABLE = frozenset(
    {"invalid_blocks", "invalid_blocks_format", "msg_too_long", "msg_blocks_too_long", "no_text"}
    | {"metadata_too_large", "invalid_metadata_format", "invalid_metadata_schema"}
)
"""Errors of one message: trying it again would be in vain, trying another would not."""


class SlackChat:
    """The Chat port; a place is `<channel>:<ts>`."""

    def __init__(self, endpoint: Endpoint, *, channel: str) -> None:
        self._endpoint = endpoint
        self._channel = channel

    def post(self, message: Message, *, key: str, thread: str) -> str:
        """Send it to the channel, or into the thread."""
        body = self._body(message, key, thread)
        said = self._call("chat.postMessage", content=_json(body))
        return f"{said.get('channel') or self._channel}:{said['ts']}"

    def replace(self, place: str, message: Message) -> None:
        """Change a message that stands there: buttons that were pressed vanish."""
        channel, _, ts = place.rpartition(":")
        body: dict[str, Json] = {"channel": channel, "ts": ts, **_shown(message)}
        self._call("chat.update", content=_json(body))

    def find(self, key: str, *, thread: str) -> str:
        """Look the key up in what stands in the thread, or in the channel."""
        channel, _, ts = thread.rpartition(":")
        query = {"channel": channel or self._channel, "limit": str(_PAGE), "include_all_metadata": "true"}
        method = "conversations.replies" if ts else "conversations.history"
        said = self._call(method, query=query | ({"ts": ts} if ts else {}))
        messages = said.get("messages")
        for message in messages if isinstance(messages, list) else []:
            if isinstance(message, dict) and _key_of(message) == key:
                return f"{channel or self._channel}:{message['ts']}"
        return ""

    def whoami(self) -> str:
        """Our user and team, as the token says."""
        said = self._call("auth.test", content=b"{}")
        return f"{said.get('user')} in {said.get('team')}, channel {self._channel}"

    def missing(self) -> Sequence[str]:
        """Scopes that the token lacks; Slack tells in a header which ones it has."""
        reply = self._send("auth.test", content=b"{}")
        _said("auth.test", reply)
        told = reply.headers.get(_SCOPES_HEADER)
        if told is None:
            raise UnreachableError(f"slack did not tell the scopes of the token, in {_SCOPES_HEADER}")
        given = {scope.strip() for scope in told.split(",")}
        return [scope for scope in _SCOPES if scope not in given]

    def render(self, message: Message, *, key: str, thread: str) -> str:
        """The body of `chat.postMessage`, byte for byte."""
        return _json(self._body(message, key, thread)).decode()

    def _body(self, message: Message, key: str, thread: str) -> dict[str, Json]:
        channel, _, ts = thread.rpartition(":")
        body: dict[str, Json] = {
            "channel": channel or self._channel,
            **_shown(message),
            "unfurl_links": False,
            "unfurl_media": False,
            "metadata": {"event_type": _EVENT, "event_payload": {"key": key}},
        }
        return body | ({"thread_ts": ts} if ts else {})

    def _call(
        self, method: str, *, content: bytes | None = None, query: Mapping[str, str] | None = None
    ) -> dict[str, Json]:
        return _said(method, self._send(method, content=content, query=query))

    def _send(
        self, method: str, *, content: bytes | None = None, query: Mapping[str, str] | None = None
    ) -> Reply:
        headers = {"Content-Type": "application/json; charset=utf-8"} if content is not None else {}
        verb = "GET" if content is None else "POST"
        call = Call(method=verb, path=f"/{method}", query=query or {}, content=content, headers=headers)
        return self._endpoint.send(call)


def _said(method: str, reply: Reply) -> dict[str, Json]:
    said = reply.json
    if not isinstance(said, dict) or said.get("ok") is not True:
        why = said.get("error") if isinstance(said, dict) else f"status {reply.status}"
        if why in _UNSHOWABLE:
            raise RefusedError("chat.message", f"slack cannot show it: {why}")
        raise UnreachableError(f"slack refused {method}: {why}")
    return said


def _shown(message: Message) -> dict[str, Json]:
    return {"text": fallback(message), "blocks": blocks(message)}


def _json(body: Mapping[str, Json]) -> bytes:
    return json.dumps(body, ensure_ascii=False, separators=(",", ":")).encode()


def _key_of(message: Mapping[str, Json]) -> Json:
    metadata = message.get("metadata")
    payload = metadata.get("event_payload") if isinstance(metadata, dict) else None
    return payload.get("key") if isinstance(payload, dict) else None
