"""Is it still so? The strongest claim is measured anew: what has gone by itself needs no mitigation."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from statistics import median

from autoheal.domain.evidence import Claim, Evidence, Reading, Row, Statistic
from autoheal.domain.investigation import Hypothesis, Mechanism, Objection
from autoheal.healing.check_claims import shown
from autoheal.healing.gather import Gathered, Gatherer

TEST = "measured again"

_RECENT_SECONDS = 8.0
_LINES = 500
_STILL = 0.25
"""The share of the claimed change that must still show when it is measured again."""
_CLAIMS = 3
_WEIGHTY = 0.5
"""At most so many claims are measured again: those of at least this share of the heaviest one's weight."""
_SAMPLES = 5.0
_LAST = 1 / 3
"""Where the last sample says that it is over, the median of this last part of the claim's time decides."""


def measure_again(
    gatherer: Gatherer,
    hypothesis: Hypothesis,
    stored: tuple[Mapping[str, Evidence], Mapping[str, Sequence[Row]]],
    now: float,
) -> Objection:
    """Ask the strongest metric claims anew, at this instant: is the entity still beside itself?

    It has recovered when none of them shows what is claimed; one that flaps is not enough to say so.
    """
    claims = strongest_metrics(hypothesis.claims_for, stored[0], gatherer.sources.metrics.name)
    if not claims:
        return _lines_again(gatherer, hypothesis, now)
    cited: tuple[str, ...] = ()
    texts: list[str] = []
    for claim in claims:
        found = _measured(gatherer, hypothesis, (claim, *stored), now)
        cited, texts = (*cited, *found.evidence_ids), [*texts, found.text]
        if found.passed:
            return Objection(test=TEST, passed=True, text=found.text, evidence_ids=cited)
    return Objection(test=TEST, passed=False, text="; ".join(texts), evidence_ids=cited)


def _measured(
    gatherer: Gatherer,
    hypothesis: Hypothesis,
    claimed: tuple[Claim, Mapping[str, Evidence], Mapping[str, Sequence[Row]]],
    now: float,
) -> Objection:
    claim, evidence, rows = claimed
    before, after = claim.readings[0], claim.readings[-1]
    fresh = gatherer.instant(evidence[after.evidence_id].expression, at=now)
    ids: tuple[str, ...] = (fresh.evidence.id,)
    here = [row.value for row in fresh.rows if row.entity == hypothesis.entity]
    if fresh.failed:
        text = f"could not be measured: {fresh.failed}"
        return Objection(test=TEST, passed=False, text=text, evidence_ids=ids)
    if not here:
        vanished = after.value == 0 or hypothesis.mechanism is Mechanism.CRASH
        text = f"{after.subject} of {hypothesis.entity} has vanished"
        return Objection(test=TEST, passed=vanished, text=text, evidence_ids=ids)
    value = here[0]
    if not _still(before.value, after.value, value):
        step = spacing(rows.get(after.evidence_id, ()), after)
        lately = _lately(gatherer, evidence[after.evidence_id], after, (now, step))
        recent = [row.value for row in lately.rows if row.entity == hypothesis.entity]
        value, ids = (median(recent) if recent else value), (*ids, lately.evidence.id)
    text = f"{after.subject} of {hypothesis.entity} is {shown(value)} now, {shown(before.value)} before"
    return Objection(test=TEST, passed=_still(before.value, after.value, value), text=text, evidence_ids=ids)


def _lately(gatherer: Gatherer, cited: Evidence, after: Reading, moment: tuple[float, float]) -> Gathered:
    """One sample may be a wobble: a few, the last part of the time in which it is said to be disturbed."""
    now, step = moment
    whole = max(after.end - after.start, 1.0)
    span = min(max(whole * _LAST, _SAMPLES * step), whole)
    resolution = max(span / 10, 1.0)
    return gatherer.range(cited.expression, start=now - span, end=now, step=resolution, subject=after.subject)


def spacing(rows: Sequence[Row], reading: Reading) -> float:
    """Seconds between the samples of what a reading reads; 0 where there are not two."""
    own = sorted(r.time for r in rows if (r.entity, r.subject) == (reading.entity, reading.subject))
    gaps = [later - earlier for earlier, later in itertools.pairwise(own)]
    return median(gaps) if gaps else 0.0


def _still(before: float, after: float, now: float) -> bool:
    claimed, measured = after - before, now - before
    return claimed == 0 or measured / claimed >= _STILL


def _lines_again(gatherer: Gatherer, hypothesis: Hypothesis, now: float) -> Objection:
    """Without a metric to measure: do the lines that are claimed still come?"""
    lines = [r for claim in hypothesis.claims_for for r in claim.readings if r.text and not r.subject]
    if not lines:
        return Objection(test=TEST, passed=True, text="nothing that is claimed can be measured now")
    span = max(_RECENT_SECONDS, _LAST * max(r.end - r.start for r in lines))
    fresh = gatherer.lines(services=(hypothesis.entity,), start=now - span, end=now, limit=_LINES)
    if fresh is None or fresh.failed:
        return Objection(test=TEST, passed=False, text="the log lines could not be read again")
    again = sum(any(reading.text in row.text for reading in lines) for row in fresh.rows)
    gone = any(reading.value == 0 for reading in lines)
    text = f"{again} of the claimed lines in the last {span:.0f} s"
    return Objection(test=TEST, passed=again > 0 or gone, text=text, evidence_ids=(fresh.evidence.id,))


def strongest_metrics(claims: Sequence[Claim], evidence: Mapping[str, Evidence], source: str) -> list[Claim]:
    """The heaviest claims that are medians of queries to the metrics source, before and after."""

    def on_metric(reading: Reading) -> bool:
        cited = evidence.get(reading.evidence_id)
        return cited is not None and cited.source == source and cited.start != cited.end

    pairs = [
        claim
        for claim in claims
        if len(claim.readings) > 1
        and claim.readings[-1].statistic is Statistic.MEDIAN
        and on_metric(claim.readings[-1])
    ]
    heaviest = max((claim.points for claim in pairs), default=0.0)
    weighty = [claim for claim in pairs if claim.points >= _WEIGHTY * heaviest]
    return sorted(weighty, key=lambda claim: -claim.points)[:_CLAIMS]
