"""Which one node could explain several alarming services."""

from __future__ import annotations

from autoheal.alerts.topology import Topology

CHAIN = Topology(callees={"a": ("b", "c"), "b": ("d",), "c": ("d",), "d": ("e",), "x": ("y",), "y": ("x",)})


def test_the_nearest_common_node_is_the_origin_when_none_alarms() -> None:
    assert CHAIN.origin(["b", "c"]) == "d"


def test_the_deepest_alarming_node_that_all_need_is_the_origin() -> None:
    assert CHAIN.origin(["a", "b", "d"]) == "d"
    assert CHAIN.origin(["a", "b"]) == "b"


def test_services_with_nothing_in_common_have_no_origin() -> None:
    assert CHAIN.origin(["a", "x"]) is None


def test_calls_in_a_circle_end() -> None:
    assert CHAIN.below("x") == {"x": 0, "y": 1}
    assert CHAIN.origin(["x", "y"]) in ("x", "y")
