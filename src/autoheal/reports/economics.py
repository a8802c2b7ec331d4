"""What incidents cost: one bill per incident, and the cost of the n-th incident of a family."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from statistics import median

import numpy as np

from autoheal.domain.incident import Incident, Outcome
from autoheal.domain.ledger import LedgerEntry
from autoheal.reports.history import History, tokens


@dataclass(frozen=True, slots=True, kw_only=True)
class Bill:
    """What was spent: queries by telemetry backend, tokens by model, dollars, seconds, expert minutes."""

    queries: Mapping[str, int]
    tokens: Mapping[str, int]
    cached_tokens: int
    dollars: float
    wall_seconds: float
    questions: int
    expert_minutes: float

    @property
    def all_queries(self) -> int:
        """Queries to every backend together."""
        return sum(self.queries.values())

    @property
    def all_tokens(self) -> int:
        """Tokens of every model together."""
        return sum(self.tokens.values())


def bill(entries: Iterable[LedgerEntry]) -> Bill:
    """Add ledger entries up."""
    entries = list(entries)
    return Bill(
        queries=_by_backend(entries, lambda e: e.queries),
        tokens=_by_backend(entries, tokens),
        cached_tokens=sum(e.tokens_cached for e in entries),
        dollars=sum(e.dollars for e in entries),
        wall_seconds=sum(e.wall_seconds for e in entries),
        questions=sum(e.questions for e in entries),
        expert_minutes=sum(e.expert_minutes for e in entries),
    )


def _by_backend(entries: Iterable[LedgerEntry], count: Callable[[LedgerEntry], int]) -> Mapping[str, int]:
    found: dict[str, int] = {}
    for entry in entries:
        if amount := count(entry):
            found[entry.backend] = found.get(entry.backend, 0) + amount
    return dict(sorted(found.items()))


def stages(entries: Iterable[LedgerEntry]) -> Mapping[str, Bill]:
    """One bill for each stage, in the order in which stages first spent something."""
    found: dict[str, list[LedgerEntry]] = {}
    for entry in sorted(entries, key=lambda e: e.at):
        found.setdefault(entry.stage, []).append(entry)
    return {stage: bill(spent) for stage, spent in found.items()}


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelCost:
    """What one model cost in one stage: cached tokens are part of the input, reasoning ones of the output."""

    stage: str
    model: str
    input: int
    cached: int
    output: int
    reasoning: int
    dollars: float


def model_costs(entries: Iterable[LedgerEntry]) -> tuple[ModelCost, ...]:
    """One row for each stage and model that read or wrote anything, in the order in which they first did."""
    found: dict[tuple[str, str], list[LedgerEntry]] = {}
    for entry in sorted(entries, key=lambda e: e.at):
        if tokens(entry):
            found.setdefault((entry.stage, entry.backend), []).append(entry)
    return tuple(
        ModelCost(
            stage=stage,
            model=model,
            input=sum(e.tokens_input for e in spent),
            cached=sum(e.tokens_cached for e in spent),
            output=sum(e.tokens_output for e in spent),
            reasoning=sum(e.tokens_reasoning for e in spent),
            dollars=sum(e.dollars for e in spent),
        )
        for (stage, model), spent in found.items()
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Nth:
    """The n-th incident of a family, what it cost, and whether the answer was right where truth is known."""

    n: int
    incident_id: str
    service: str | None
    skill: str | None
    bill: Bill
    outcome: Outcome | None
    right: bool | None
    human: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class FamilyCost:
    """How the cost of a family falls: exponent b of cost_n = c1 n^-b, None with fewer than three points."""

    family: str
    incidents: tuple[Nth, ...]
    queries_exponent: float | None
    tokens_exponent: float | None
    tokens_first: float | None  # median of the first fifth
    tokens_last: float | None  # median of the last fifth
    accuracy: float | None

    @property
    def events(self) -> tuple[str, ...]:
        """The incidents behind the figures."""
        return tuple(nth.incident_id for nth in self.incidents)


def costs_by_family(history: History) -> tuple[FamilyCost, ...]:
    """The cost of each incident of each family in order, with backend load beside model cost."""
    return tuple(_family(name, incidents, history) for name, incidents in history.families().items())


def _family(name: str, incidents: Sequence[Incident], history: History) -> FamilyCost:
    spent: dict[str, list[LedgerEntry]] = {incident.id: [] for incident in incidents}
    for entry in history.costs:
        if entry.incident_id in spent:
            spent[entry.incident_id].append(entry)
    nths = tuple(_nth(n, i, bill(spent[i.id]), history) for n, i in enumerate(incidents, start=1))
    judged = [nth.right for nth in nths if nth.right is not None]
    used = [nth.bill.all_tokens for nth in nths]
    fifth = max(1, len(used) // 5)
    return FamilyCost(
        family=name,
        incidents=nths,
        queries_exponent=exponent([nth.bill.all_queries for nth in nths]),
        tokens_exponent=exponent(used),
        tokens_first=median(used[:fifth]) if used else None,
        tokens_last=median(used[-fifth:]) if used else None,
        accuracy=sum(judged) / len(judged) if judged else None,
    )


def _nth(n: int, incident: Incident, spent: Bill, history: History) -> Nth:
    truth = history.truths.get(incident.id)
    return Nth(
        n=n,
        incident_id=incident.id,
        service=incident.service,
        skill=incident.skill,
        bill=spent,
        outcome=incident.outcome,
        right=truth.right if truth else None,
        human=bool(history.human_events(incident)),
    )


FEWEST = 3
"""Points below which no curve is claimed."""


def exponent(costs: Sequence[float]) -> float | None:
    """How fast the n-th cost falls: the least-squares slope of log(1 + cost) over log n, negated."""
    if len(costs) < FEWEST:
        return None
    places = np.log(np.arange(1, len(costs) + 1))
    logs = np.array([math.log1p(cost) for cost in costs])
    centered = places - places.mean()
    return -float((centered * (logs - logs.mean())).sum() / (centered**2).sum())
