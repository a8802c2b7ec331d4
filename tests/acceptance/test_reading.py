"""What a model reads of one new incident among fifty services stays within the figures that we promise."""

from __future__ import annotations

from autoheal.sandbox.simulated.reasoning import measure_reading


def test_a_new_incident_among_fifty_services_is_read_within_the_promised_tokens() -> None:
    figures = measure_reading()
    digest, read, stable = figures.values()
    assert isinstance(digest, int)
    assert isinstance(read, int)
    assert isinstance(stable, float)
    assert 500 < digest <= 6_000
    assert digest < read <= 40_000
    assert stable >= 0.6
