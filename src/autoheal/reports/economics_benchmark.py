"""What a stream of incidents cost beside the same without memory, and how fast a family gets cheaper."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from math import log, sqrt
from statistics import fmean, median

from autoheal.ports.runs import Json

QUERY_DOLLARS = 1e-5
"""Per query: one cent per thousand, what CloudWatch asks for GetMetricData."""
EARLY, LATE = range(1, 5), range(16, 21)
_LEAST_COST = 1e-7
_FEWEST = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Played:
    """One incident of the stream: how it was answered, whether rightly, and what it cost.

    n counts the occurrences of its family from 1; novel ones have no family. cost and control are dollars.
    """

    incident: int
    family: str | None
    n: int
    recalled: bool
    right: bool
    escalated: bool
    queries: int
    tokens: int
    questions: int
    cost: float
    control: float
    why: str
    control_queries: int = 0
    """What the same incident asked of the backends without memory: a saving must not be paid there."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Fit:
    """The exponent b of cost_n = c1 n^-b, with its 95 % confidence interval."""

    b: float
    low: float
    high: float


def summary(stream: Sequence[Played]) -> dict[str, Json]:
    """The figures of the stream; null where a stream is too short to have one.

    Early and late costs are medians within a family, since families learn at their own pace; the ratio over
    all is the median of theirs.
    """
    known = [one for one in stream if one.family is not None]
    news = [one for one in stream if one.family is None]
    late = _at(known, LATE)
    early = [one for one in _at(known, EARLY) if one.family in {other.family for other in late}]
    families = sorted({one.family for one in known if one.family is not None})
    ratios = {family: _late_to_early(known, family) for family in families}
    fits = {family: fitted([one.cost for one in known if one.family == family]) for family in families}
    return {
        "incidents": len(stream),
        "families": len(families),
        "cost_ratio_late_to_early": _middle([ratio for ratio in ratios.values() if ratio is not None]),
        "cost_ratio_late_to_early_of": dict(ratios),
        "cost_ratio_to_control": _ratio(sum(one.cost for one in stream), sum(one.control for one in stream)),
        "novel_answered_from_memory": sum(one.recalled for one in news),
        "novel": len(news),
        "accuracy_early": _share(early),
        "accuracy_late": _share(late),
        "exponent": {family: dict(asdict(fit)) for family, fit in fits.items() if fit is not None},
        "cost": [dict(asdict(one)) for one in stream],
    }


def fitted(costs: Sequence[float]) -> Fit | None:
    """Least squares of log cost over log n; None below three occurrences."""
    if len(costs) < _FEWEST:
        return None
    places = [log(n) for n in range(1, len(costs) + 1)]
    logs = [log(max(cost, _LEAST_COST)) for cost in costs]
    middle, level = fmean(places), fmean(logs)
    width = sum((x - middle) ** 2 for x in places)
    slope = sum((x - middle) * (y - level) for x, y in zip(places, logs, strict=True)) / width
    left = sum((y - level - slope * (x - middle)) ** 2 for x, y in zip(places, logs, strict=True))
    free = len(costs) - 2
    reach = _student(free) * sqrt(left / free / width)
    return Fit(b=round(-slope, 4), low=round(-slope - reach, 4), high=round(-slope + reach, 4))


_STUDENT: Mapping[int, float] = {
    1: 12.706,
    2: 4.303,
    3: 3.182,
    4: 2.776,
    5: 2.571,
    6: 2.447,
    7: 2.365,
    8: 2.306,
    9: 2.262,
    10: 2.228,
    15: 2.131,
    20: 2.086,
    30: 2.042,
}
"""Two-sided 95 % quantiles of Student's t by degrees of freedom."""


def _student(free: int) -> float:
    """The quantile of the nearest listed smaller number: a little too wide rather than too narrow."""
    return _STUDENT[max(known for known in _STUDENT if known <= free)]


def _at(known: Sequence[Played], places: range) -> list[Played]:
    return [one for one in known if one.n in places]


def _late_to_early(known: Sequence[Played], family: str) -> float | None:
    own = [one for one in known if one.family == family]
    early, late = ([one.cost for one in _at(own, places)] for places in (EARLY, LATE))
    return _ratio(_middle(late), _middle(early))


def _middle(costs: Sequence[float]) -> float | None:
    return round(median(costs), 6) if costs else None


def _ratio(part: float | None, whole: float | None) -> float | None:
    return None if part is None or not whole else round(part / whole, 4)


def _share(stream: Sequence[Played]) -> float | None:
    return round(fmean(one.right for one in stream), 4) if stream else None
