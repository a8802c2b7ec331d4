"""Somebody who may come in: a name, the role that says how much, and since when."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class Role(StrEnum):
    """How much a person may do; each role holds all that the one before it holds."""

    VIEWER = "viewer"
    RESPONDER = "responder"
    ADMIN = "admin"

    @property
    def rank(self) -> int:
        """0 for a viewer, rising with what they may do."""
        return list(Role).index(self)


class Right(StrEnum):
    """One kind of thing that may be done; which role it takes stands in `policy/access.py`."""

    READ = "read"
    READ_RAW = "read_raw"
    DECIDE = "decide"
    PUBLISH = "publish"
    DENY_TOOL = "deny_tool"
    CLASSIFY_TOOL = "classify_tool"
    STOP = "stop"
    RELEASE = "release"
    DELETE = "delete"
    MANAGE_PEOPLE = "manage_people"


@dataclass(frozen=True, slots=True, kw_only=True)
class Person:
    """One enrolled person; one who was removed stays on record and may do nothing."""

    name: str
    role: Role
    added_by: str
    added_at: datetime
    removed_at: datetime | None = None

    def __post_init__(self) -> None:
        if not self.name or self.name != " ".join(self.name.split()):
            raise ValueError(f"{self.name!r} is no name of a person")

    @property
    def enrolled(self) -> bool:
        """Whether they may come in."""
        return self.removed_at is None


@dataclass(frozen=True, slots=True, kw_only=True)
class Session:
    """One browser that a person signed in with; digest is the SHA-256 of the secret in its cookie."""

    digest: str
    name: str
    begun_at: datetime
    seen_at: datetime
