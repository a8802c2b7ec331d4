"""The catalog as table and graph share it: things, relations, disagreements, what stands around a thing."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from autoheal.domain.fact import Fact, Layer, NodeKind, Relation


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One thing of the catalog, with who tells of it and when one last did."""

    urn: str
    kind: NodeKind
    layer: Layer
    name: str
    title: str
    sources: tuple[str, ...]
    seen_at: datetime | None
    retired_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Link:
    """One relation, how far it is believed now, by which methods and whom."""

    id: str
    subject: str
    relation: Relation
    object: str
    statement: str
    confidence: float
    methods: tuple[str, ...]
    sources: tuple[str, ...]
    since: datetime | None
    until: datetime | None
    seen_at: datetime | None
    supersedes: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Conflict:
    """Everything that is believed of one relation of one thing, each with who says so."""

    subject: str
    relation: Relation
    facts: tuple[Fact, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class View:
    """A part of the graph around a thing; left_out counts the things that did not fit."""

    center: str
    entries: tuple[Entry, ...]
    links: tuple[Link, ...]
    conflicts: tuple[Conflict, ...]
    left_out: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Around:
    """Where to look: how far, over which relations, and as of when in both times."""

    hops: int = 1
    relations: tuple[Relation, ...] = tuple(Relation)
    known_at: datetime | None = None
    true_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class TakenIn:
    """How much of what a source told was new, and how much of what it had told is over."""

    source: str
    nodes: int = 0
    facts: int = 0
    replaced: int = 0
    ended: int = 0
    problem: str = ""
