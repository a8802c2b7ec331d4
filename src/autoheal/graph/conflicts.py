"""Where sources disagree: a thing that has one owner at a time is told to have two. Pure."""

from __future__ import annotations

from collections.abc import Iterable

from autoheal.domain.catalog import Conflict
from autoheal.domain.fact import FUNCTIONAL, Fact, Relation


def conflicts(facts: Iterable[Fact]) -> list[Conflict]:
    """The disagreements among facts; none is resolved here, for both may be right to somebody.

    What one source says twice is no disagreement: a thing may have two owners by one file.
    """
    told: dict[tuple[str, Relation], list[Fact]] = {}
    for fact in facts:
        if fact.relation in FUNCTIONAL:
            told.setdefault((fact.subject, fact.relation), []).append(fact)
    return [
        Conflict(subject=subject, relation=relation, facts=tuple(found))
        for (subject, relation), found in sorted(told.items())
        if disagree(found)
    ]


def disagree(facts: list[Fact]) -> bool:
    """Whether some two of the facts name different things and share no source."""
    said = [(fact.object, sources(fact)) for fact in facts]
    return any(
        one != other and not (these & those)
        for place, (one, these) in enumerate(said)
        for other, those in said[place + 1 :]
    )


def sources(fact: Fact) -> frozenset[str]:
    """Who says it."""
    return frozenset(said.source for said in fact.provenance if said.polarity > 0)
