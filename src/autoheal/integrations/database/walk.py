"""Walks from a thing to what stands around it, frontier by frontier, and counts what it had to leave out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from sqlalchemy import Connection

from autoheal.domain.catalog import MOST_COUNTED, Nearby
from autoheal.domain.fact import Fact, Relation
from autoheal.integrations.database import facts, graph_near
from autoheal.integrations.database.facts import Moment
from autoheal.integrations.database.merges import APART, Joined

_FRONTIER = 500
_MOST_FACTS = 2_000


@dataclass(slots=True, kw_only=True)
class _Found:
    facts: dict[str, Fact] = field(default_factory=dict)
    facts_left_out: int = 0
    things_left_out: int = 0


@dataclass(frozen=True, slots=True)
class Walk:
    """One walk over some relations as of one moment; what is left out is counted only where there is any."""

    connection: Connection
    relations: Sequence[Relation] = field(kw_only=True)
    moment: Moment = field(kw_only=True)
    joined: Joined = field(kw_only=True, default=APART)

    def around(self, urn: str, *, hops: int) -> Nearby:
        """The newest 2,000 facts of each hop, and of each next hop at most 500 things."""
        found = _Found()
        center = self.joined.one(urn)
        seen, frontier = {center}, [center]
        for hop in range(hops):
            near = self._hop(frontier, found)
            reached = {end for fact in near for end in (fact.subject, fact.object)}
            beyond = sorted(reached - seen)
            seen |= reached
            if not beyond or hop == hops - 1:
                break
            frontier = beyond[:_FRONTIER]
            found.things_left_out += len(beyond) - len(frontier)
            if len(found.facts) >= _MOST_FACTS:
                found.things_left_out += len(frontier)
                break
        kept = tuple(found.facts.values())[:_MOST_FACTS]
        left_out = found.facts_left_out + len(found.facts) - len(kept)
        return Nearby(
            facts=kept,
            facts_left_out=min(left_out, MOST_COUNTED),
            things_left_out=found.things_left_out,
        )

    def _hop(self, frontier: Sequence[str], found: _Found) -> Sequence[Fact]:
        frontier = self.joined.all(frontier)
        near = facts.touching(self.connection, frontier, self.relations, self.moment, _MOST_FACTS + 1)
        if len(near) > _MOST_FACTS:
            near = near[:_MOST_FACTS]
            found.facts_left_out += self._more(frontier, than=len(near))
        near = self.joined.united(near)
        found.facts |= {fact.id: fact for fact in near if fact.id not in found.facts}
        return near

    def _more(self, frontier: Sequence[str], *, than: int) -> int:
        names = [relation.value for relation in self.relations]
        times = (self.moment.known_at, self.moment.true_at)
        counted = graph_near.counted(self.connection, frontier, names, times, than + MOST_COUNTED)
        return counted - than
