"""The benchmark of the graph asks the real store and gives a figure for each question."""

from __future__ import annotations

import pytest

from autoheal.sandbox.graph_load import Load, measure, quantiles


@pytest.mark.criterion(55)
def test_each_question_of_an_incident_is_timed_on_a_real_store_with_as_many_facts_as_asked() -> None:
    load = Load(nodes=200, edges=1_000)
    assert len({fact.id for fact in load.facts()}) == 1_000
    figures = measure(load, samples=20)
    for name in ("exact_key", "two_hops", "text_search", "retrieval"):
        timed = figures[name]
        assert isinstance(timed, dict)
        assert 0 < timed["p50"] <= timed["p99"]
    assert isinstance(figures["ingest_per_second"], int)
    assert figures["ingest_per_second"] > 0


def test_the_same_seed_is_the_same_graph() -> None:
    assert list(Load(nodes=100, edges=50).facts()) == list(Load(nodes=100, edges=50).facts())
    assert list(Load(nodes=100, edges=50).facts()) != list(Load(nodes=100, edges=50, seed=8).facts())


def test_the_slowest_of_a_hundred_is_not_the_middle() -> None:
    assert quantiles([1.0] * 98 + [50.0] * 2) == {"p50": 1.0, "p99": 50.0}
