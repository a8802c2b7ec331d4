"""A service's name comes from an alert that anybody may write: in a query it is a name and nothing more."""

from __future__ import annotations

import pytest

from autoheal.healing.verify import alive, any_of
from autoheal.integrations.memory.metrics import MemoryMetrics


@pytest.mark.parametrize(
    "hostile",
    [".*", "checkout|.*", 'x"} or vector(1) #', 'x",service=~".+', "x\n} or up", "\\", "[a-z]+", "x$|^"],
)
def test_a_service_whose_name_is_a_query_matches_only_itself(hostile: str) -> None:
    metrics = MemoryMetrics()
    for service in ("checkout", hostile):
        metrics.add("up", {"service": service}, [(0.0, 1.0)])
    seen = metrics.instant(alive([hostile], "service"), at=1.0)
    assert [row.entity for row in seen.rows] == [hostile]


def test_plain_names_stay_readable() -> None:
    assert any_of("service", ["checkout", "orders-db"]) == 'service=~"checkout|orders-db"'
