"""Who calls whom, as far as grouping needs it: which one node could explain several alarming services."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from autoheal.domain.fact import NodeKind, Relation
from autoheal.ports.stores import GraphStore


@dataclass(frozen=True, slots=True, kw_only=True)
class Topology:
    """Services by name with what each of them calls; a failure travels from the callee to the caller."""

    callees: Mapping[str, tuple[str, ...]]

    def below(self, service: str) -> dict[str, int]:
        """Everything the service needs, itself included, with the number of calls to it."""
        distance = {service: 0}
        waiting = deque([service])
        while waiting:
            caller = waiting.popleft()
            for callee in self.callees.get(caller, ()):
                if callee not in distance:
                    distance[callee] = distance[caller] + 1
                    waiting.append(callee)
        return distance

    def common(self, services: Iterable[str]) -> dict[str, int]:
        """Nodes that all the services need or are, with the distance of the farthest service."""
        reached = [self.below(service) for service in services]
        if not reached:
            return {}
        shared = set(reached[0]).intersection(*reached[1:])
        return {node: max(distance[node] for distance in reached) for node in shared}

    def origin(self, services: Iterable[str]) -> str | None:
        """The deepest common upstream: an alarming node before a silent one, then the nearest to all."""
        alarming = list(services)
        shared = self.common(alarming)
        if not shared:
            return None
        deepest = [node for node in shared if node in alarming]
        if deepest:
            return max(deepest, key=lambda node: (shared[node], node))
        return min(shared, key=lambda node: (shared[node], node))


def topology_of(graph: GraphStore) -> Topology:
    """The calls that the graph believes in now."""
    nodes = [*graph.nodes(NodeKind.SERVICE), *graph.nodes(NodeKind.RESOURCE)]
    names = {node.urn: node.name for node in nodes}
    callees: dict[str, list[str]] = {}
    for fact in graph.facts(relation=Relation.CALLS):
        caller, callee = (names.get(end, end.split("/", 1)[-1]) for end in (fact.subject, fact.object))
        callees.setdefault(caller, []).append(callee)
    return Topology(callees={caller: tuple(sorted(set(found))) for caller, found in callees.items()})
