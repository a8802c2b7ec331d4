"""What telemetry and changes tell: calls, deploys, commits, pull requests, what alert rules watch. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime

from autoheal.domain.change import Change, ChangeKind
from autoheal.domain.evidence import Row
from autoheal.domain.fact import Method, Node, NodeKind, Relation
from autoheal.graph.told import Telling, Told
from autoheal.ports.telemetry import AlertRule

SERVICE_GRAPH = (
    "sum by (client, server, connection_type) (increase(traces_service_graph_request_total[1h])) > 0"
)
"""As Tempo, Alloy and the OpenTelemetry Collector write it."""
_LABEL = re.compile(r'(\w+)="((?:[^"\\]|\\.)*)"')
_OUTSIDE = {"database": "database", "messaging_system": "queue", "virtual_node": "third_party"}
_NOBODY = "user"
"""How an uninstrumented caller is called: no service of ours."""
_SELECTOR = re.compile(r'\b(?:service|service_name|app)\s*=\s*"([\w.-]{1,200})"')
_PULL = re.compile(r"\(#(\d{1,9})\)\s*$|^Merge pull request #(\d{1,9})\b|\(!(\d{1,9})\)\s*$")
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
        if pull := _PULL.search(change.title):
            number = next(filter(None, pull.groups()))
            request = telling.node(NodeKind.CHANGE, f"{source}#{number}", attributes={"kind": "pull_request"})
            said = f"pull request {number} of {source} brought {change.id[:12]}"
            telling.fact(request, Relation.CONTAINS, node, said, since=since)
    return telling.told()


def change_node(change: Change, telling: Telling) -> Node:
    """A change by its id, in our own words."""
    return telling.node(
        NodeKind.CHANGE,
        change.id,
        title=f"{change.kind} of {change.entity or 'a repository'}",
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
        selected = [
            known[name.lower()] for name in _SELECTOR.findall(rule.expression) if name.lower() in known
        ]
        for name in dict.fromkeys(labelled[:1] or selected):
            service = telling.node(NodeKind.SERVICE, known.get(name.lower(), name))
            telling.fact(node, Relation.MONITORS, service, f"{rule.name} watches {service.name}")
    return telling.told(whole=(Relation.MONITORS,))
