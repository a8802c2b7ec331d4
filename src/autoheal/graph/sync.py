"""Fills the graph from what is connected: traces, service graphs, changes, alert rules, repositories."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from autoheal.domain.catalog import TakenIn
from autoheal.domain.errors import AutohealError, UnreachableError
from autoheal.domain.evidence import Failed
from autoheal.domain.fact import NodeKind
from autoheal.graph import backstage, codeowners, observed
from autoheal.graph.take_in import Intake, retire
from autoheal.graph.told import Told
from autoheal.policy.masking import mask
from autoheal.ports.machine import Clock
from autoheal.ports.production import Forge
from autoheal.ports.stores import GraphStore
from autoheal.ports.telemetry import Changes, Metrics, Traces

CATALOG = "catalog-info.yaml"
_CALLS_LOOKBACK = 900.0
_FIRST_LOOKBACK = 30 * 86_400.0
_OVERLAP = 600.0
"""A change may be told some minutes late."""

Tell = Callable[[datetime], Told | None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Connected:
    """What the graph is filled from; repositories by name, the context repository not among them."""

    metrics: Metrics | None = None
    traces: Traces | None = None
    changes: Sequence[Changes] = ()
    forge: Forge | None = None
    repositories: Sequence[str] = ()


@dataclass(slots=True, kw_only=True)
class Sync:
    """Asks each source in turn; one that fails is named and holds up no other."""

    graph: GraphStore
    clock: Clock
    connected: Connected
    retire_after: timedelta
    _intake: Intake = field(init=False)
    _heads: dict[str, str] = field(default_factory=dict)
    _since: dict[str, float] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._intake = Intake(self.graph)

    def run(self) -> list[TakenIn]:
        """One round over all sources; what vanished is retired at the end."""
        now = self.clock.now()
        taken = [self._round(name, tell, now) for name, tell in self._sources()]
        gone = retire(self.graph, now=now, after=self.retire_after)
        return [
            *(one for one in taken if one),
            *([TakenIn(source="retired", nodes=len(gone))] if gone else []),
        ]

    def _round(self, name: str, tell: Tell, now: datetime) -> TakenIn | None:
        try:
            told = tell(now)
        except AutohealError as error:
            return TakenIn(source=name, problem=mask(str(error)))
        return self._intake.take_in(told, now=now) if told is not None else None

    def _sources(self) -> Iterator[tuple[str, Tell]]:
        given = self.connected
        if given.traces is not None:
            yield given.traces.name, self._traced
        if given.metrics is not None:
            yield f"{given.metrics.name}:service-graph", self._graphed
            yield f"{given.metrics.name}:rules", self._watched
        for changes in given.changes:
            yield changes.name, self._changed(changes)
        for name in given.repositories:
            yield f"{name}/{CATALOG}", self._file(name, (CATALOG,), backstage_of)
            yield f"{name}/CODEOWNERS", self._file(name, codeowners.PLACES, owners_of)

    def _traced(self, now: datetime) -> Told | None:
        traces = self.connected.traces
        if traces is None:
            return None
        calls = traces.calls(end=now.timestamp(), lookback=_CALLS_LOOKBACK)
        return observed.traced_calls(calls, source=traces.name, at=now)

    def _graphed(self, now: datetime) -> Told | None:
        metrics = self.connected.metrics
        if metrics is None:
            return None
        found = metrics.instant(observed.SERVICE_GRAPH, at=now.timestamp())
        source = f"{metrics.name}:service-graph"
        if isinstance(found.answer, Failed):
            raise UnreachableError(f"{source}: {found.answer.reason}")
        return observed.graphed_calls(found.rows, source=source, at=now)

    def _watched(self, now: datetime) -> Told | None:
        metrics = self.connected.metrics
        if metrics is None:
            return None
        services = [node.name for node in self.graph.nodes(NodeKind.SERVICE)]
        rules = metrics.alert_rules()
        return observed.watched(rules, services, source=f"{metrics.name}:rules", at=now)

    def _changed(self, changes: Changes) -> Tell:
        def tell(now: datetime) -> Told:
            end = now.timestamp()
            start = self._since.get(changes.name, end - _FIRST_LOOKBACK)
            told = changes.between(start=start, end=end)
            self._since[changes.name] = end - _OVERLAP
            return observed.told_changes(told, source=changes.name, at=now)

        return tell

    def _file(self, name: str, places: Sequence[str], parse: Callable[[str, str, datetime], Told]) -> Tell:
        """A file of a repository, read again when the repository has a new commit."""

        def tell(now: datetime) -> Told | None:
            forge = self.connected.forge
            key = f"{name}/{places[0]}"
            if forge is None or self._heads.get(key) == (head := forge.head(name)):
                return None
            texts = ((place, forge.read(name, place, at=head)) for place in places)
            found = next(((place, text) for place, text in texts if text is not None), None)
            # A file that is gone declares nothing any more.
            place = found[0] if found else places[0]
            told = parse(found[1] if found else "", name, now).read_from(f"{name}/{place}@{head[:12]}")
            self._heads[key] = head
            return told

        return tell


def backstage_of(text: str, repository: str, at: datetime) -> Told:
    """A repository's own catalog file."""
    file = f"{repository}/{CATALOG}"
    return backstage.catalog(text, file=file, source=file, at=at)


def owners_of(text: str, repository: str, at: datetime) -> Told:
    """A repository's CODEOWNERS."""
    return codeowners.owners(text, repository=repository, source=f"{repository}/CODEOWNERS", at=at)
