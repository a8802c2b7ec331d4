"""Where people and Autoheal talk: messages go out once, what people say and press comes in signed."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol, TypeAlias

from autoheal.domain.message import Message, Post, Press
from autoheal.ports.runs import Json


class Chat(Protocol):
    """A room of a chat; a place names one message in it."""

    def post(self, message: Message, *, key: str, thread: str) -> str:
        """Say it, in a thread if one is named; returns its place, raises Unreachable- or RefusedError."""
        ...

    def replace(self, place: str, message: Message) -> None:
        """Put another message in its place; raises UnreachableError."""
        ...

    def find(self, key: str, *, thread: str) -> str:
        """The place of the message that was sent with this key, empty when there is none."""
        ...

    def whoami(self) -> str:
        """As whom we speak, and where; raises UnreachableError."""
        ...

    def missing(self) -> Sequence[str]:
        """Rights that we need to speak and were not given; raises UnreachableError."""
        ...

    def render(self, message: Message, *, key: str, thread: str) -> str:
        """The very text that `post` would send, as JSON."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Greeting:
    """The chat asks whether we are who we say; answer with this text."""

    answer: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Pressed:
    """A known person pressed a button of a message."""

    person: str
    press: Press
    value: str
    thread: str
    id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    """A known person said something in a thread."""

    person: str
    text: str
    thread: str
    id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Unheard:
    """Something that is none of our business, or from somebody we do not know; reason says which."""

    reason: str


Heard: TypeAlias = Greeting | Pressed | Said | Unheard


class ChatDoor(Protocol):
    """Reads what a chat sends us."""

    def read(self, headers: Mapping[str, str], body: bytes, *, now: datetime) -> Heard:
        """One delivery; raises RefusedError when it is not signed, too old, or not readable."""
        ...

    def understand(self, document: Mapping[str, Json]) -> Heard:
        """One delivery over a connection that we opened ourselves: there the chat signs nothing."""
        ...


Take: TypeAlias = Callable[[Mapping[str, Json]], None]
"""Hands one delivery over; what it raises as WorldError may be tried again."""


class ChatLine(Protocol):
    """A connection that we open to a chat, for places that no chat can call."""

    def open(self, take: Take) -> None:
        """Begin to listen, and go on until it is closed, whatever breaks in between."""
        ...

    def close(self) -> None:
        """Listen no more."""
        ...

    def whereto(self) -> str:
        """Where it would connect to; raises UnreachableError when it could not."""
        ...


class PostStore(Protocol):
    """Which messages stand where, so that none is sent twice."""

    def claim(self, incident_id: str, key: str) -> bool:
        """Note that this is about to be done; false when it was noted before, also under a race."""
        ...

    def release(self, incident_id: str, key: str) -> None:
        """Forget a claim: it was not done, and may be done again."""
        ...

    def settle(self, post: Post) -> None:
        """Note where a claimed message stands."""
        ...

    def of_incident(self, incident_id: str) -> Mapping[str, Post]:
        """Posts of an incident by key."""
        ...

    def incident_at(self, place: str) -> str:
        """The incident whose thread begins at a place; raises NotFoundError."""
        ...
