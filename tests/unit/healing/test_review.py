"""A cause must be of a size that hurts: statistics alone call a wobble unusual."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from autoheal.domain.evidence import Claim, Reading, Statistic
from autoheal.domain.investigation import Hypothesis, HypothesisState, Mechanism
from autoheal.healing.gather import Gatherer, Sources
from autoheal.healing.review import UnderReview, moved, review
from autoheal.integrations.memory.incidents import MemoryIncidents
from autoheal.integrations.memory.machine import MemoryClock, MemoryIds
from autoheal.integrations.memory.metrics import MemoryMetrics
from autoheal.integrations.memory.traces import MemoryTraces
from autoheal.ports.telemetry import Span


@pytest.mark.parametrize(
    ("before", "after"), [(0.0, 0.001), (100.0, 134.0), (100.0, 74.0), (-1.0, 1.0), (0.2, 0.0)]
)
def test_a_quarter_of_the_larger_level_is_a_move(before: float, after: float) -> None:
    assert moved(before, after)


@pytest.mark.parametrize(("before", "after"), [(8.5, 9.2), (0.0, 0.0), (-4.0, -4.5), (100.0, 76.0)])
def test_less_is_none(before: float, after: float) -> None:
    assert not moved(before, after)


CALLED = 1_790_000_000.0


def calls(took: dict[float, float]) -> list[Span]:
    """One call a second of checkout to payment, with the milliseconds that hold from each moment on."""
    found: list[Span] = []
    for second in range(120):
        at = CALLED + second
        ms = next(ms for since, ms in sorted(took.items(), reverse=True) if at >= since)
        span = Span(
            trace_id=f"t{second}",
            span_id=f"s{second}",
            parent_id=None,
            entity="checkout",
            operation="POST payment",
            kind="client",
            start=at,
            duration_ms=ms,
            error=False,
            attributes={},
        )
        found.append(span)
    return found


@pytest.mark.criterion(39)
@pytest.mark.parametrize(("now_ms", "refuted"), [(300.0, set()), (2.1, {"measured again"})])
def test_calls_that_are_claimed_to_wait_are_measured_again(now_ms: float, refuted: set[str]) -> None:
    slow, now = CALLED + 60, CALLED + 119
    traces = MemoryTraces(calls({CALLED: 2.0, slow: 300.0, CALLED + 105: now_ms}))
    incidents = MemoryIncidents()
    gatherer = Gatherer(
        sources=Sources(metrics=MemoryMetrics(), traces=traces),
        incidents=incidents,
        clock=MemoryClock(at=datetime.fromtimestamp(now, tz=UTC)),
        ids=MemoryIds(),
        incident_id="inc_1",
        stage="investigate",
    )
    asked = gatherer.spans(services=("checkout",), start=CALLED, end=now, limit=500)
    assert asked is not None
    sides = [(CALLED, slow - 1), (slow, now)]
    readings = tuple(
        Reading(
            evidence_id=asked.evidence.id,
            entity="checkout",
            subject="POST payment",
            statistic=Statistic.MEDIAN,
            start=start,
            end=end,
            value=value,
        )
        for (start, end), value in zip(sides, (2.0, 300.0), strict=True)
    )
    hypothesis = Hypothesis(
        id="h1",
        entity="payment",
        mechanism=Mechanism.RESOURCE_EXHAUSTION,
        statement="payment stalls",
        score=1.0,
        confidence=0.9,
        author="engine",
        state=HypothesisState.LEADING,
        claims_for=(
            Claim(
                text='"POST payment" of "checkout", which calls "payment", went from 2 to 300',
                readings=readings,
                points=1.0,
            ),
        ),
    )
    case = UnderReview(
        hypothesis=hypothesis,
        evidence={asked.evidence.id: asked.evidence},
        rows={asked.evidence.id: asked.rows},
        change=None,
        onset=slow,
        now=now,
        calls=(("checkout", "payment"),),
    )
    found = review(gatherer.for_stage("inc_1", "review"), case)
    assert {objection.test for objection in found.objections if not objection.passed} == refuted
    again = next(objection for objection in found.objections if objection.test == "measured again")
    assert again.evidence_ids != (asked.evidence.id,)
    assert "takes" in again.text
