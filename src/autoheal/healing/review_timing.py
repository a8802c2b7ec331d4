"""Could the cause be one, by the clock? A change, and every effect of it, must not come after the symptom."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Mapping, Sequence
from statistics import median

from autoheal.domain.change import Change
from autoheal.domain.evidence import Claim, Row, Statistic
from autoheal.domain.investigation import Hypothesis, Objection

TIMING_SLACK_SECONDS = 5.0
"""Clocks and scrape intervals blur an onset by about this much."""

_EFFECT_SLACK_SECONDS = 20.0
"""Two series depart at moments that rate windows, percentiles and few requests blur by about this much."""

_SAMPLES_OF_SLACK = 3.0
_WEIGHTY = 0.25
_LASTING = 0.6
"""The share of the later samples that must stay beyond the half-way level for a departure to count."""


def change_timing(change: Change | None, onset: float | None) -> Objection:
    """The change that is blamed must have come before the onset (unix seconds)."""
    if change is None:
        return Objection(test="timing", passed=True, text="no change is blamed")
    if onset is None:
        return Objection(test="timing", passed=False, text="a change is blamed but the onset is unknown")
    if change.time > onset + TIMING_SLACK_SECONDS:
        late = change.time - onset
        return Objection(test="timing", passed=False, text=f"the change came {late:.0f} s after the onset")
    return Objection(test="timing", passed=True, text="the change came before the onset")


def effect_timing(
    hypothesis: Hypothesis,
    rivals: Iterable[Hypothesis],
    services: Sequence[str],
    rows: Mapping[str, Sequence[Row]],
) -> Objection:
    """What is blamed must not leave its level after the alarmed services did: pain follows its cause."""
    test = "order of effects"
    hurting = [rival for rival in rivals if rival.entity in services and rival.claims_for]
    if hypothesis.entity in services or not hurting or not hypothesis.claims_for:
        return Objection(test=test, passed=True, text="it is where it hurts, or the symptom was not dated")
    since = min(c.readings[-1].start for h in (hypothesis, *hurting) for c in h.claims_for)
    cause = _earliest(hypothesis, rows, since)
    # The heaviest claim of each speaks: the earliest of many would be the earliest wobble.
    symptom = min((found for h in hurting if (found := _departure(_heaviest(h), rows, since))), default=None)
    if cause is None or symptom is None:
        return Objection(test=test, passed=True, text="no departure can be dated")
    late = cause[0] - symptom[0]
    cited = (cause[2], symptom[2])
    slack = max(_EFFECT_SLACK_SECONDS, _SAMPLES_OF_SLACK * max(cause[1], symptom[1]))
    if late > slack:
        text = f"{hypothesis.entity} departed {late:.0f} s after the symptom that it is to explain"
        return Objection(test=test, passed=False, text=text, evidence_ids=cited)
    text = f"{hypothesis.entity} departed no later than the symptom"
    return Objection(test=test, passed=True, text=text, evidence_ids=cited)


def _earliest(
    hypothesis: Hypothesis, rows: Mapping[str, Sequence[Row]], since: float
) -> tuple[float, float, str] | None:
    """When the first of its weighty claims departed, the spacing of its samples, and the evidence."""
    most = max((claim.points for claim in hypothesis.claims_for), default=0.0)
    weighty = [claim for claim in hypothesis.claims_for if claim.points >= _WEIGHTY * most]
    return min((found for claim in weighty if (found := _departure(claim, rows, since))), default=None)


def _heaviest(hypothesis: Hypothesis) -> Claim:
    return max(hypothesis.claims_for, key=lambda claim: claim.points)


def _departure(
    claim: Claim, rows: Mapping[str, Sequence[Row]], since: float
) -> tuple[float, float, str] | None:
    """When, since the onset that is claimed, the rows crossed half-way between the two levels for good."""
    before, after = claim.readings[0], claim.readings[-1]
    if len(claim.readings) == 1 or after.statistic is not Statistic.MEDIAN:
        return None
    own = [
        r for r in rows.get(after.evidence_id, ()) if (r.entity, r.subject) == (after.entity, after.subject)
    ]
    own = sorted((r for r in own if since <= r.time <= after.end), key=lambda row: row.time)
    half, sign = (before.value + after.value) / 2, 1 if after.value > before.value else -1
    beyond = [sign * (row.value - half) > 0 for row in own]
    for index, row in enumerate(own):
        rest = beyond[index:]
        if beyond[index] and sum(rest) >= _LASTING * len(rest):
            return row.time, _spacing(own), after.evidence_id
    return None


def _spacing(rows: Sequence[Row]) -> float:
    gaps = [b.time - a.time for a, b in itertools.pairwise(rows)]
    return median(gaps) if gaps else 0.0
