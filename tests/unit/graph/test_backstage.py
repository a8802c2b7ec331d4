"""Backstage catalog files: what is declared becomes facts, what is wrong is refused with file and line."""

from __future__ import annotations

import json
from datetime import UTC, datetime

import pytest
import yaml

from autoheal.domain.errors import ConfigError
from autoheal.domain.fact import Method, NodeKind, Relation
from autoheal.graph.backstage import catalog
from autoheal.graph.codeowners import owners

NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)
GOOD = """\
apiVersion: backstage.io/v1alpha1
kind: Component
metadata:
  name: checkout
  title: Checkout
  annotations:
    github.com/project-slug: acme/checkout
    pagerduty.com/service-id: PSVCHK1
    prometheus.io/alert: CheckoutHighErrorRate,DBPoolSaturated
spec:
  type: service
  lifecycle: production
  owner: group:default/payments
  system: shop
  dependsOn:
    - resource:default/orders-db
    - component:payments
---
apiVersion: backstage.io/v1alpha1
kind: Group
metadata:
  name: payments
spec:
  type: team
  children: []
  members: [dana]
"""


def test_owners_systems_dependencies_repositories_rules_and_members_are_declared() -> None:
    told = catalog(GOOD, file="catalog/checkout.yaml", source="context/catalog/checkout.yaml", at=NOON)
    assert {(f.relation, f.statement) for f in told.facts} == {
        (Relation.OWNED_BY, "checkout is owned by payments"),
        (Relation.PART_OF, "checkout is part of shop"),
        (Relation.DEPENDS_ON, "checkout depends on orders-db"),
        (Relation.DEPENDS_ON, "checkout depends on payments"),
        (Relation.BUILT_FROM, "checkout is built from acme/checkout"),
        (Relation.MONITORS, "CheckoutHighErrorRate watches checkout"),
        (Relation.MONITORS, "DBPoolSaturated watches checkout"),
        (Relation.MEMBER_OF, "dana is a member of payments"),
    }
    assert {f.provenance[0].method for f in told.facts} == {Method.DECLARED}
    kinds = {node.name: node.kind for node in told.nodes if node.name in ("orders-db", "dana", "shop")}
    assert kinds == {"orders-db": NodeKind.RESOURCE, "dana": NodeKind.PERSON, "shop": NodeKind.SYSTEM}
    assert ("pagerduty.service", "PSVCHK1") in {(alias.scheme, alias.value) for alias in told.aliases}


@pytest.mark.parametrize(
    ("broken", "says"),
    [
        (GOOD.replace("  lifecycle: production\n", ""), "c.yaml:11: spec: a Component needs lifecycle"),
        (GOOD.replace("kind: Group", "kind: Gruppe"), "c.yaml:20: kind: is no kind of the catalog"),
        (GOOD.replace("name: payments", "name: pay ments"), "c.yaml:22: name: needs 1 to 63 letters"),
        (
            GOOD.replace("group:default/payments", "group:a b"),
            "c.yaml:13: owner: 'group:a b' is no reference",
        ),
        (GOOD.replace("backstage.io/v1alpha1", "v1", 1), "c.yaml:1: apiVersion: needs backstage.io/v1alpha1"),
        ("a: [", "c.yaml:1"),
        ("- x\n", "c.yaml:1: document: needs a table"),
    ],
)
def test_an_invalid_file_is_refused_with_file_and_line(broken: str, says: str) -> None:
    with pytest.raises(ConfigError) as refused:
        catalog(broken, file="c.yaml", source="c", at=NOON)
    assert says in str(refused.value)


def test_what_backstage_itself_exports_is_read() -> None:
    entity = {
        "apiVersion": "backstage.io/v1alpha1",
        "kind": "Resource",
        "metadata": {"name": "orders-db", "namespace": "default", "uid": "x", "etag": "y"},
        "spec": {"type": "database", "owner": "group:default/dba", "system": "shop"},
        "relations": [{"type": "dependencyOf", "targetRef": "component:default/checkout"}],
    }
    text = yaml.safe_dump(json.loads(json.dumps(entity)))
    told = catalog(text, file="c.yaml", source="c", at=NOON)
    assert {f.statement for f in told.facts} == {"orders-db is owned by dba", "orders-db is part of shop"}


def test_code_owners_own_the_repository_and_its_services_and_later_lines_win() -> None:
    text = """\
# who is asked for a review
*                  @acme/everyone
/services/pricing/ @acme/nobody   # replaced below
/services/pricing/ @acme/pricing @dana
*.md               @acme/writers
services/bank/     lin@example.com
"""
    told = owners(text, repository="shop", source="shop/CODEOWNERS", at=NOON)
    assert {f.statement for f in told.facts} == {
        "shop is owned by everyone",
        "pricing is owned by pricing",
        "pricing is owned by dana",
        "bank is owned by lin",
    }
