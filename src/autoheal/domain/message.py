"""What is said in a chat: one message of plain text, with the buttons that a person may press."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Press(StrEnum):
    """What pressing a button means."""

    APPROVE = "approve"
    REJECT = "reject"
    NOT_THE_CAUSE = "not_the_cause"
    OPEN = "open"


@dataclass(frozen=True, slots=True, kw_only=True)
class Button:
    """A button: its value comes back when it is pressed; one with a url opens a page instead."""

    press: Press
    label: str
    value: str = ""
    url: str = ""
    confirm: str = ""

    def __post_init__(self) -> None:
        if bool(self.value) == bool(self.url):
            raise ValueError(f"button {self.label!r} needs either a value or a url")


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """Plain text throughout: what others wrote is shown and never formatted; fields keep their order."""

    title: str
    body: str = ""
    fields: tuple[tuple[str, str], ...] = ()
    buttons: tuple[Button, ...] = ()
    footer: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Post:
    """A message that was or is being sent: place is where it stands, empty until the chat has said so."""

    incident_id: str
    key: str
    place: str = ""
