"""What a person may mend in the graph: join two names of one thing, take back what a faulty reader said."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol


@dataclass(frozen=True, slots=True, kw_only=True)
class Merge:
    """One node turned out to be another: since when, who said so, why, and until when if it was undone."""

    source: str
    target: str
    at: datetime
    actor: str
    reason: str
    undone_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    """How much a reader said: from how many inputs, in how many assertions.

    facts are those that stand or fall with it; what others say too stays believed.
    """

    episodes: int
    assertions: int
    facts: int


class Curation(Protocol):
    """Mends that are history themselves: each can be undone, and as-of questions see what was before."""

    def merge(self, merge: Merge) -> None:
        """From now on the source is read as the target; raises ConflictError where it is already."""
        ...

    def unmerge(self, source: str, *, at: datetime) -> Merge:
        """They are two again, each with what was told under its own name; raises NotFoundError."""
        ...

    def merges(self) -> Sequence[Merge]:
        """Every merge, also those that were undone, oldest first."""
        ...

    def said_by(self, extractor: str, version: str = "") -> Said:
        """What stands by the word of this extractor (one version of it, or all)."""
        ...

    def withdraw(self, extractor: str, version: str = "", *, at: datetime) -> Said:
        """Stop believing all that it said, at once; what nobody else says is retracted."""
        ...

    def restore(self, extractor: str, version: str = "", *, at: datetime) -> Said:
        """Believe it again, from now on."""
        ...
