"""Which service an alert speaks of: by its labels, else by what the graph knows, else unknown."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from autoheal.domain.alert import Alert, Attribution
from autoheal.domain.fact import NodeKind, Relation, urn
from autoheal.ports.stores import GraphStore

UNKNOWN = Attribution(service=None, method="unknown", confidence=0.0)

_LABELS: tuple[tuple[str, float], ...] = (
    ("service", 0.95),
    ("service_name", 0.95),
    ("service.name", 0.95),
    ("app_kubernetes_io_name", 0.9),
    ("app.kubernetes.io/name", 0.9),
    ("app", 0.85),
    ("application", 0.85),
    ("deployment", 0.8),
    ("statefulset", 0.8),
    ("daemonset", 0.8),
    ("workload", 0.8),
)
"""Labels whose value is a service by their very meaning."""

_WEAK_LABELS: tuple[tuple[str, float], ...] = (
    ("component", 0.6),
    ("container", 0.5),
    ("target", 0.5),
    ("job", 0.5),
)
"""Labels that often name a service and often an exporter: believed when the graph knows the name."""

_IDENTITY_LABELS = (
    "instance",
    "pod",
    "host",
    "hostname",
    "node",
    "server",
    "database",
    "db",
    "pool",
    "queue",
)
"""Labels that name a thing whose service only the graph can tell."""

_SCHEMES: Mapping[str, tuple[str, ...]] = {
    "service": ("otel.service.name",),
    "service_name": ("otel.service.name",),
    "service.name": ("otel.service.name",),
    "deployment": ("k8s.deployment",),
    "statefulset": ("k8s.statefulset",),
    "daemonset": ("k8s.daemonset",),
    "pod": ("k8s.pod",),
}
"""Under which scheme the graph keeps what a label names."""

MAX_NAME = 200
"""Characters of a service name; more is no name, but somebody's attempt."""

_KNOWN_BONUS = 0.04
_SELECTOR = re.compile(r'\b(?:service|service_name|app|application|deployment|job)\s*=\s*"([^"]{1,200})"')
_CAMEL = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")


def by_labels(labels: Mapping[str, str]) -> Attribution:
    """What the labels alone say; a decoder knows no more."""
    for label, confidence in (*_LABELS, *_WEAK_LABELS):
        if labels.get(label, "").strip():
            service = labels[label].strip()[:MAX_NAME]
            return Attribution(service=service, method=f"label {label}", confidence=confidence)
    return UNKNOWN


def attribute(alert: Alert, known: KnownNames) -> Attribution:
    """The first answer, surest first; a weak label counts when the graph knows its value or is empty."""
    stated = _by_own_label(alert, known)
    if stated is not None:
        return stated
    for found in (_by_rule(alert, known), _by_expression(alert, known), _by_name(alert, known)):
        if found is not None:
            return found
    return alert.attribution if alert.attribution.service and not known.names else UNKNOWN


class KnownNames:
    """The services and resources of the graph, and the names that sources give them."""

    def __init__(self, graph: GraphStore) -> None:
        self.graph = graph
        nodes = [*graph.nodes(NodeKind.SERVICE), *graph.nodes(NodeKind.RESOURCE)]
        self.names = {node.urn: node.name for node in nodes}
        self.asked: dict[tuple[str, tuple[str, ...]], str | None] = {}
        self.by_name = {node.name.lower(): node.name for node in nodes}

    def name(self, value: str, schemes: tuple[str, ...]) -> str | None:
        """The graph's own name of what a source calls `value`; asked once for each."""
        if (value, schemes) not in self.asked:
            self.asked[value, schemes] = self._look_up(value, schemes)
        return self.asked[value, schemes]

    def _look_up(self, value: str, schemes: tuple[str, ...]) -> str | None:
        for spelled in dict.fromkeys((value, value.rsplit("/", 1)[-1])):
            if spelled.lower() in self.by_name:
                return self.by_name[spelled.lower()]
            found = (self.graph.resolve(scheme, spelled) for scheme in schemes)
            resolved = next((self.names[node] for node in found if node in self.names), None)
            if resolved is not None:
                return resolved
        return None


def _by_own_label(alert: Alert, known: KnownNames) -> Attribution | None:
    stated = alert.attribution
    for label, confidence in _stated_labels(alert):
        name = known.name(alert.labels[label].strip(), _schemes(label, alert))
        if name is not None:
            sure = min(confidence + _KNOWN_BONUS, 0.99)
            return Attribution(service=name, method=f"label {label}, known to the graph", confidence=sure)
    if stated.service is not None and not _is_weak(stated.method):
        return stated
    return _by_identity(alert, known)


def _schemes(label: str, alert: Alert) -> tuple[str, ...]:
    return (*_SCHEMES.get(label, ()), label, alert.source, "name")


def _stated_labels(alert: Alert) -> Iterator[tuple[str, float]]:
    return ((label, sure) for label, sure in (*_LABELS, *_WEAK_LABELS) if alert.labels.get(label, "").strip())


def _is_weak(method: str) -> bool:
    return method.removeprefix("label ") in {label for label, _ in _WEAK_LABELS}


def _by_identity(alert: Alert, known: KnownNames) -> Attribution | None:
    for label in _IDENTITY_LABELS:
        value = alert.labels.get(label, "").strip()
        name = known.name(value, _schemes(label, alert)) if value else None
        if name is not None:
            return Attribution(service=name, method=f"graph: alias of {label}", confidence=0.85)
    return None


def _by_rule(alert: Alert, known: KnownNames) -> Attribution | None:
    facts = known.graph.facts(subject=urn(NodeKind.ALERT_RULE, alert.name), relation=Relation.MONITORS)
    services = {known.names[fact.object] for fact in facts if fact.object in known.names}
    if len(services) != 1:
        return None
    return Attribution(service=services.pop(), method="graph: the alert rule monitors it", confidence=0.8)


def _by_expression(alert: Alert, known: KnownNames) -> Attribution | None:
    named = {known.name(value, ("name",)) for value in _SELECTOR.findall(alert.expression)} - {None}
    if len(named) != 1:
        return None
    return Attribution(service=named.pop(), method="graph: the expression selects it", confidence=0.75)


def _by_name(alert: Alert, known: KnownNames) -> Attribution | None:
    """A service whose name stands in the alert's name, when it is the only one."""
    words = "-".join(part for part in re.split(r"[^a-z0-9]+", _CAMEL.sub(" ", alert.name).lower()) if part)
    padded = f"-{words}-"
    hits = {name for spelled, name in known.by_name.items() if f"-{spelled.replace('_', '-')}-" in padded}
    longest = {name for name in hits if not any(name != other and name in other for other in hits)}
    if len(longest) != 1:
        return None
    return Attribution(service=longest.pop(), method="graph: the alert's name contains it", confidence=0.5)
