"""How far the ranking can be believed, and whether anything stands out at all."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from autoheal.diagnosis.finding import Term, Verdict
from autoheal.diagnosis.telemetry import Telemetry

_NOISE_BELOW = 0.35
_UNSURE_BELOW = 0.30


@dataclass(frozen=True, slots=True, kw_only=True)
class Trust:
    """The verdict with the probability that the first place is right, its reason, and what was missing."""

    verdict: Verdict
    confidence: float
    reason: str
    missing: tuple[str, ...]


def confidence_of(rows: Sequence[tuple[str, float, tuple[Term, ...]]], telemetry: Telemetry) -> Trust:
    """Judge the first place by its strength, its lead over the second, and how many modalities agree."""
    missing = _missing(telemetry)
    if not rows or rows[0][1] < _NOISE_BELOW:
        return _nothing(telemetry, missing)
    entity, score, terms = rows[0]
    second = max(rows[1][1], 0.0) if len(rows) > 1 else 0.0
    modalities = sorted({term.modality.value for term in terms if term.points > 0})
    chance = _logistic(score, score - second, len(modalities)) * 0.85 ** len(telemetry.missing)
    verdict = Verdict.CAUSE if chance >= _UNSURE_BELOW else Verdict.INCONCLUSIVE
    reason = (
        f"{entity} scores {score:.2f}, {score - second:.2f} ahead of the next, on {', '.join(modalities)}"
    )
    return Trust(verdict=verdict, confidence=chance, reason=_with(reason, missing), missing=missing)


def _logistic(score: float, lead: float, modalities: int) -> float:
    value = -1.3 + 0.6 * min(score, 3.0) + 1.5 * min(lead, 1.5) + 0.3 * (modalities - 1)
    return float(1.0 / (1.0 + np.exp(-value)))


def _nothing(telemetry: Telemetry, missing: tuple[str, ...]) -> Trust:
    if "metrics" in missing or telemetry.missing:
        reason = _with("nothing stands out, but not every source answered", missing)
        return Trust(verdict=Verdict.INCONCLUSIVE, confidence=0.1, reason=reason, missing=missing)
    reason = _with("no entity moved beyond its usual range", missing)
    return Trust(verdict=Verdict.NOISE, confidence=0.7, reason=reason, missing=missing)


def _missing(telemetry: Telemetry) -> tuple[str, ...]:
    absent = [name for name in ("logs", "spans") if getattr(telemetry, name) is None]
    empty = ["metrics"] if telemetry.metrics.is_empty() else []
    return tuple(dict.fromkeys([*telemetry.missing, *empty, *absent]))


def _with(reason: str, missing: tuple[str, ...]) -> str:
    return f"{reason}; without {', '.join(missing)}" if missing else reason


def confidences(scores: Sequence[float], first: float) -> list[float]:
    """Confidence per place: the first as judged, the rest share what is left by their scores."""
    if not scores:
        return []
    rest = np.exp(np.minimum(np.array(scores[1:], dtype=np.float64), 5.0)) - 0.9
    shares = (1.0 - first) * rest / max(float(rest.sum()), 1e-9)
    return [first, *(float(min(share, first)) for share in shares)]
