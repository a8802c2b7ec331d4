"""A model asked by the learning run: what each call costs is in the incident's ledger once it is over."""

from __future__ import annotations

from typing import TypeVar

from pydantic import BaseModel

from autoheal.learning.lessons import Lessons
from autoheal.ports.reasoning import Mind, Spent, Stage, Task, Thought
from autoheal.reasoning.bill import ledger_entry

T = TypeVar("T", bound=BaseModel)


def mind_of(lessons: Lessons, stage: Stage) -> Mind | None:
    """The model of a stage, if one is configured."""
    return lessons.minds.of(stage) if lessons.minds else None


def think(lessons: Lessons, mind: Mind, task: Task[T]) -> Thought[T]:
    """What the model answers; its calls are priced and stored one by one, also where it fails later."""

    def heard(spent: Spent) -> None:
        at = lessons.clock.now()
        cost = ledger_entry(spent, incident_id=task.incident_id, stage=task.stage, at=at)
        lessons.incidents.add_costs([cost])

    return mind.think(task, spent=heard)


def boundary_of(lessons: Lessons) -> str:
    """A boundary for quotations, which no text can have known."""
    return lessons.ids.new("boundary").partition("_")[2]


def spent_on(lessons: Lessons, incident_id: str, stage: Stage) -> str:
    """The tokens of a stage so far, in words."""
    costs = [cost for cost in lessons.incidents.costs(incident_id) if cost.stage == stage]
    read, wrote = sum(c.tokens_input for c in costs), sum(c.tokens_output for c in costs)
    return f"{read} tokens read, {wrote} written"
