"""One tool of a foreign server, as that server describes it, and what a person said that it may do."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class ToolTier(StrEnum):
    """What a person classified a tool as; a tool without a classification has no tier, and is denied."""

    READ = "read"
    WRITE = "write"
    DENY = "deny"


class Standing(StrEnum):
    """What a tool may be used for just now; all but `read` are denied to a model."""

    READ = "read"
    WRITE = "write"
    DENIED = "denied"
    UNKNOWN = "unknown"
    CHANGED = "changed"
    UNUSABLE = "unusable"
    ABSENT = "absent"


@dataclass(frozen=True, slots=True, kw_only=True)
class OfferedTool:
    """A tool as its server describes it now, every text fit to be shown.

    schema is the JSON Schema of its arguments as canonical JSON, and empty where the server's own cannot be
    used: flaw then says why. hints are the server's words about itself and prove nothing. digest is taken
    over what the server really sent and over where it runs, so it also changes with what cannot be seen.
    """

    server: str
    origin: str
    name: str
    title: str
    description: str
    schema: str
    hints: tuple[str, ...]
    digest: str
    flaw: str = ""

    @property
    def id(self) -> str:
        """How people name it; a server's name holds no dot."""
        return f"{self.server}.{self.name}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Classification:
    """One person's word on exactly the tool with this digest; seen is what that person was shown."""

    tool_id: str
    tier: ToolTier
    digest: str
    by: str
    at: datetime
    note: str = ""
    seen: OfferedTool | None = None

    @property
    def server(self) -> str:
        """The server that it belongs to."""
        return self.tool_id.partition(".")[0]


@dataclass(frozen=True, slots=True, kw_only=True)
class ToolFile:
    """One tool: what it may do, what a person said of it, and what changed since that person looked."""

    id: str
    standing: Standing
    offered: OfferedTool | None
    said: Classification | None
    changes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Survey:
    """Every tool that is offered or was classified, and why which servers did not answer."""

    tools: tuple[ToolFile, ...]
    silent: Mapping[str, str]


def digest_of_tool(document: Mapping[str, object]) -> str:
    """SHA-256 of all that a server says about a tool, whatever the order of its keys."""
    canonical = json.dumps(document, sort_keys=True, separators=(",", ":"), ensure_ascii=True)
    return hashlib.sha256(canonical.encode()).hexdigest()
