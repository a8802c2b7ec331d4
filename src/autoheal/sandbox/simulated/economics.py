"""Plays a stream of incidents through an Autoheal that remembers, and each again through one that cannot."""

from __future__ import annotations

import json
import tempfile
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from autoheal.domain.incident import Outcome
from autoheal.domain.investigation import Investigation, VerdictKind
from autoheal.healing.trace import compose
from autoheal.ports.stores import IncidentStore
from autoheal.reports.economics_benchmark import CHARACTERS_PER_TOKEN, Played, dollars
from autoheal.reports.history import tokens
from autoheal.sandbox.simulated.stream import Planned, draw
from autoheal.sandbox.simulated.world import World, template

_REVIEW_SECONDS = 43_200.0
_SEEN = 2
"""A person reads proposals twice a day, and merges a skill once its failure has come twice."""
_MEMORY_DISK = Path("/dev/shm")  # noqa: S108  nothing of a simulation must outlive it
RECALL = ".recall"


@dataclass(frozen=True, slots=True, kw_only=True)
class Spent:
    """What one incident took, and how it was answered."""

    recalled: bool
    right: bool
    escalated: bool
    queries: int
    tokens: int
    questions: int
    cost: float
    why: str


def play(count: int, *, seed: int) -> Iterator[Played]:
    """Each incident as soon as it was played, twice: with all memory, and with none."""
    shared = str(_MEMORY_DISK) if _MEMORY_DISK.is_dir() else None
    with tempfile.TemporaryDirectory(prefix="autoheal-economics-", dir=shared) as folder:
        empty = template(Path(folder) / "empty")
        remembering = World(Path(folder) / "remembering", empty)
        reviewed, seen = 0.0, Counter[str]()
        for planned in draw(count, seed=seed):
            if planned.at - reviewed >= _REVIEW_SECONDS:
                remembering.review(seen=_SEEN)
                reviewed = planned.at
            seen[planned.kind.name] += 1
            spent = spent_on(remembering, planned)
            forgetful = World(Path(folder) / f"forgetful-{planned.number}", empty, learning=False)
            control = spent_on(forgetful, planned)
            forgetful.wipe()
            yield _played(planned, seen[planned.kind.name], spent, control)
        remembering.wipe()


def _played(planned: Planned, n: int, spent: Spent, control: Spent) -> Played:
    return Played(
        incident=planned.number,
        family=planned.kind.name if planned.known else None,
        n=n,
        recalled=spent.recalled,
        right=spent.right,
        escalated=spent.escalated,
        queries=spent.queries,
        tokens=spent.tokens,
        questions=spent.questions,
        cost=round(spent.cost, 6),
        control=round(control.cost, 6),
        why=spent.why,
    )


def spent_on(world: World, planned: Planned) -> Spent:
    """Let one incident happen, and add up what it took."""
    lived = world.live(planned)
    incidents = world.database.incidents
    ids = lived.incidents
    costs = [entry for incident_id in ids for entry in incidents.costs(incident_id)]
    looks = [look for incident_id in ids for look in incidents.investigations(incident_id)]
    recalled = any(_from_memory(look) for look in looks)
    asked = [look for look in looks if not look.id.endswith(RECALL)]
    read = sum(_read(look, asked, incidents) for look in asked)
    written = sum(_written(look) for look in asked)
    queries = sum(entry.queries for entry in costs)
    modelled = sum(tokens(entry) for entry in costs)
    return Spent(
        recalled=recalled,
        right=_right(planned, looks),
        escalated=any(incidents.get(i).outcome is Outcome.ESCALATED for i in ids),
        queries=queries,
        tokens=modelled or read + written,
        questions=lived.questions + sum(entry.questions for entry in costs),
        cost=dollars(queries=queries, read=read, written=written),
        why=_why(incidents, ids, recalled=recalled),
    )


def _from_memory(look: Investigation) -> bool:
    return look.id.endswith(RECALL) and look.verdict.kind is VerdictKind.CAUSE


def _read(look: Investigation, looks: list[Investigation], incidents: IncidentStore) -> int:
    """Tokens of the digest that a model reads to judge a look: its five-part trace, as it is stored.

    A later look reads only what was asked since the one before: the rest is in the conversation already.
    """
    earlier = [other.ended_at for other in looks if other.ended_at < look.ended_at]
    asked = incidents.evidence_of(look.incident_id)
    since = [e for e in asked if e.asked_at <= look.ended_at and not any(e.asked_at <= t for t in earlier)]
    trace = compose(look, since)
    return len(json.dumps(trace, default=str)) // CHARACTERS_PER_TOKEN


def _written(look: Investigation) -> int:
    """Tokens of the answer: the reasons and the verdict that the trace gives for the leading hypothesis."""
    leading = look.leading
    claims = (
        " ".join(claim.text for claim in (*leading.claims_for, *leading.claims_against)) if leading else ""
    )
    return len(f"{look.verdict.confidence.reason} {claims}") // CHARACTERS_PER_TOKEN


def _right(planned: Planned, looks: list[Investigation]) -> bool:
    """The true service and the true change blamed at last; no fault where there was none, or it passed."""
    if not planned.kind.effects:
        return not any(look.leading for look in looks)
    leading = looks[-1].leading if looks else None
    if leading is None:
        return bool(planned.kind.lasts)
    brought = planned.kind.change is not None
    return leading.entity == planned.service and (leading.change_id is not None) is brought


def _why(incidents: IncidentStore, ids: tuple[str, ...], *, recalled: bool) -> str:
    """Why memory did not serve, in the words of the timeline."""
    if recalled:
        return ""
    notes = [e.text for i in ids for e in incidents.timeline(i) if e.text.startswith("recall: ")]
    return notes[-1].removeprefix("recall: ") if notes else "it was over before memory was asked"
