"""The two ways to a server: Streamable HTTP, or a program on this machine; and what an exchange may cost."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeAlias
from urllib.parse import urlsplit


@dataclass(frozen=True, slots=True, kw_only=True)
class HttpDoor:
    """A server behind a URL."""

    url: str
    headers: Mapping[str, str] = field(repr=False)

    @property
    def origin(self) -> str:
        """Where it runs, as a person approves it: the URL without user, password, query and fragment."""
        parts = urlsplit(self.url)
        return f"{parts.scheme}://{self.egress}{parts.path}"

    @property
    def egress(self) -> str:
        """Where data goes: host and port."""
        return urlsplit(self.url).netloc.rpartition("@")[2]


@dataclass(frozen=True, slots=True, kw_only=True)
class ProgramDoor:
    """A server that is started for one exchange; environment names what it may see of ours."""

    command: tuple[str, ...]
    environment: tuple[str, ...]
    secrets: Mapping[str, str] = field(repr=False)

    @property
    def origin(self) -> str:
        """The command line: another version of a program is another server."""
        return " ".join(self.command)

    @property
    def egress(self) -> str:
        """The program; where it sends what it hears, only its maker knows."""
        return f"program {Path(self.command[0]).name}"


Door: TypeAlias = HttpDoor | ProgramDoor


@dataclass(frozen=True, slots=True, kw_only=True)
class Bounds:
    """What one exchange may cost."""

    timeout_seconds: float
    max_concurrent: int
    max_wait_seconds: float
    max_bytes: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """A server: its name in the settings, the way to it, and the bounds."""

    name: str
    door: Door
    bounds: Bounds
