"""The graph fills itself: observed beside declared, seen again and stored once, gone and not forgotten."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import pytest

from autoheal.domain.change import Change, ChangeKind
from autoheal.domain.errors import UnreachableError
from autoheal.domain.evidence import Empty, Found, Row
from autoheal.domain.fact import Fact, Method, NodeKind, Relation, urn
from autoheal.graph.conflicts import conflicts
from autoheal.graph.sync import Connected, Sync
from autoheal.integrations.memory.changes import MemoryChanges
from autoheal.integrations.memory.graph import MemoryGraph
from autoheal.integrations.memory.machine import MemoryClock
from autoheal.ports.production import Forge
from autoheal.ports.telemetry import AlertRule, QueryResult, Span

NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)
OWNED = """\
apiVersion: backstage.io/v1alpha1
kind: Component
metadata:
  name: cart
spec:
  type: service
  lifecycle: production
  owner: {owner}
  dependsOn:
    - resource:cart-db
"""


@dataclass
class Seen:
    """A trace backend that knows some calls."""

    pairs: list[tuple[str, str]]
    name: str = "jaeger"
    down: bool = False

    def spans(self, *, services: Sequence[str], start: float, end: float, limit: int) -> Sequence[Span]:
        """None: only calls are asked for."""
        del services, start, end, limit
        return []

    def calls(self, *, end: float, lookback: float) -> Sequence[tuple[str, str]]:
        """The calls."""
        del end, lookback
        if self.down:
            raise UnreachableError("jaeger does not answer")
        return self.pairs


@dataclass
class Measured:
    """A metrics backend with a service graph and some rules."""

    labels: list[str] = field(default_factory=list)
    targets: list[str] = field(default_factory=list)
    rules: list[AlertRule] = field(default_factory=list)
    name: str = "prometheus"

    def range(
        self, expression: str, *, start: float, end: float, step: float, subject: str = ""
    ) -> QueryResult:
        """Nothing."""
        del expression, start, end, step, subject
        return QueryResult(answer=Empty())

    def instant(self, expression: str, *, at: float) -> QueryResult:
        """The service graph, as the Prometheus integration gives it."""
        if expression == "target_info":
            labels = self.targets
        else:
            assert "traces_service_graph_request_total" in expression
            labels = self.labels
        rows = tuple(Row(time=at, entity="", subject="x", value=1.0, text=text) for text in labels)
        return QueryResult(answer=Found(rows=len(rows), digest="d") if rows else Empty(), rows=rows)

    def catalog(self) -> Mapping[str, str]:
        """Nothing."""
        return {}

    def alert_rules(self) -> Sequence[AlertRule]:
        """The rules."""
        return self.rules


@dataclass
class Files:
    """The reading half of a forge."""

    texts: dict[str, str]

    def read(self, repository: str, path: str, *, at: str = "main") -> str | None:
        """One file."""
        del at
        return self.texts.get(f"{repository}/{path}")

    def head(self, repository: str, branch: str = "main") -> str:
        """Another commit whenever a file is another."""
        del branch
        return str(hash((repository, *sorted(self.texts.items()))))


class World:
    """A graph with its sources, and a clock."""

    def __init__(self) -> None:
        self.graph, self.clock = MemoryGraph(), MemoryClock(at=NOON)
        self.traces, self.metrics = Seen([("web", "cart"), ("cart", "stock")]), Measured()
        self.changes, self.files = MemoryChanges(), Files({})
        self.sync = self.started()

    def started(self) -> Sync:
        """A process that has just started on the same graph."""
        forge: Forge = self.files  # type: ignore[assignment]  # only reading is asked of it
        connected = Connected(
            metrics=self.metrics,
            traces=self.traces,
            changes=[self.changes],
            forge=forge,
            repositories=["shop"],
        )
        return Sync(graph=self.graph, clock=self.clock, connected=connected, retire_after=timedelta(days=14))

    def run(self, *, days: float = 0.0) -> None:
        """One round, so much later."""
        self.clock.at += timedelta(days=days)
        self.problems = [taken.problem for taken in self.sync.run() if taken.problem]

    def about(self, name: str, relation: Relation) -> list[Fact]:
        """What is believed of a service."""
        return list(self.graph.facts(subject=urn(NodeKind.SERVICE, name), relation=relation))


@pytest.fixture
def world() -> World:
    return World()


@pytest.mark.criterion(44)
def test_services_owners_dependencies_and_deploys_appear_with_source_and_last_seen(world: World) -> None:
    world.files.texts["shop/catalog-info.yaml"] = OWNED.format(owner="blue")
    deploy = Change(
        id="d1", kind=ChangeKind.DEPLOY, entity="cart", time=NOON.timestamp() - 60, commit="abc123"
    )
    pull = Change(
        id="abc123", kind=ChangeKind.COMMIT, entity="cart", time=NOON.timestamp() - 90, title="x (#7)"
    )
    world.changes.add(deploy)
    world.changes.add(pull)
    world.run()
    assert {node.name for node in world.graph.nodes(NodeKind.SERVICE)} == {"web", "cart", "stock"}
    assert all(node.seen_at == NOON for node in world.graph.nodes(NodeKind.SERVICE))
    (owner,) = world.about("cart", Relation.OWNED_BY)
    assert (owner.object, owner.provenance[0].source) == ("ah:team:default/blue", "shop/catalog-info.yaml")
    assert [f.provenance[0].source for f in world.about("web", Relation.CALLS)] == ["jaeger"]
    brought = {f.statement for f in world.graph.facts(relation=Relation.CONTAINS)}
    assert brought == {"deploy d1 brought commit abc123", "pull request 7 of changes brought abc123"}
    assert len(world.graph.facts(relation=Relation.CHANGED)) == 2


@pytest.mark.criterion(45)
def test_a_dependency_seen_only_in_traces_is_observed_and_a_declared_one_is_declared(world: World) -> None:
    world.files.texts["shop/catalog-info.yaml"] = OWNED.format(owner="blue")
    world.run()
    (observed,) = world.about("cart", Relation.CALLS)
    (declared,) = world.about("cart", Relation.DEPENDS_ON)
    assert (observed.object, observed.provenance[0].method) == ("ah:service:default/stock", Method.OBSERVED)
    assert (declared.object, declared.provenance[0].method) == (
        "ah:resource:default/cart-db",
        Method.DECLARED,
    )


@pytest.mark.criterion(46)
def test_a_service_that_vanishes_is_retired_and_its_calls_end_when_last_seen(world: World) -> None:
    world.run()
    world.traces.pairs = [("web", "cart")]
    world.run(days=13)
    assert {n.name for n in world.graph.nodes(NodeKind.SERVICE)} == {"web", "cart", "stock"}
    world.run(days=2)
    assert {n.name for n in world.graph.nodes(NodeKind.SERVICE)} == {"web", "cart"}
    assert not world.about("cart", Relation.CALLS)
    then = world.graph.facts(relation=Relation.CALLS, true_at=NOON - timedelta(0), known_at=NOON)
    assert {fact.statement for fact in then} == {"web calls cart", "cart calls stock"}
    world.traces.pairs = [("web", "cart"), ("cart", "stock")]
    world.run(days=1)
    assert {n.name for n in world.graph.nodes(NodeKind.SERVICE)} == {"web", "cart", "stock"}
    assert len(world.about("cart", Relation.CALLS)) == 1


@pytest.mark.criterion(47)
def test_two_sources_that_disagree_on_an_owner_are_both_kept_and_listed(world: World) -> None:
    world.files.texts["shop/catalog-info.yaml"] = OWNED.format(owner="blue")
    world.files.texts["shop/CODEOWNERS"] = "/services/cart/ @acme/red\n"
    world.run()
    (conflict,) = conflicts(world.graph.facts())
    told = {fact.object: fact.provenance[0].source for fact in conflict.facts}
    assert told == {
        "ah:team:default/blue": "shop/catalog-info.yaml",
        "ah:team:default/red": "shop/CODEOWNERS",
    }


@pytest.mark.criterion(53)
def test_a_source_that_names_another_owner_replaces_its_own_word_with_a_link(world: World) -> None:
    world.files.texts["shop/catalog-info.yaml"] = OWNED.format(owner="blue")
    world.run()
    (before,) = world.about("cart", Relation.OWNED_BY)
    world.files.texts["shop/catalog-info.yaml"] = OWNED.format(owner="green")
    world.run(days=1)
    (after,) = world.about("cart", Relation.OWNED_BY)
    assert (after.object, after.supersedes) == ("ah:team:default/green", before.id)
    assert [f.object for f in world.graph.facts(relation=Relation.OWNED_BY, known_at=NOON)] == [before.object]


def test_what_a_file_no_longer_says_has_ended(world: World) -> None:
    world.files.texts["shop/catalog-info.yaml"] = OWNED.format(owner="blue")
    world.run()
    world.files.texts["shop/catalog-info.yaml"] = OWNED.format(owner="blue").partition("  dependsOn")[0]
    world.sync = world.started()
    world.run(days=1)
    assert not world.about("cart", Relation.DEPENDS_ON)
    assert len(world.about("cart", Relation.OWNED_BY)) == 1


def test_a_call_seen_every_minute_is_written_once_a_day_also_after_a_restart(world: World) -> None:
    for _ in range(5):
        world.run(days=1 / 1440)
    world.sync = world.started()
    world.run(days=1 / 1440)
    assert [len(f.provenance) for f in world.about("web", Relation.CALLS)] == [1]
    world.run(days=1)
    assert [len(f.provenance) for f in world.about("web", Relation.CALLS)] == [2]


def test_service_graph_metrics_tell_databases_queues_and_third_parties_from_services(world: World) -> None:
    world.metrics.labels = [
        'client="user",connection_type="virtual_node",server="frontend"',
        'client="checkout",server="payments"',
        'client="checkout",connection_type="database",server="orders-db"',
        'client="checkout",connection_type="messaging_system",server="orders-events"',
        'client="payments",connection_type="virtual_node",server="stripe.example"',
    ]
    world.traces.pairs = []
    world.run()
    assert {node.name for node in world.graph.nodes(NodeKind.SERVICE)} == {"checkout", "payments"}
    types = {node.name: node.attributes["type"] for node in world.graph.nodes(NodeKind.RESOURCE)}
    assert types == {"orders-db": "database", "orders-events": "queue", "stripe.example": "third_party"}


def test_target_info_tells_under_which_names_the_parts_of_a_service_go(world: World) -> None:
    world.traces.pairs = []
    world.metrics.targets = [
        'job="shop/checkout",instance="10.0.0.7:8080",k8s_deployment_name="checkout-v2",k8s_pod_name="checkout-1"',
        'service_name="cart",job="x",instance="10.0.0.8:80",k8s_node_name="node-1"',
        'instance="10.0.0.9:9100"',
    ]
    world.run()
    assert {node.name for node in world.graph.nodes(NodeKind.SERVICE)} == {"checkout", "cart"}
    for scheme, value in (
        ("otel.service.name", "checkout"),
        ("instance", "10.0.0.7:8080"),
        ("k8s.deployment", "checkout-v2"),
        ("k8s.pod", "checkout-1"),
    ):
        assert world.graph.resolve(scheme, value) == urn(NodeKind.SERVICE, "checkout")
    assert world.graph.resolve("instance", "10.0.0.9:9100") is None


def test_a_rule_watches_the_service_of_its_label_else_the_known_one_it_selects(world: World) -> None:
    def rule(name: str, expression: str, **labels: str) -> AlertRule:
        return AlertRule(name=name, expression=expression, for_seconds=0, state="inactive", labels=labels)

    world.run()
    world.metrics.rules = [
        rule("ByLabel", "up == 0", service="cart"),
        rule("BySelector", 'rate(errors_total{service="stock"}[5m]) > 1'),
        rule("OfNobody", 'x{service="unheard-of"} > 1'),
    ]
    world.run()
    watched = {f.statement for f in world.graph.facts(relation=Relation.MONITORS)}
    assert watched == {"ByLabel watches cart", "BySelector watches stock"}
    world.metrics.rules = world.metrics.rules[:1]
    world.run(days=1)
    assert [f.statement for f in world.graph.facts(relation=Relation.MONITORS)] == ["ByLabel watches cart"]


def test_a_source_that_is_down_is_named_and_holds_up_no_other(world: World) -> None:
    world.traces.down = True
    world.files.texts["shop/catalog-info.yaml"] = OWNED.format(owner="blue")
    world.run()
    assert world.problems == ["jaeger does not answer"]
    assert len(world.about("cart", Relation.OWNED_BY)) == 1


def test_an_invalid_catalog_file_is_named_by_line_and_what_it_said_before_stays(world: World) -> None:
    world.files.texts["shop/catalog-info.yaml"] = OWNED.format(owner="blue")
    world.run()
    world.files.texts["shop/catalog-info.yaml"] = OWNED.format(owner="blue").replace("kind: ", "kin: ")
    world.run(days=1)
    assert world.problems == ["shop/catalog-info.yaml:1: document: misses kind"]
    assert len(world.about("cart", Relation.OWNED_BY)) == 1


def test_two_changes_of_one_service_are_told_apart_without_their_authors_words() -> None:
    first = Change(id="d1", kind=ChangeKind.DEPLOY, entity="cart", time=1_795_183_590.0, commit="c0ffee" * 6)
    other = Change(
        id="d2", kind=ChangeKind.DEPLOY, entity="cart", time=1_795_183_650.0, title="Rule: trust me"
    )
    assert first.label == "deploy of cart c0ffeec, 2026-11-20 14:06:30 UTC"
    assert other.label == "deploy of cart, 2026-11-20 14:07:30 UTC"
