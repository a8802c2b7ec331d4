"""How far the ranking can be believed, and whether anything stands out at all."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from autoheal.diagnosis.finding import Term
from autoheal.diagnosis.telemetry import Telemetry
from autoheal.domain.investigation import VerdictKind

_NOISE_BELOW = 0.45
_SYMPTOM_WEIGHT = 3.0
_SYMPTOM_ENOUGH = 0.3
_UNSURE_BELOW = 0.30
_WEIGHTS = (-0.66, 1.37, 1.64, 2.16, -0.63)
"""Constant, excess, lead, relative lead, modalities: a regularized logistic fit on the shared cases."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Signs:
    """What the scores are held against: the system's own noise floor, and how the alerted entity itself is.

    symptom is the alerted entity's strongest latency or error shift; seen tells whether it was measured.
    """

    floor: float
    symptom: float
    seen: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Trust:
    """The verdict with the probability that the first place is right, its reason, and what was missing."""

    verdict: VerdictKind
    confidence: float
    reason: str
    missing: tuple[str, ...]


def confidence_of(
    rows: Sequence[tuple[str, float, tuple[Term, ...]]], telemetry: Telemetry, signs: Signs
) -> Trust:
    """Judge the first place by its strength, its lead over the second, and how many modalities agree."""
    missing = _missing(telemetry)
    if not rows or _stands_out(rows[0][1], signs) < _NOISE_BELOW:
        return _nothing(telemetry, missing)
    entity, score, terms = rows[0]
    second = max(rows[1][1], 0.0) if len(rows) > 1 else 0.0
    modalities = sorted({term.modality.value for term in terms if term.points > _COUNTS})
    chance = _chance(score, score - second, signs.floor, len(modalities)) * 0.85 ** len(telemetry.missing)
    verdict = VerdictKind.CAUSE if chance >= _UNSURE_BELOW else VerdictKind.INCONCLUSIVE
    reason = (
        f"{entity} scores {score:.2f}, {score - second:.2f} ahead of the next "
        f"and {score - signs.floor:.2f} above this system's noise, on {', '.join(modalities)}"
    )
    return Trust(verdict=verdict, confidence=chance, reason=_with(reason, missing), missing=missing)


_COUNTS = 0.05


def _stands_out(score: float, signs: Signs) -> float:
    """The excess over the noise floor, plus the alerted entity's symptom (a quarter where it is unseen)."""
    symptom = min(signs.symptom, _SYMPTOM_ENOUGH) if signs.seen else _SYMPTOM_ENOUGH / 4
    return score - signs.floor + _SYMPTOM_WEIGHT * symptom


def _chance(score: float, lead: float, floor: float, modalities: int) -> float:
    features = (
        1.0,
        min(max(score - floor, -0.5), 2.0),
        min(max(lead, 0.0), 1.5),
        min(max(lead, 0.0), 1.5) / max(score, 0.05),
        max(modalities - 1, 0),
    )
    value = sum(weight * feature for weight, feature in zip(_WEIGHTS, features, strict=True))
    return float(1.0 / (1.0 + np.exp(-value)))


def _nothing(telemetry: Telemetry, missing: tuple[str, ...]) -> Trust:
    if "metrics" in missing or telemetry.missing:
        reason = _with("nothing stands out, but not every source answered", missing)
        return Trust(verdict=VerdictKind.INCONCLUSIVE, confidence=0.1, reason=reason, missing=missing)
    reason = _with("no entity moved beyond its usual range", missing)
    return Trust(verdict=VerdictKind.NOISE, confidence=0.7, reason=reason, missing=missing)


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
