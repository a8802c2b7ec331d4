"""The catalog as table and graph share it: things, relations, disagreements, what stands around a thing."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from autoheal.domain.fact import Fact, Layer, Node, NodeKind, Relation


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
class Asked:
    """Which things of the catalog: of one kind, whose name or title has every word, and which of them.

    Raises ValueError for a limit below 1 or an offset below 0.
    """

    kind: NodeKind | None = None
    words: str = ""
    retired: bool = False
    limit: int = 100
    offset: int = 0

    def __post_init__(self) -> None:
        if self.limit < 1 or self.offset < 0:
            raise ValueError(f"no page: limit {self.limit}, offset {self.offset}")


@dataclass(frozen=True, slots=True, kw_only=True)
class NodePage:
    """The nodes asked for, by kind and name, of how many."""

    nodes: tuple[Node, ...]
    total: int


@dataclass(frozen=True, slots=True, kw_only=True)
class CatalogPage:
    """The entries asked for, by kind and name, of how many."""

    entries: tuple[Entry, ...]
    total: int
    offset: int

    @property
    def end(self) -> int:
        """The number of the last entry here."""
        return self.offset + len(self.entries)


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
class Nearby:
    """Facts around a thing, nearest and newest first; what a hub has more than can be read is counted.

    facts_left_out are older facts of things that were looked at (counted up to MOST_COUNTED), and
    things_left_out are things that were reached and not looked at.
    """

    facts: tuple[Fact, ...] = ()
    facts_left_out: int = 0
    things_left_out: int = 0

    @property
    def cut(self) -> bool:
        """Whether there was more than is here."""
        return bool(self.facts_left_out or self.things_left_out)

    @property
    def says(self) -> str:
        """What was left out, in words; empty where nothing was."""
        counted = f"{self.facts_left_out:,}{' or more' if self.facts_left_out >= MOST_COUNTED else ''}"
        parts = [f"{counted} older facts"] if self.facts_left_out else []
        parts += [f"{self.things_left_out:,} things not looked at"] if self.things_left_out else []
        return " and ".join(parts)


MOST_COUNTED = 10_000
"""Counting all facts of a hub would take as long as reading them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class View:
    """A part of the graph around a thing.

    left_out counts the things that did not fit into the view; cut and cut_says tell of what the graph itself
    left out before, because a hub has more facts than can be read.
    """

    center: str
    entries: tuple[Entry, ...]
    links: tuple[Link, ...]
    conflicts: tuple[Conflict, ...]
    left_out: int = 0
    cut: bool = False
    facts_left_out: int = 0
    things_left_out: int = 0
    cut_says: str = ""


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
