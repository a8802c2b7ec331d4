"""What telemetry and changes tell: calls, deploys, commits, pull requests, what alert rules watch. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime

from autoheal.domain.change import Change, ChangeKind, pull_request_of
from autoheal.domain.evidence import Row
from autoheal.domain.fact import Method, Node, NodeKind, Relation
from autoheal.graph.told import Telling, Told
from autoheal.ports.telemetry import AlertRule

SERVICE_GRAPH = (
    "sum by (client, server, connection_type) (increase(traces_service_graph_request_total[1h])) > 0"
)
"""As Tempo, Alloy and the OpenTelemetry Collector write it."""
_LABEL = re.compile(r'(\w+)="((?:[^"\\]|\\.)*)"')
TARGETS = "target_info"
_RESOURCE = {
    "instance": "instance",
    "k8s_deployment_name": "k8s.deployment",
    "k8s_statefulset_name": "k8s.statefulset",
    "k8s_daemonset_name": "k8s.daemonset",
    "k8s_cronjob_name": "k8s.cronjob",
    "k8s_pod_name": "k8s.pod",
}
"""Resource attributes that name one service; a node or a cluster carries many."""
_OUTSIDE = {"database": "database", "messaging_system": "queue", "virtual_node": "third_party"}
_NOBODY = "user"
"""How an uninstrumented caller is called: no service of ours."""
_SELECTOR = re.compile(
    r'\b(?:service|service_name|app|application|deployment|job)\s*=~?\s*"\(?([\w.|-]{1,500})\)?"'
)
"""Names that an expression asks for, also several as alternatives; any other pattern names nobody."""
PULL_REQUEST = "pull_request"
"""What a change is that a forge reviewed."""
_SERVICE_LABELS = ("service", "service_name", "app")


def traced_calls(calls: Iterable[tuple[str, str]], *, source: str, at: datetime) -> Told:
    """Who was seen calling whom."""
    reference = f"calls until {at.isoformat()}"
    telling = Telling(source=source, method=Method.OBSERVED, at=at, extractor="traces@1", reference=reference)
    for caller, callee in sorted(set(calls)):
        one, other = (telling.node(NodeKind.SERVICE, name) for name in (caller, callee))
        telling.fact(one, Relation.CALLS, other, f"{caller} calls {callee}")
    return telling.told()


def graphed_calls(rows: Iterable[Row], *, source: str, at: datetime) -> Told:
    """The same from service-graph metrics, with databases, queues and third parties as what they are."""
    reference = f"calls until {at.isoformat()}"
    telling = Telling(
        source=source, method=Method.OBSERVED, at=at, extractor="service-graph@1", reference=reference
    )
    for row in rows:
        labels = dict(_LABEL.findall(row.text))
        client, server = labels.get("client", ""), labels.get("server", "")
        if not client or not server or client == _NOBODY:
            continue
        kind = _OUTSIDE.get(labels.get("connection_type", ""), "")
        one = telling.node(NodeKind.SERVICE, client)
        other = (
            telling.node(NodeKind.RESOURCE, server, attributes={"type": kind})
            if kind
            else telling.node(NodeKind.SERVICE, server)
        )
        telling.fact(one, Relation.CALLS, other, f"{client} calls {server}")
    return telling.told()


def targets(rows: Iterable[Row], *, source: str, at: datetime) -> Told:
    """Under which names the parts of a service go elsewhere, by its OpenTelemetry resource attributes.

    `target_info` carries them where metrics come by OpenTelemetry: job is `namespace/name` of the service
    (opentelemetry.io/docs/specs/otel/compatibility/prometheus_and_openmetrics).
    """
    telling = Telling(source=source, method=Method.OBSERVED, at=at, extractor="target-info@1")
    for row in rows:
        labels = dict(_LABEL.findall(row.text))
        # What a backend takes for the entity of a row is no longer among its labels.
        name = (labels.get("service_name") or row.entity or labels.get("job", "")).rpartition("/")[2]
        if not name or "instance" not in labels:
            continue
        version = labels.get("service_version", "")
        service = telling.node(NodeKind.SERVICE, name, attributes={"version": version})
        telling.alias("otel.service.name", name, service)
        for label, scheme in _RESOURCE.items():
            telling.alias(scheme, labels.get(label, ""), service)
    return telling.told()


def told_changes(changes: Iterable[Change], *, source: str, at: datetime) -> Told:
    """Deploys, commits, pull requests and settings with what they changed; titles are anybody's words."""
    telling = Telling(source=source, method=Method.OBSERVED, at=at, extractor="changes@1")
    for change in changes:
        telling.reference = f"change {change.id}"
        node = change_node(change, telling)
        since = datetime.fromtimestamp(change.time, tz=UTC)
        if change.entity:
            service = telling.node(NodeKind.SERVICE, change.entity)
            said = f"{change.kind} {change.id} changed {change.entity}"
            telling.fact(node, Relation.CHANGED, service, said, since=since)
        if change.commit and change.commit != change.id:
            commit = telling.node(NodeKind.CHANGE, change.commit, attributes={"kind": ChangeKind.COMMIT})
            said = f"{change.kind} {change.id} brought commit {change.commit[:12]}"
            telling.fact(node, Relation.CONTAINS, commit, said, since=since)
        _reviewed(change, node, telling, since)
    return telling.told()


def _reviewed(change: Change, node: Node, telling: Telling, since: datetime) -> None:
    """The pull request that a commit came from, with all that it brought."""
    number = change.pull_request or pull_request_of(change.title)
    if not number:
        return
    name = f"{telling.source}#{number}"
    request = telling.node(NodeKind.CHANGE, name, attributes={"kind": PULL_REQUEST})
    said = f"pull request {number} of {telling.source} brought"
    telling.fact(request, Relation.CONTAINS, node, f"{said} {change.id[:12]}", since=since)
    for key in change.brought:
        commit = telling.node(NodeKind.CHANGE, key, attributes={"kind": ChangeKind.COMMIT})
        telling.fact(request, Relation.CONTAINS, commit, f"{said} {key[:12]}", since=since)


def change_node(change: Change, telling: Telling) -> Node:
    """A change by its id, in our own words."""
    return telling.node(
        NodeKind.CHANGE,
        change.id,
        title=change.label,
        attributes={"kind": change.kind, "service": change.entity, "author": change.author},
    )


def watched(rules: Sequence[AlertRule], services: Iterable[str], *, source: str, at: datetime) -> Told:
    """Which alert rule watches which service: by its labels, else by what its expression selects."""
    telling = Telling(source=source, method=Method.DECLARED, at=at, extractor="alert-rules@1")
    known = {name.lower(): name for name in services}
    for rule in rules:
        telling.reference = f"rule {rule.name} in {rule.file}"
        node = telling.node(NodeKind.ALERT_RULE, rule.name, attributes={"file": rule.file})
        labelled = [rule.labels[label] for label in _SERVICE_LABELS if rule.labels.get(label)]
        named = [name for each in _SELECTOR.findall(rule.expression) for name in each.lower().split("|")]
        selected = [known[name] for name in named if name in known]
        for name in dict.fromkeys(labelled[:1] or selected):
            service = telling.node(NodeKind.SERVICE, known.get(name.lower(), name))
            telling.fact(node, Relation.MONITORS, service, f"{rule.name} watches {service.name}")
    return telling.told(whole=(Relation.MONITORS,))
