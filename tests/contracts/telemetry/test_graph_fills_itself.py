"""The graph fills itself from what vendors really send, over HTTP, and from a real git repository."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest

from autoheal.domain.fact import Fact, NodeKind, Relation, urn
from autoheal.graph.sync import Connected, Sync
from autoheal.integrations.git.changes import GitChanges
from autoheal.integrations.git.forge import GitForge
from autoheal.integrations.jaeger.config import JaegerSettings
from autoheal.integrations.memory.graph import MemoryGraph
from autoheal.integrations.memory.machine import MemoryClock
from autoheal.integrations.prometheus.config import PrometheusSettings

Answer = tuple[int, bytes]
Backend = Callable[[str, str, bytes, dict[str, str]], Answer]
Serve = Callable[[Backend], str]

NOW = datetime(2026, 11, 20, 14, 15, tzinfo=UTC)
TARGETS = {"job": "shop/checkout", "instance": "10.2.3.4:8080", "k8s_deployment_name": "checkout-v2"}
ENVIRONMENT = {
    "PATH": os.defpath,
    "HOME": "/nonexistent",
    "GIT_CONFIG_GLOBAL": "/dev/null",
    "GIT_CONFIG_NOSYSTEM": "1",
    **dict.fromkeys(("GIT_AUTHOR_NAME", "GIT_COMMITTER_NAME"), "Dana"),
    **dict.fromkeys(("GIT_AUTHOR_EMAIL", "GIT_COMMITTER_EMAIL"), "dana@example.com"),
    **dict.fromkeys(("GIT_AUTHOR_DATE", "GIT_COMMITTER_DATE"), "2026-11-20T13:00:00Z"),
}


def git(folder: Path, *arguments: str) -> str:
    done = subprocess.run(
        ["git", *arguments], cwd=folder, env=ENVIRONMENT, capture_output=True, text=True, check=True
    )
    return done.stdout.strip()


def committed(folder: Path, path: str, text: str, message: str) -> str:
    target = folder / path
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_text(text)
    git(folder, "add", "-A")
    git(folder, "commit", "-q", "-m", message)
    return git(folder, "rev-parse", "HEAD")


def backend_of(samples: Path) -> Backend:
    """A Prometheus and a Jaeger that answer what the samples hold."""

    def backend(_: str, path: str, body: bytes, __: dict[str, str]) -> Answer:
        url = urlsplit(path)
        asked = parse_qs(url.query) | parse_qs(body.decode())
        if url.path == "/api/dependencies":
            return 200, (samples / "jaeger_dependencies.json").read_bytes()
        if url.path == "/api/v1/rules":
            return 200, (samples / "prometheus_rules.json").read_bytes()
        if asked["query"] == ["target_info"]:
            found = {"resultType": "vector", "result": [{"metric": TARGETS, "value": [1, "1"]}]}
            return 200, json.dumps({"status": "success", "data": found}).encode()
        return 200, (samples / "prometheus_service_graph_query.json").read_bytes()

    return backend


class World:
    """A repository, a graph, and the sources that fill it."""

    def __init__(self, folder: Path, url: str, samples: Path) -> None:
        self.shop = folder / "shop"
        self.shop.mkdir()
        git(self.shop, "init", "-q", "--initial-branch=main")
        entities = json.loads((samples / "backstage_catalog_entities.json").read_text())
        catalog = "\n---\n".join(json.dumps(entity, indent=2) for entity in entities)
        committed(self.shop, "catalog-info.yaml", catalog, "Describe the shop")
        committed(self.shop, "CODEOWNERS", "* @acme/platform\n/services/cart/ @dana\n", "Own it")
        self.graph = MemoryGraph()
        forge = GitForge({"shop": self.shop}, folder / "scratch")
        connected = Connected(
            metrics=PrometheusSettings.model_validate({"url": url}).open(),
            traces=JaegerSettings.model_validate({"url": url}).open(),
            changes=[GitChanges(forge=forge, repository="shop")],
            forge=forge,
            repositories=["shop"],
        )
        self.sync = Sync(
            graph=self.graph, clock=MemoryClock(at=NOW), connected=connected, retire_after=timedelta(days=14)
        )

    def run(self) -> None:
        """One round."""
        assert [taken.problem for taken in self.sync.run() if taken.problem] == []

    def said(self, relation: Relation) -> set[str]:
        """What is believed of one relation."""
        return {fact.statement for fact in self.graph.facts(relation=relation)}

    def one(self, statement: str) -> Fact:
        """The fact that says so."""
        (found,) = [fact for fact in self.graph.facts() if fact.statement == statement]
        return found


@pytest.fixture
def world(tmp_path: Path, serve: Serve, samples: Path) -> World:
    return World(tmp_path, serve(backend_of(samples)), samples)


@pytest.mark.criterion(44)
@pytest.mark.criterion(45)
def test_calls_owners_rules_and_names_come_from_what_vendors_send(world: World) -> None:
    world.run()
    calls = world.said(Relation.CALLS)
    assert {"frontend calls checkout", "checkout calls orders-db", "checkout calls orders-events"} <= calls
    assert not any(statement.startswith("user ") for statement in calls)
    assert world.said(Relation.MONITORS) == {
        "CheckoutHighErrorRate watches checkout",
        "DBPoolSaturated watches checkout",
    }
    assert world.one("checkout depends on orders-db").provenance[0].method == "declared"
    assert {
        "checkout is owned by payments",
        "shop is owned by platform",
        "cart is owned by dana",
    } <= world.said(Relation.OWNED_BY)
    checkout = urn(NodeKind.SERVICE, "checkout")
    for scheme, value in (
        ("k8s.deployment", "checkout"),
        ("k8s.deployment", "checkout-v2"),
        ("instance", "10.2.3.4:8080"),
        ("github.repo", "acme/checkout"),
        ("pagerduty.service", "PSVCHK1"),
        ("sentry.project", "checkout"),
        ("argocd.app", "checkout"),
    ):
        assert world.graph.resolve(scheme, value) == checkout
    payments = world.graph.node(urn(NodeKind.TEAM, "payments"))
    assert payments is not None
    assert payments.title == "Payments"
    assert {"dana is a member of payments", "lin-wu is a member of payments"} <= world.said(
        Relation.MEMBER_OF
    )
    assert "payments is part of engineering" in world.said(Relation.PART_OF)


def test_each_fact_names_the_input_it_was_read_from_and_what_read_it(world: World) -> None:
    world.run()
    head = git(world.shop, "rev-parse", "HEAD")[:12]
    read = {
        "checkout depends on orders-db": (f"shop/catalog-info.yaml@{head}", "backstage@1"),
        "cart is owned by dana": (f"shop/CODEOWNERS@{head}", "codeowners@1"),
        "checkout calls orders-db": (f"calls until {NOW.isoformat()}", "service-graph@1"),
    }
    for statement, (reference, extractor) in read.items():
        said = world.one(statement).provenance[0]
        assert (said.reference, said.extractor) == (reference, extractor)
    assert all(said.extractor for fact in world.graph.facts() for said in fact.provenance)


@pytest.mark.criterion(44)
def test_merged_and_squashed_pull_requests_appear_with_what_they_brought(world: World) -> None:
    squashed = committed(world.shop, "services/cart/a.py", "1", "Speed the cart up (#41)")
    git(world.shop, "checkout", "-q", "-b", "topic")
    brought = committed(world.shop, "services/cart/b.py", "2", "Cache prices")
    git(world.shop, "checkout", "-q", "main")
    git(world.shop, "merge", "-q", "--no-ff", "-m", "Merge pull request #42 from acme/topic", "topic")
    github = git(world.shop, "rev-parse", "HEAD")
    git(world.shop, "checkout", "-q", "-b", "other")
    committed(world.shop, "services/cart/c.py", "3", "Warm prices up")
    git(world.shop, "checkout", "-q", "main")
    message = "Merge branch 'other' into 'main'\n\nWarm prices up\n\nSee merge request acme/shop!43"
    git(world.shop, "merge", "-q", "--no-ff", "-m", message, "other")
    gitlab = git(world.shop, "rev-parse", "HEAD")
    world.run()

    def contained(number: int) -> set[str]:
        found = world.graph.facts(subject=urn(NodeKind.CHANGE, f"git:shop#{number}"))
        return {fact.object.rpartition("/")[2] for fact in found if fact.relation is Relation.CONTAINS}

    assert contained(41) == {squashed}
    assert contained(42) == {github, brought}
    assert gitlab in contained(43)
    assert len(contained(43)) == 2
    changed = world.graph.facts(relation=Relation.CHANGED, object=urn(NodeKind.SERVICE, "cart"))
    assert {squashed, github, gitlab} <= {fact.subject.rpartition("/")[2] for fact in changed}
