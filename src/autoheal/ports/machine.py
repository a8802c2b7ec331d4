"""The machine we run on: time and identifiers."""

from __future__ import annotations

from datetime import datetime
from typing import Protocol


class Clock(Protocol):
    """Now, in UTC."""

    def now(self) -> datetime:
        """The current instant, with time zone."""
        ...


class Ids(Protocol):
    """New identifiers."""

    def new(self, prefix: str) -> str:
        """An identifier that sorts by time: `<prefix>_<26 characters>`."""
        ...
