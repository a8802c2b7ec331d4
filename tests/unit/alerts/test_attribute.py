"""The service an alert speaks of, how we know, and when we had better say that we do not."""

from __future__ import annotations

import pytest
from tests.unit.alerts.desk import T0, item, notification, relate, shop_graph

from autoheal.alerts.attribute import KnownNames, attribute
from autoheal.domain.alert import Attribution
from autoheal.domain.fact import Node, NodeKind, Relation, urn
from autoheal.integrations.alertmanager.alerts import AlertmanagerAlerts
from autoheal.integrations.memory.graph import MemoryGraph

pytestmark = pytest.mark.criterion(7)


def attributed(graph: MemoryGraph, name: str, expression: str = "", **labels: str) -> Attribution:
    alert = item(name, None, 0)
    alert["labels"] = {"alertname": name, **labels}
    alert["generatorURL"] = f"http://prometheus/graph?g0.expr={expression}"
    (decoded,) = AlertmanagerAlerts().decode(notification(alert), event_id="evt_1", received_at=T0)
    return attribute(decoded, KnownNames(graph))


def test_a_service_label_is_believed_and_more_so_when_the_graph_knows_it() -> None:
    known, unknown = (attributed(shop_graph(), "Errors", service=name) for name in ("Cart", "brand-new"))
    assert (known.service, unknown.service) == ("cart", "brand-new")
    assert known.confidence > unknown.confidence > 0.9


def test_a_job_label_counts_only_when_the_graph_knows_the_name() -> None:
    assert attributed(shop_graph(), "Down", job="shop/cart").service == "cart"
    assert attributed(shop_graph(), "Down", job="node-exporter").service is None
    assert attributed(MemoryGraph(), "Down", job="cart").service == "cart"


def test_an_alias_of_an_instance_leads_to_its_service() -> None:
    graph = shop_graph()
    graph.add_alias("instance", "10.0.0.7:9100", urn(NodeKind.SERVICE, "cart"))
    found = attributed(graph, "Down", instance="10.0.0.7:9100")
    assert (found.service, found.method) == ("cart", "graph: alias of instance")
    assert 0 < found.confidence < 0.9


def test_the_rule_that_monitors_one_service_names_it_and_one_that_monitors_two_does_not() -> None:
    graph = shop_graph()
    rule = urn(NodeKind.ALERT_RULE, "P99TooHigh")
    graph.save_node(Node(urn=rule, kind=NodeKind.ALERT_RULE, name="P99TooHigh"))
    graph.assert_fact(relate(rule, Relation.MONITORS, urn(NodeKind.SERVICE, "cart")))
    assert attributed(graph, "P99TooHigh") == Attribution(
        service="cart", method="graph: the alert rule monitors it", confidence=0.8
    )
    graph.assert_fact(relate(rule, Relation.MONITORS, urn(NodeKind.SERVICE, "search")))
    assert attributed(graph, "P99TooHigh").service is None


def test_the_expression_and_the_name_are_read_for_services_the_graph_knows() -> None:
    graph = shop_graph()
    assert attributed(graph, "TooSlow", expression='rate(x{service%3D"cart"}[5m])').service == "cart"
    assert attributed(graph, "TooSlow", expression='rate(x{service%3D"nowhere"}[5m])').service is None
    by_name = attributed(graph, "OrdersDbPoolSaturated")
    assert (by_name.service, by_name.confidence) == ("orders-db", 0.5)
    assert attributed(graph, "CartAndSearchDiffer").service is None


def test_what_nobody_can_tell_is_left_unknown_with_no_confidence() -> None:
    assert attributed(shop_graph(), "Watchdog") == Attribution(service=None, method="unknown", confidence=0.0)
