"""Plays a stream of incidents through an Autoheal that remembers, and each again through one that cannot."""

from __future__ import annotations

import tempfile
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from autoheal.domain.incident import Outcome
from autoheal.domain.investigation import Investigation, VerdictKind
from autoheal.ports.stores import IncidentStore
from autoheal.reasoning.settings import When
from autoheal.reports.economics_benchmark import QUERY_DOLLARS, Played
from autoheal.reports.history import tokens
from autoheal.sandbox.model.investigator import investigator
from autoheal.sandbox.model.server import ModelServer, serving
from autoheal.sandbox.simulated.stream import Planned, draw
from autoheal.sandbox.simulated.thinking import thinking
from autoheal.sandbox.simulated.world import World, template

_REVIEW_SECONDS = 43_200.0
_SEEN = 2
"""A person reads proposals twice a day, and merges a skill once its failure has come twice."""
_MEMORY_DISK = Path("/dev/shm")  # noqa: S108  nothing of a simulation must outlive it
RECALL = ".recall"
_REMEMBERED = 256
"""So many prompts a cache of minutes holds."""


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


def play(count: int, *, seed: int, when: When = "always") -> Iterator[Played]:
    """Each incident as soon as it was played, twice: with all memory, and with none.

    when tells at which investigations the model is asked; every prompt is really sent and counted.
    """
    shared = str(_MEMORY_DISK) if _MEMORY_DISK.is_dir() else None
    with (
        tempfile.TemporaryDirectory(prefix="autoheal-economics-", dir=shared) as folder,
        serving(ModelServer(behavior=investigator, keep=_REMEMBERED)) as model,
    ):
        empty, mind = template(Path(folder) / "empty"), thinking(model, when=when)
        remembering = World(Path(folder) / "remembering", empty, thinking=mind)
        reviewed, seen = 0.0, Counter[str]()
        for planned in draw(count, seed=seed):
            if planned.at - reviewed >= _REVIEW_SECONDS:
                remembering.review(seen=_SEEN)
                reviewed = planned.at
            seen[planned.kind.name] += 1
            spent = spent_on(remembering, planned)
            alone = Path(folder) / f"forgetful-{planned.number}"
            forgetful = World(alone, empty, learning=False, thinking=mind)
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
        control_queries=control.queries,
    )


def spent_on(world: World, planned: Planned) -> Spent:
    """Let one incident happen, and add up what it took."""
    lived = world.live(planned)
    incidents = world.database.incidents
    ids = lived.incidents
    costs = [entry for incident_id in ids for entry in incidents.costs(incident_id)]
    looks = [look for incident_id in ids for look in incidents.investigations(incident_id)]
    recalled = any(_from_memory(look) for look in looks)
    queries = sum(entry.queries for entry in costs)
    return Spent(
        recalled=recalled,
        right=_right(planned, looks),
        escalated=any(incidents.get(i).outcome is Outcome.ESCALATED for i in ids),
        queries=queries,
        tokens=sum(tokens(entry) for entry in costs),
        questions=lived.questions + sum(entry.questions for entry in costs),
        cost=queries * QUERY_DOLLARS + sum(entry.dollars for entry in costs),
        why=_why(incidents, ids, recalled=recalled),
    )


def _from_memory(look: Investigation) -> bool:
    return look.id.endswith(RECALL) and look.verdict.kind is VerdictKind.CAUSE


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
