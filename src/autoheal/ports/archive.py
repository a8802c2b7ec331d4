"""The whole graph in records, for export and import: everything that was ever believed."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol, TypeAlias

from autoheal.domain.fact import Fact, Node
from autoheal.domain.skill import Trust
from autoheal.ports.curation import Merge


@dataclass(frozen=True, slots=True, kw_only=True)
class Name:
    """Another name of a node, in the words of a source."""

    scheme: str
    value: str
    urn: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Used:
    """One use of a node or fact in an incident."""

    urn: str
    incident_id: str
    useful: bool
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Rung:
    """Where a skill stands on the ladder, and why."""

    skill: str
    trust: Trust
    reason: str
    at: datetime


Record: TypeAlias = Node | Name | Merge | Fact | Used | Rung


class Archive(Protocol):
    """The graph as a stream of records."""

    def records(self) -> Iterator[Record]:
        """Everything: nodes, names, merges, facts with all that was said of them, uses, rungs."""
        ...

    def load(self, records: Iterable[Record]) -> int:
        """Take in what is not there yet, all of it or none; returns how many records were read."""
        ...
