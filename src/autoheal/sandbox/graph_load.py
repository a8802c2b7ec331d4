"""How fast the graph is on a database at a size, beside an in-memory graph of rustworkx as the limit."""

from __future__ import annotations

import gc
import importlib
import importlib.util
import random
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import islice
from pathlib import Path
from typing import Protocol, cast

from autoheal.domain.fact import Fact, Method, Node, NodeKind, Provenance, Relation, urn
from autoheal.graph.retrieve import Clue, exact, retrieve
from autoheal.integrations.database.database import Database
from autoheal.ports.stores import GraphStore

_START = datetime(2026, 1, 1, tzinfo=UTC)
_NOW = _START + timedelta(days=30)
_BATCH = 5_000
_WARM = 50
_MODES = 200
_TOPOLOGY = (Relation.CALLS, Relation.CHANGED, Relation.OWNED_BY)
_MILLISECONDS = 1_000.0


class Limit(Protocol):
    """What is asked of the in-memory graph."""

    def extend_from_edge_list(self, edges: list[tuple[int, int]]) -> None:
        """Take in all edges."""
        ...

    def neighbors(self, node: int) -> list[int]:
        """Who is next to a node."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Load:
    """A graph as production has it: services that call each other, changes, incidents with lessons."""

    nodes: int
    edges: int
    seed: int = 7

    def services(self) -> int:
        """Half of the nodes; the others are changes, incidents, teams and failure modes."""
        return max(self.nodes // 2, 10)

    def pairs(self) -> Iterator[tuple[int, int]]:
        """Seven calls in ten go anywhere, three to the nearest neighbors; a few services are much called."""
        dice, services = random.Random(self.seed), self.services()
        while True:
            caller = dice.randrange(services)
            near = dice.random() < 0.3  # noqa: PLR2004  said above
            callee = (
                (caller + dice.randrange(1, 20)) % services if near else int(services * dice.random() ** 1.2)
            )
            if caller != callee:
                yield caller, callee

    def facts(self) -> Iterator[Fact]:
        """So many facts; six in ten are calls."""
        dice, services, pairs = random.Random(self.seed + 1), self.services(), self.pairs()
        others = max(self.nodes - services, 10)
        for number in range(self.edges):
            turn = number % 10
            at = _START + timedelta(seconds=number % 2_000_000)
            if turn < 6:  # noqa: PLR2004  said above
                caller, callee = next(pairs)
                yield _fact(number, (_service(caller), Relation.CALLS, _service(callee)), at)
            elif turn < 8:  # noqa: PLR2004  two in ten are changes
                change = urn(NodeKind.CHANGE, f"d{dice.randrange(others)}")
                yield _fact(number, (change, Relation.CHANGED, _service(dice.randrange(services))), at)
            else:
                yield _lesson(number, dice.randrange(others), at)


def _lesson(number: int, incident: int, at: datetime) -> Fact:
    this = urn(NodeKind.INCIDENT, f"inc{incident}")
    mode = urn(NodeKind.FAILURE_MODE, f"mode{incident % _MODES}")
    if number % 20 == 9:  # noqa: PLR2004  one in ten of these is a lesson, the others incidents
        return _fact(number, (mode, Relation.MITIGATED_BY, urn(NodeKind.ACTION, f"act{number % 7}")), at)
    if number % 2:
        return _fact(number, (this, Relation.INSTANCE_OF, mode), at)
    return _fact(number, (this, Relation.SHOWED, urn(NodeKind.SYMPTOM, f"alert{incident % 500}")), at)


def _service(number: int) -> str:
    return urn(NodeKind.SERVICE, f"service{number}")


def _fact(number: int, triple: tuple[str, Relation, str], at: datetime) -> Fact:
    subject, relation, target = triple
    said = Provenance(source="bench", method=Method.DECLARED, asserted_at=at, actor="autoheal")
    words = f"{subject.rpartition('/')[2]} {relation.lower()} {target.rpartition('/')[2]}"
    return Fact(
        id=f"f{number}",
        subject=subject,
        relation=relation,
        object=target,
        statement=words,
        recorded_at=at,
        valid_from=at,
        provenance=(said,),
    )


def measure(load: Load, *, url: str | None = None, samples: int = 300) -> dict[str, object]:
    """Ingest a graph of this size and time the questions of an incident; milliseconds, facts per second."""
    with tempfile.TemporaryDirectory(prefix="autoheal-graph-") as folder:
        address = url or f"sqlite:///{Path(folder) / 'graph.db'}"
        database = Database(address, now=lambda: _NOW, new_id=str)
        database.migrate()
        try:
            ingested, of_processor = _ingest(database.graph, load)
            gc.collect()
            gc.freeze()  # as `autoheal serve` does
            questions = _questions(database.graph, load)
            figures = {name: _timed(ask, samples) for name, ask in questions.items()}
        finally:
            gc.unfreeze()
            database.close()
    memory = limit(load, samples)
    return {
        "nodes": load.nodes,
        "edges": load.edges,
        "database": address.partition(":")[0],
        "ingest_per_second": round(ingested),
        "ingest_per_processor_second": round(of_processor),
        **figures,
        "rustworkx_two_hops": memory,
        "two_hops_to_rustworkx": {name: ratio(figures["two_hops"], memory, name) for name in ("p50", "p99")},
    }


def ratio(ours: dict[str, float], memory: dict[str, float] | None, name: str) -> float | None:
    """How many times as long as the in-memory graph; None without one, or where it took no time at all."""
    return round(ours[name] / memory[name], 1) if memory and memory[name] else None


def _ingest(graph: GraphStore, load: Load) -> tuple[float, float]:
    """Facts per second of the clock and of our own processor time, which another program cannot take."""
    graph.save_nodes(
        Node(urn=_service(n), kind=NodeKind.SERVICE, name=f"service{n}") for n in range(load.services())
    )
    facts, took, worked = load.facts(), 0.0, 0.0
    while batch := list(islice(facts, _BATCH)):
        began, busy = time.perf_counter(), time.process_time()
        graph.assert_facts(batch)
        took += time.perf_counter() - began
        worked += time.process_time() - busy
    return load.edges / took, load.edges / worked


def _questions(graph: GraphStore, load: Load) -> dict[str, Callable[[int], object]]:
    dice = random.Random(load.seed + 2)
    drawn = [dice.randrange(load.services()) for _ in range(4_096)]

    def clue(number: int) -> Clue:
        service = f"service{drawn[number % len(drawn)]}"
        symptom = f"alert{number % 500}"
        return Clue(
            services=[service], symptoms=[symptom], signature="", words=f"{symptom} {service}", began=_NOW
        )

    def two_hops(number: int) -> object:
        center = _service(drawn[number % len(drawn)])
        return graph.neighborhood(center, relations=_TOPOLOGY, hops=2, known_at=_NOW, true_at=_NOW)

    return {
        "exact_key": lambda number: exact(graph, clue(number)),
        "two_hops": two_hops,
        "text_search": lambda number: graph.search(clue(number).words, limit=20),
        "retrieval": lambda number: retrieve(graph, clue(number), now=_NOW),
    }


def _timed(ask: Callable[[int], object], samples: int) -> dict[str, float]:
    for number in range(_WARM):
        ask(number)
    took, worked = list[float](), list[float]()
    for number in range(_WARM, _WARM + samples):
        began, busy = time.perf_counter(), time.process_time()
        ask(number)
        worked.append((time.process_time() - busy) * _MILLISECONDS)
        took.append((time.perf_counter() - began) * _MILLISECONDS)
    return quantiles(took) | {f"processor_{name}": value for name, value in quantiles(worked).items()}


def quantiles(took: Sequence[float]) -> dict[str, float]:
    """The middle and the slowest of a hundred, in milliseconds."""
    ordered = sorted(took)
    at = {"p50": 0.5, "p99": 0.99}
    return {name: round(ordered[min(int(len(ordered) * q), len(ordered) - 1)], 3) for name, q in at.items()}


def limit(load: Load, samples: int) -> dict[str, float] | None:
    """The same two hops in memory, without history or sources; None where rustworkx is not installed."""
    if importlib.util.find_spec("rustworkx") is None:
        return None
    made = importlib.import_module("rustworkx").PyGraph()
    graph = cast("Limit", made)
    graph.extend_from_edge_list(list(islice(load.pairs(), load.edges)))
    dice, services = random.Random(load.seed + 2), load.services()

    def two_hops(_: int) -> object:
        near = graph.neighbors(dice.randrange(services))
        return {far for each in near for far in graph.neighbors(each)}

    return _timed(two_hops, samples)
