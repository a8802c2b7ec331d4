"""Intake over stores in memory and a small shop: what the tests of the alerts part stand on."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta

from autoheal.alerts.intake import Intake
from autoheal.alerts.settings import AlertSettings
from autoheal.domain.alert import Alert
from autoheal.domain.alert_group import AlertGroup
from autoheal.domain.fact import Fact, Method, Node, NodeKind, Provenance, Relation, urn
from autoheal.domain.incident import Incident, IncidentState, Outcome
from autoheal.integrations.alertmanager.alerts import AlertmanagerAlerts
from autoheal.integrations.generic.alerts import GenericAlerts
from autoheal.integrations.memory.alerts import MemoryAlerts
from autoheal.integrations.memory.graph import MemoryGraph
from autoheal.integrations.memory.incidents import MemoryIncidents
from autoheal.integrations.memory.machine import MemoryClock, MemoryIds
from autoheal.integrations.memory.runs import MemoryRuns
from autoheal.ports.runs import Json

T0 = datetime(2026, 11, 20, 14, 0, tzinfo=UTC)

CALLS = {
    "gateway": ("checkout", "search"),
    "checkout": ("cart", "orders-db"),
    "cart": ("orders-db",),
    "billing": ("orders-db",),
    "shipping": ("orders-db",),
    "returns": ("orders-db",),
    "stock": ("orders-db",),
    "search": ("search-index",),
}


def at(seconds: float) -> datetime:
    """An instant some seconds after the tests' zero."""
    return T0 + timedelta(seconds=seconds)


def shop_graph(calls: Mapping[str, Sequence[str]] = CALLS) -> MemoryGraph:
    """A graph of services that call each other; names that end in -db are resources."""
    graph = MemoryGraph()
    for name in {*calls, *(callee for callees in calls.values() for callee in callees)}:
        kind = NodeKind.RESOURCE if name.endswith("-db") else NodeKind.SERVICE
        graph.save_node(Node(urn=urn(kind, name), kind=kind, name=name))
    urns = {node.name: node.urn for node in graph.nodes()}
    for caller, callees in calls.items():
        for callee in callees:
            graph.assert_fact(relate(urns[caller], Relation.CALLS, urns[callee]))
    return graph


def relate(subject: str, relation: Relation, target: str) -> Fact:
    """A fact that was observed."""
    seen = Provenance(source="traces", method=Method.OBSERVED, asserted_at=T0, actor="test")
    return Fact(
        id=f"{subject} {relation} {target}",
        subject=subject,
        relation=relation,
        object=target,
        statement=f"{subject} {relation} {target}",
        recorded_at=T0,
        provenance=(seen,),
    )


def item(
    name: str,
    service: str | None,
    start: float,
    *,
    end: float | None = None,
    severity: str = "critical",
    **labels: str,
) -> dict[str, Json]:
    """One alert of an Alertmanager notification; resolved when it has an end; times in seconds after T0."""
    named = {"service": service} if service else {}
    return {
        "status": "firing" if end is None else "resolved",
        "labels": {"alertname": name, "severity": severity, **named, **labels},
        "annotations": {"summary": f"{name} is bad"},
        "startsAt": at(start).isoformat(),
        "endsAt": "0001-01-01T00:00:00Z" if end is None else at(end).isoformat(),
        "generatorURL": "",
    }


def notification(*items: dict[str, Json]) -> bytes:
    """A whole Alertmanager notification."""
    return json.dumps({"version": "4", "status": "firing", "alerts": list(items)}).encode()


@dataclass(slots=True, kw_only=True)
class Desk:
    """Intake with everything it touches, in memory."""

    settings: AlertSettings = field(default_factory=AlertSettings)
    graph: MemoryGraph = field(default_factory=shop_graph)
    incidents: MemoryIncidents = field(default_factory=MemoryIncidents)
    runs: MemoryRuns = field(default_factory=MemoryRuns)
    clock: MemoryClock = field(default_factory=lambda: MemoryClock(at=T0))
    ids: MemoryIds = field(default_factory=MemoryIds)
    alerts: MemoryAlerts = field(init=False)
    intake: Intake = field(init=False)

    def __post_init__(self) -> None:
        self.alerts = MemoryAlerts(is_closed=self.incidents.is_closed)
        self.intake = Intake(
            alerts=self.alerts,
            incidents=self.incidents,
            graph=self.graph,
            runs=self.runs,
            clock=self.clock,
            ids=self.ids,
            decoders={"alertmanager": AlertmanagerAlerts(), "generic": GenericAlerts()},
            settings=self.settings,
            environment="production",
        )

    def deliver(self, *items: dict[str, Json], seconds: float | None = None) -> str:
        """A notification that arrives so many seconds after T0."""
        if seconds is not None:
            self.clock.at = at(seconds)
        return self.intake.receive("alertmanager", notification(*items))

    def post(self, document: Json, seconds: float | None = None) -> str:
        """A plain JSON delivery."""
        if seconds is not None:
            self.clock.at = at(seconds)
        return self.intake.receive("generic", json.dumps(document).encode())

    def settle(self, incident: Incident, state: IncidentState, outcome: Outcome, seconds: float) -> None:
        """End an incident, as the healing run would."""
        mitigated = at(seconds) if outcome is Outcome.MITIGATED_BY_US else None
        closed = at(seconds) if state is IncidentState.CLOSED else None
        self.incidents.save(
            replace(incident, state=state, outcome=outcome, mitigated_at=mitigated, closed_at=closed)
        )

    @property
    def all_incidents(self) -> list[Incident]:
        """Oldest first."""
        return sorted(self.incidents.list(), key=lambda incident: incident.id)

    @property
    def groups(self) -> list[AlertGroup]:
        """The group of each incident, oldest first."""
        return [self.alerts.group_of_incident(incident.id) for incident in self.all_incidents]

    @property
    def stored(self) -> list[Alert]:
        """Every occurrence."""
        return list(self.alerts.alerts(since=datetime(2000, 1, 1, tzinfo=UTC)))
