"""Tries to refute the leading hypothesis with questions its author did not ask; fails closed."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

from autoheal.domain.change import Change
from autoheal.domain.evidence import Claim, Evidence, Reading, Row, Statistic
from autoheal.domain.investigation import Hypothesis, Mechanism, Objection, Review
from autoheal.healing.check_claims import objection_to, shown
from autoheal.healing.gather import Gatherer
from autoheal.healing.reach import called_by, callers_of

TIMING_SLACK_SECONDS = 5.0
"""Clocks and scrape intervals blur an onset by about this much."""

_RECENT_SECONDS = 8.0
_LINES = 500
_STILL = 0.25
"""The share of the claimed change that must still show when it is measured again."""


@dataclass(frozen=True, slots=True, kw_only=True)
class UnderReview:
    """A hypothesis with all that it cites; onset and now in unix seconds."""

    hypothesis: Hypothesis
    evidence: Mapping[str, Evidence]
    rows: Mapping[str, Sequence[Row]]
    change: Change | None
    onset: float | None
    now: float
    services: tuple[str, ...] = ()
    calls: tuple[tuple[str, str], ...] = ()


def review(gatherer: Gatherer, case: UnderReview) -> Review:
    """Citations, timing, topology, size, and a fresh measurement; an answer that cannot be had refutes."""
    hypothesis = case.hypothesis
    objections = (
        _citations(hypothesis, case.evidence, case.rows),
        _timing(case.change, case.onset),
        _topology(case),
        _materiality(hypothesis),
        _measure_again(gatherer, hypothesis, case.evidence, case.now),
    )
    return Review(
        reviewer="deterministic", hypothesis_id=hypothesis.id, objections=objections, completed=True
    )


def _citations(
    hypothesis: Hypothesis, evidence: Mapping[str, Evidence], rows: Mapping[str, Sequence[Row]]
) -> Objection:
    if not hypothesis.claims_for:
        return Objection(test="citations", passed=False, text="nothing is cited for it")
    for claim in hypothesis.claims_for:
        problem = objection_to(claim, evidence, rows)
        if problem is not None:
            return Objection(test="citations", passed=False, text=problem, evidence_ids=claim.evidence_ids)
    return Objection(test="citations", passed=True, text="each number follows from the stored rows")


def _timing(change: Change | None, onset: float | None) -> Objection:
    if change is None:
        return Objection(test="timing", passed=True, text="no change is blamed")
    if onset is None:
        return Objection(test="timing", passed=False, text="a change is blamed but the onset is unknown")
    if change.time > onset + TIMING_SLACK_SECONDS:
        late = change.time - onset
        return Objection(test="timing", passed=False, text=f"the change came {late:.0f} s after the onset")
    return Objection(test="timing", passed=True, text="the change came before the onset")


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
    large = any(_new(claim) or moved(claim.readings[0].value, claim.readings[-1].value) for claim in speaking)
    text = f"{'something' if large else 'nothing'} that weighs moved by a quarter or more"
    return Objection(test="materiality", passed=large, text=text)


def _new(claim: Claim) -> bool:
    """Without a value from before, the thing itself is new or gone."""
    return len(claim.readings) == 1


def moved(before: float, after: float) -> bool:
    """Whether a level changed by at least a quarter of the larger one."""
    return abs(after - before) >= _MATERIAL * max(abs(before), abs(after)) and before != after


_MATERIAL = 0.25
_WEIGHTY = 0.25
"""The share of the heaviest claim's weight from which a claim's size counts."""


def _measure_again(
    gatherer: Gatherer, hypothesis: Hypothesis, evidence: Mapping[str, Evidence], now: float
) -> Objection:
    """Ask the strongest metric claim anew, at this instant: is the entity still beside itself?"""
    claim = _strongest_metric(hypothesis.claims_for, evidence)
    if claim is None:
        called = _strongest_call(hypothesis.claims_for, evidence)
        if called is not None:
            return _calls_again(gatherer, called, now)
        return _lines_again(gatherer, hypothesis, now)
    before, after = claim.readings[0], claim.readings[-1]
    fresh = gatherer.instant(evidence[after.evidence_id].expression, at=now)
    here = [row.value for row in fresh.rows if row.entity == hypothesis.entity]
    ids = (fresh.evidence.id,)
    if fresh.failed:
        return Objection(
            test="measured again",
            passed=False,
            text=f"could not be measured: {fresh.failed}",
            evidence_ids=ids,
        )
    if not here:
        vanished = after.value == 0 or hypothesis.mechanism == "crash"
        text = f"{after.subject} of {hypothesis.entity} has vanished"
        return Objection(test="measured again", passed=vanished, text=text, evidence_ids=ids)
    still = _still(before.value, after.value, here[0])
    text = f"{after.subject} of {hypothesis.entity} is {shown(here[0])} now, {shown(before.value)} before"
    return Objection(test="measured again", passed=still, text=text, evidence_ids=ids)


def _still(before: float, after: float, now: float) -> bool:
    claimed, measured = after - before, now - before
    return claimed == 0 or measured / claimed >= _STILL


def _calls_again(gatherer: Gatherer, claim: Claim, now: float) -> Objection:
    """Without a metric to measure: do the calls that are claimed still take as long?"""
    before, after = claim.readings[0], claim.readings[-1]
    start = now - _RECENT_SECONDS
    fresh = gatherer.spans(services=(after.entity,), start=start, end=now, limit=_LINES)
    if fresh is None or fresh.failed:
        return Objection(test="measured again", passed=False, text="the spans could not be read again")
    took = replace(after, start=start, end=now).recompute(fresh.rows)
    ids = (fresh.evidence.id,)
    if took is None:
        text = f"no {after.subject} of {after.entity} ended in the last {_RECENT_SECONDS:.0f} s"
        return Objection(test="measured again", passed=True, text=text, evidence_ids=ids)
    still = _still(before.value, after.value, took)
    text = f"{after.subject} of {after.entity} takes {shown(took)} ms now, {shown(before.value)} before"
    return Objection(test="measured again", passed=still, text=text, evidence_ids=ids)


def _lines_again(gatherer: Gatherer, hypothesis: Hypothesis, now: float) -> Objection:
    """Without a metric to measure: do the lines that are claimed still come?"""
    claimed = [r for claim in hypothesis.claims_for for r in claim.readings if r.text and not r.subject]
    texts = {reading.text for reading in claimed}
    if not texts:
        return Objection(
            test="measured again", passed=True, text="nothing that is claimed can be measured now"
        )
    start = now - _RECENT_SECONDS
    writers = tuple(dict.fromkeys(reading.entity for reading in claimed))
    fresh = gatherer.lines(services=writers, start=start, end=now, limit=_LINES)
    if fresh is None or fresh.failed:
        return Objection(test="measured again", passed=False, text="the log lines could not be read again")
    again = sum(any(text in row.text for text in texts) for row in fresh.rows)
    text = f"{again} of the claimed lines in the last {_RECENT_SECONDS:.0f} s"
    return Objection(test="measured again", passed=again > 0, text=text, evidence_ids=(fresh.evidence.id,))


def _strongest_metric(claims: Sequence[Claim], evidence: Mapping[str, Evidence]) -> Claim | None:
    """The heaviest claim that is a median of a PromQL query before and after, if it weighs at all."""
    return _strongest(claims, lambda reading: _is_median(reading, evidence) and _is_promql(reading, evidence))


def _strongest_call(claims: Sequence[Claim], evidence: Mapping[str, Evidence]) -> Claim | None:
    """The heaviest claim that is a median duration of calls before and after, if it weighs at all."""
    return _strongest(
        claims, lambda reading: _is_median(reading, evidence) and not _is_promql(reading, evidence)
    )


def _strongest(claims: Sequence[Claim], fits: Callable[[Reading], bool]) -> Claim | None:
    least = _WEIGHTY * max((claim.points for claim in claims), default=0.0)
    pairs = [claim for claim in claims if len(claim.readings) > 1 and fits(claim.readings[-1])]
    return max((c for c in pairs if c.points >= least), key=lambda claim: claim.points, default=None)


def _is_median(reading: Reading, evidence: Mapping[str, Evidence]) -> bool:
    cited = evidence.get(reading.evidence_id)
    return cited is not None and cited.start != cited.end and reading.statistic is Statistic.MEDIAN


def _is_promql(reading: Reading, evidence: Mapping[str, Evidence]) -> bool:
    return "(" in evidence[reading.evidence_id].expression
