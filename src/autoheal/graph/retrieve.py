"""What memory holds for an incident: by exact keys, around it as of then, by text; fused, weighed, cut.

The lists are joined by reciprocal rank fusion, 1 / (60 + rank) (Cormack, Clarke, Buettcher, SIGIR 2009), and
multiplied by how far a fact is believed and, for changes, by how fresh it was when the incident began.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from autoheal.domain.catalog import Nearby
from autoheal.domain.fact import Fact, NodeKind, Relation, urn
from autoheal.graph.confidence import confidence
from autoheal.ports.stores import GraphStore

HIDDEN_BELOW = 0.55
"""Less believed than this a fact is not brought back at all."""
BUDGET_TOKENS = 3_000
_CHARACTERS_PER_TOKEN = 4
_RRF = 60
_FRESH_SECONDS = 6 * 3_600.0
_SERVICES = 5
_HOPS = 2
_NEWEST = 40
_WORDS = 20
_TOPOLOGY = (
    Relation.CALLS,
    Relation.DEPENDS_ON,
    Relation.CHANGED,
    Relation.MONITORS,
    Relation.OWNED_BY,
)
_WAYS = (Relation.MANIFESTS_AS, Relation.SHOWED)
"""That an earlier incident showed the same alert is a way to its lesson, and no lesson itself."""
_KEYS = (Relation.MANIFESTS_AS, Relation.MONITORS)
_LESSONS = (
    Relation.MITIGATED_BY,
    Relation.APPLIES_TO,
    Relation.INSTANCE_OF,
    Relation.CAUSED_BY,
    Relation.RESOLVED_BY,
    Relation.DESCRIBES,
    Relation.DECIDED_IN,
    Relation.ANSWERED_BY,
)


class Lane(StrEnum):
    """How a fact was found."""

    EXACT = "exact key"
    NEAR = "neighborhood"
    TEXT = "text"


@dataclass(frozen=True, slots=True, kw_only=True)
class Clue:
    """What is known of an incident when memory is asked; began is when it began in the world."""

    services: Sequence[str]
    symptoms: Sequence[str]
    signature: str
    fingerprints: Sequence[str] = ()
    words: str = ""
    began: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Memory:
    """One fact that came back: its id is what findings and traces cite."""

    fact: Fact
    lanes: tuple[Lane, ...]
    confidence: float
    score: float

    @property
    def line(self) -> str:
        """As it is read, by a person or a model."""
        source = self.fact.provenance[0].source
        return f"[{self.fact.id}] {self.fact.statement} ({self.confidence:.2f}, {source})"

    @property
    def tokens(self) -> int:
        """About what reading it costs."""
        return len(self.line) // _CHARACTERS_PER_TOKEN + 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Retrieved:
    """The best of memory within the budget, best first; left_out is how many more there were.

    cut says what was not even looked at, since a hub has more facts than can be read; else it is empty.
    """

    memories: tuple[Memory, ...]
    left_out: int
    cut: str = ""


def retrieve(
    graph: GraphStore, clue: Clue, *, now: datetime, budget_tokens: int = BUDGET_TOKENS
) -> Retrieved:
    """What may help with an incident, each fact once."""
    around = near(graph, clue)
    lanes = {
        Lane.EXACT: exact(graph, clue),
        Lane.NEAR: list(around.facts),
        Lane.TEXT: list(graph.search(clue.words, limit=_WORDS)) if clue.words else [],
    }
    ranked = [memory for memory in _fused(lanes, clue, now) if memory.confidence >= HIDDEN_BELOW]
    kept = within(ranked, budget_tokens)
    return Retrieved(memories=tuple(kept), left_out=len(ranked) - len(kept), cut=around.says)


def exact(graph: GraphStore, clue: Clue) -> list[Fact]:
    """By the keys of the incident: its alerts' kinds, its signature, fingerprints seen before."""
    symptoms = [urn(NodeKind.SYMPTOM, name) for name in clue.symptoms]
    aliases = [("signature", clue.signature), *(("fingerprint", key) for key in clue.fingerprints)]
    before = graph.resolve_all([(scheme, value) for scheme, value in aliases if value])
    keys = frozenset((*symptoms, *before))
    ways = frozenset((*before, *graph.subjects(symptoms, relations=_WAYS, newest=_NEWEST)))
    found = graph.touching(sorted(keys | ways), relations=(*_KEYS, *_LESSONS), newest=2 * _NEWEST)
    lessons = [fact for fact in found if fact.relation in _LESSONS and _touches(fact, ways)]
    return [*lessons, *(fact for fact in found if fact.relation in _KEYS and _touches(fact, keys))]


def _touches(fact: Fact, urns: AbstractSet[str]) -> bool:
    return fact.subject in urns or fact.object in urns


def near(graph: GraphStore, clue: Clue) -> Nearby:
    """What stood around the services when the incident began, nearest first."""
    found: dict[str, Fact] = {}
    facts_left_out = things_left_out = 0
    for name in clue.services[:_SERVICES]:
        around = graph.neighborhood(
            urn(NodeKind.SERVICE, name), relations=_TOPOLOGY, hops=_HOPS, true_at=clue.began
        )
        found |= {fact.id: fact for fact in around.facts if fact.id not in found}
        facts_left_out += around.facts_left_out
        things_left_out += around.things_left_out
    return Nearby(facts=tuple(found.values()), facts_left_out=facts_left_out, things_left_out=things_left_out)


def _fused(lanes: dict[Lane, list[Fact]], clue: Clue, now: datetime) -> list[Memory]:
    facts = {fact.id: fact for found in lanes.values() for fact in found}
    ranks: dict[str, dict[Lane, int]] = {key: {} for key in facts}
    for lane, found in lanes.items():
        for rank, fact in enumerate(found, start=1):
            ranks[fact.id].setdefault(lane, rank)
    weighed = [_weighed(fact, ranks[key], clue, now) for key, fact in facts.items()]
    return sorted(weighed, key=lambda memory: (-memory.score, memory.fact.id))


def _weighed(fact: Fact, ranks: dict[Lane, int], clue: Clue, now: datetime) -> Memory:
    believed = confidence(fact, now=now)
    fused = sum(1 / (_RRF + rank) for rank in ranks.values())
    return Memory(
        fact=fact, lanes=tuple(ranks), confidence=believed, score=fused * believed * freshness(fact, clue)
    )


def freshness(fact: Fact, clue: Clue) -> float:
    """1 for what is no change; a change counts half per six hours before the incident, none after it."""
    if fact.relation is not Relation.CHANGED or fact.valid_from is None:
        return 1.0
    before = (clue.began - fact.valid_from).total_seconds()
    return float(2 ** (-before / _FRESH_SECONDS)) if before >= 0 else 0.0


def within(ranked: Iterable[Memory], budget_tokens: int) -> list[Memory]:
    """The best that fit; a long one that does not fit makes room for shorter ones after it."""
    kept, left = list[Memory](), budget_tokens
    for memory in ranked:
        if memory.tokens <= left and memory.score > 0:
            kept.append(memory)
            left -= memory.tokens
    return kept
