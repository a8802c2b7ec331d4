"""Tries to refute the leading hypothesis with questions its author did not ask; fails closed."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from autoheal.domain.change import Change
from autoheal.domain.evidence import Claim, Evidence, Row
from autoheal.domain.investigation import Hypothesis, Mechanism, Objection, Review
from autoheal.healing.collect import Collection
from autoheal.healing.gather import Gatherer
from autoheal.healing.reach import called_by, callers_of
from autoheal.healing.review_again import measure_again
from autoheal.healing.review_claims import citations
from autoheal.healing.review_timing import change_timing, effect_timing
from autoheal.healing.second_look import Scene, decoy_test, mechanism_test, rival_test, second_look

DETERMINISTIC = "deterministic"


@dataclass(frozen=True, slots=True, kw_only=True)
class UnderReview:
    """A hypothesis with all that it cites; onset and now in unix seconds.

    rivals are the other candidates; collection is what the author looked at. Without it the reviewer cannot
    look for itself, and an alternative cause stays unexamined.
    """

    hypothesis: Hypothesis
    evidence: Mapping[str, Evidence]
    rows: Mapping[str, Sequence[Row]]
    change: Change | None
    onset: float | None
    now: float
    services: tuple[str, ...] = ()
    calls: tuple[tuple[str, str], ...] = ()
    rivals: tuple[Hypothesis, ...] = ()
    collection: Collection | None = None


def review(gatherer: Gatherer, case: UnderReview) -> Review:
    """Every test against the hypothesis; an answer that cannot be had refutes, as does our fault."""
    try:
        objections, completed = tuple(_tests(gatherer, case)), True
    except Exception as error:  # noqa: BLE001  whatever breaks the reviewer, nothing may count as reviewed
        objections, completed = (unreviewed(f"the reviewer failed: {type(error).__name__}"),), False
    return Review(
        reviewer=DETERMINISTIC, hypothesis_id=case.hypothesis.id, objections=objections, completed=completed
    )


def unreviewed(why: str) -> Objection:
    """What stands in the place of a review that did not take place: it never counts as passed."""
    return Objection(test="review", passed=False, text=why)


def _tests(gatherer: Gatherer, case: UnderReview) -> Iterator[Objection]:
    hypothesis = case.hypothesis
    cheap = (
        citations(hypothesis, case.evidence, case.rows, case.calls),
        change_timing(case.change, case.onset),
        effect_timing(hypothesis, case.rivals, case.services, case.rows),
        _topology(case),
        _materiality(hypothesis),
        measure_again(gatherer, hypothesis, (case.evidence, case.rows), case.now),
    )
    yield from cheap
    if case.collection is not None and all(objection.passed for objection in cheap):
        yield from _own_look(gatherer, case, case.collection)


def _own_look(gatherer: Gatherer, case: UnderReview, collection: Collection) -> Iterator[Objection]:
    scene = Scene(
        collection=collection,
        evidence=case.evidence,
        rows=case.rows,
        candidates=(case.hypothesis, *case.rivals),
        services=case.services,
        now=case.now,
    )
    look = second_look(gatherer, scene)
    yield rival_test(look, case.hypothesis)
    yield mechanism_test(look, case.hypothesis)
    yield decoy_test(look, scene, case.hypothesis.change_id)


def _topology(case: UnderReview) -> Objection:
    """Pain travels from the callee to the caller; the other way only load does."""
    entity, services = case.hypothesis.entity, case.services
    if entity in services or not case.calls or not services:
        return Objection(
            test="topology", passed=True, text=f"{entity} is where it hurts, or calls are unknown"
        )
    below = {name for service in services for name in called_by(service, case.calls)}
    above = {name for service in services for name in callers_of(service, case.calls)}
    load = case.hypothesis.mechanism is Mechanism.LOAD and entity in above
    passed = entity in below or load
    hurt = ", ".join(services)
    text = f"{hurt} {'depends' if passed else 'does not depend'} on {entity}"
    return Objection(test="topology", passed=passed, text=text)


def _materiality(hypothesis: Hypothesis) -> Objection:
    """A wobble that no statistic calls chance may still be too small to hurt anybody."""
    most = max((claim.points for claim in hypothesis.claims_for), default=0.0)
    speaking = [claim for claim in hypothesis.claims_for if claim.points > _WEIGHTY * most]
    large = any(_new(claim) or moved(*_levels(claim)) for claim in speaking)
    text = f"{'something' if large else 'nothing'} that weighs moved by a quarter or more"
    return Objection(test="materiality", passed=large, text=text)


def _new(claim: Claim) -> bool:
    """Without a value from before, the thing itself is new or gone."""
    return len(claim.readings) == 1


def _levels(claim: Claim) -> tuple[float, float]:
    """Before and after; of an availability in percent what users notice, the share that is missing."""
    first, last = claim.readings[0], claim.readings[-1]
    if "availability" in last.subject.lower() and max(first.value, last.value) > 1:
        return _WHOLE - first.value, _WHOLE - last.value
    return first.value, last.value


def moved(before: float, after: float) -> bool:
    """Whether a level changed by at least a quarter of the larger one."""
    return abs(after - before) >= _MATERIAL * max(abs(before), abs(after)) and before != after


_WHOLE = 100.0
_MATERIAL = 0.25
_WEIGHTY = 0.25
"""The share of the heaviest claim's weight from which a claim's size counts."""
