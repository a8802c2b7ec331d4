"""Replay of a recorded case: the same diagnosis as live, as one JSON object (`autoheal.replay/1`)."""

from __future__ import annotations

from autoheal.diagnosis.change_evidence import SUSPECT
from autoheal.diagnosis.finding import Diagnosis, RankedCause, RankedChange, Term, Window
from autoheal.domain.investigation import VerdictKind
from autoheal.healing.investigate import rank
from autoheal.recording.case_folder import Case

SCHEMA = "autoheal.replay/1"
_DIGITS = 6


def replay(case: Case, *, elapsed_ms: float = 0.0, diagnosis: Diagnosis | None = None) -> dict[str, object]:
    """The replay document of a case; the same case gives the same bytes apart from elapsed_ms."""
    found = diagnosis or rank(case.telemetry, case.services)
    return {
        "schema": SCHEMA,
        "case": case.id,
        "verdict": found.verdict.value,
        "confidence": round(found.confidence, _DIGITS),
        "onset": found.onset,
        "ranking": [_cause(cause) for cause in found.ranking],
        "changes": [_change(change) for change in found.changes],
        "remediation": found.remediation.value if found.remediation else None,
        "finding": _finding(found),
        "missing": list(found.missing),
        "elapsed_ms": round(elapsed_ms, 1),
    }


def _cause(cause: RankedCause) -> dict[str, object]:
    return {
        "entity": cause.entity,
        "score": round(cause.score, _DIGITS),
        "confidence": round(cause.confidence, _DIGITS),
        "mechanism": cause.mechanism.value,
        "evidence": [_term(term) for term in cause.terms],
    }


def _term(term: Term) -> dict[str, object]:
    return {
        "term": term.name,
        "modality": term.modality.value,
        "subject": term.subject,
        "points": round(term.points, _DIGITS),
        "before": term.before,
        "after": term.after,
        "before_window": _window(term.before_window),
        "after_window": _window(term.after_window),
        "statistic": term.statistic,
        "unit": term.unit,
        "seen_at": term.seen_at or term.entity,
    }


def _window(window: Window | None) -> list[float] | None:
    return [window.start, window.end] if window else None


def _change(change: RankedChange) -> dict[str, object]:
    return {
        "id": change.id,
        "entity": change.entity,
        "score": round(change.score, _DIGITS),
        "why": list(change.why),
        "refuted": list(change.refuted),
    }


def _finding(found: Diagnosis) -> dict[str, object] | None:
    """The one sentence for a person; none where nothing may be claimed."""
    if not found.ranking or found.verdict is not VerdictKind.CAUSE:
        return None
    first = found.ranking[0]
    culprit = found.changes[0].id if found.changes and found.changes[0].score >= SUSPECT else None
    return {
        "entity": first.entity,
        "mechanism": first.mechanism.value,
        "change": culprit,
        "reason": found.reason,
    }
