"""A title tells a node from its neighbors, wherever it is shown."""

from __future__ import annotations

import pytest

from autoheal.domain.fact import Node, NodeKind, urn
from autoheal.graph.catalog import title_of


@pytest.mark.parametrize(
    ("kind", "name", "title", "attributes", "shown"),
    [
        (NodeKind.INCIDENT, "inc_7", "cart is slow", {}, "inc_7: cart is slow"),
        (NodeKind.INCIDENT, "inc_7", "", {}, "inc_7"),
        (NodeKind.CHANGE, "a" * 40, "", {"kind": "commit"}, "commit aaaaaaa"),
        (NodeKind.CHANGE, "shop#12", "", {"kind": "pull_request"}, "pull request shop#12"),
        (
            NodeKind.CHANGE,
            "v42",
            "deploy of cart, 2026-11-20",
            {"kind": "deploy"},
            "deploy of cart, 2026-11-20",
        ),
        (NodeKind.CHANGE, "v42", "", {}, "change v42"),
        (NodeKind.SERVICE, "cart", "Shopping cart", {}, "Shopping cart"),
        (NodeKind.SERVICE, "cart", "", {}, "cart"),
    ],
)
def test_a_title_names_what_differs(
    kind: NodeKind, name: str, title: str, attributes: dict[str, str], shown: str
) -> None:
    assert (
        title_of(Node(urn=urn(kind, name), kind=kind, name=name, title=title, attributes=attributes)) == shown
    )
