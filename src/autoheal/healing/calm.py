"""Which part of the past is calm: what earlier incidents did to production is no baseline and no symptom."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from autoheal.domain.incident import Incident
from autoheal.healing.responder import Responder

Spans = tuple[tuple[float, float], ...]
"""Begins and ends in unix seconds, in order, without overlap."""

_FADE_SECONDS = 10.0
_ENOUGH_CALM = 0.5
_LONGEST_STRETCH = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class CalmHistory:
    """The past from start to the alert, without the spans in which earlier incidents disturbed it.

    known is false where hardly any of it was calm, so that the disturbed spans had to be kept.
    """

    start: float
    end: float
    disturbed: Spans
    known: bool = True

    def contains(self, moment: float) -> bool:
        """Whether a moment lies in the calm part."""
        inside = self.start <= moment < self.end
        return inside and not any(begin <= moment <= end for begin, end in self.disturbed)

    def seconds(self, *, until: float) -> float:
        """How much of it is calm before a moment."""
        lost = sum(min(end, until) - max(begin, self.start) for begin, end in self.disturbed if begin < until)
        return max(until - self.start - lost, 0.0)


def calm_history(responder: Responder, incident: Incident) -> CalmHistory:
    """The baseline before the first alert, stretched back until enough of it is calm.

    Where no such stretch is found, a disturbed baseline is better than none.
    """
    alerted = (incident.detected_at or incident.opened_at).timestamp()
    baseline = responder.settings.baseline_seconds
    for stretch in range(1, _LONGEST_STRETCH + 1):
        start = alerted - stretch * baseline
        found = CalmHistory(start=start, end=alerted, disturbed=_disturbed(responder, incident, start))
        if found.seconds(until=alerted) >= _ENOUGH_CALM * baseline:
            return found
    return CalmHistory(start=alerted - baseline, end=alerted, disturbed=(), known=False)


def _disturbed(responder: Responder, incident: Incident, since: float) -> Spans:
    alerted = (incident.detected_at or incident.opened_at).timestamp()
    spans: list[tuple[float, float]] = []
    for other in responder.incidents.list():
        began, over = other.onset_at or other.detected_at, other.recovered_at or other.closed_at
        if other.id == incident.id or began is None:
            continue
        begin = max(began.timestamp() - _FADE_SECONDS, since)
        end = min(over.timestamp() + _FADE_SECONDS, alerted) if over else alerted
        if begin < end:
            spans.append((begin, end))
    return _united(spans)


def _united(spans: Iterable[tuple[float, float]]) -> Spans:
    united: list[tuple[float, float]] = []
    for begin, end in sorted(spans):
        if united and begin <= united[-1][1]:
            united[-1] = (united[-1][0], max(united[-1][1], end))
        else:
            united.append((begin, end))
    return tuple(united)
