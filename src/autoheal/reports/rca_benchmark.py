"""How good the ranking is on labelled cases, beside two published baselines on the same cases."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from autoheal.diagnosis.baselines import nsigma_ranking, robust_ranking
from autoheal.diagnosis.engine import diagnose
from autoheal.diagnosis.finding import Diagnosis
from autoheal.domain.errors import MalformedError, NotFoundError
from autoheal.recording.case_folder import Case
from autoheal.reports.calibration import Judged, calibration

_PLACES = 5
MECHANISMS: Mapping[str, frozenset[str]] = {
    "cpu_contention": frozenset({"resource_exhaustion"}),
    "cpu_consumed": frozenset({"resource_exhaustion"}),
    "network_delay": frozenset({"network_delay"}),
    "exception": frozenset({"errors", "crash"}),
    "return": frozenset({"errors"}),
    "bad_commit": frozenset({"deploy", "configuration"}),
}
"""Which mechanisms are right for the fault types that name one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Truth:
    """What really was at fault; only the scorer reads it."""

    entity: str
    fault_type: str
    change: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Scored:
    """One case's outcome: the place of the true entity per method (from 1; 0 where it is not named)."""

    system: str
    places: Mapping[str, int]
    confidence: float
    milliseconds: float
    change_right: bool | None
    mechanism_right: bool | None


def read_truth(folder: Path) -> Truth:
    """The truth of a case; raises NotFoundError or MalformedError naming the file."""
    path = folder / "truth.json"
    if not path.exists():
        raise NotFoundError(f"no truth.json in {folder}: a benchmark needs labelled cases")
    try:
        body = json.loads(path.read_text(encoding="utf-8"))
        change = body.get("change")
        return Truth(
            entity=str(body["entity"]),
            fault_type=str(body.get("fault_type", "")),
            change=str(change) if change else None,
        )
    except (ValueError, KeyError, AttributeError) as error:
        raise MalformedError(f"{path}: needs an object with `entity` ({error})") from None


def measured(case: Case, truth: Truth, *, timer: Callable[[], float]) -> Scored:
    """Diagnose one case and compare it with the truth; the timer gives seconds."""
    begun = timer()
    diagnosis = diagnose(case.telemetry)
    return scored(case, truth, diagnosis, milliseconds=(timer() - begun) * 1000)


def scored(
    case: Case, truth: Truth, diagnosis: Diagnosis, *, milliseconds: float, suspect: float = 0.5
) -> Scored:
    """Compare one diagnosis, and both baselines, with the truth."""
    rankings = {
        "autoheal": [cause.entity for cause in diagnosis.ranking],
        "nsigma": nsigma_ranking(case.telemetry),
        "robustscorer": robust_ranking(case.telemetry),
    }
    named = diagnosis.changes[0].id if diagnosis.changes and diagnosis.changes[0].score >= suspect else "none"
    right = MECHANISMS.get(truth.fault_type)
    first = diagnosis.ranking[0].mechanism.value if diagnosis.ranking else ""
    return Scored(
        system=case.system,
        places={name: _place(ranking, truth.entity) for name, ranking in rankings.items()},
        confidence=diagnosis.confidence,
        milliseconds=milliseconds,
        change_right=None if truth.change is None else named == truth.change,
        mechanism_right=None if right is None else first in right,
    )


def _place(ranking: Sequence[str], entity: str) -> int:
    return ranking.index(entity) + 1 if entity in ranking else 0


def summary(outcomes: Sequence[Scored]) -> dict[str, object]:
    """The figures as JSON: by system, over all, of the baselines, calibration, changes and mechanism."""
    systems: dict[str, list[Scored]] = defaultdict(list)
    for outcome in outcomes:
        systems[outcome.system].append(outcome)
    return {
        "schema": "autoheal.bench-rca/1",
        "systems": {name: _figures(found, "autoheal") for name, found in sorted(systems.items())},
        "all": _figures(outcomes, "autoheal"),
        "baselines": {name: _figures(outcomes, name) for name in ("nsigma", "robustscorer")},
        "calibration_error": calibration_error(outcomes),
        "changes": _share(o.change_right for o in outcomes),
        "mechanism": _share(o.mechanism_right for o in outcomes),
    }


def _figures(outcomes: Sequence[Scored], method: str) -> dict[str, float | int]:
    places = [outcome.places[method] for outcome in outcomes]
    figures: dict[str, float | int] = {"n": len(places)}
    hits = [_rate(places, limit) for limit in range(1, _PLACES + 1)]
    figures |= {"ac1": hits[0], "ac3": hits[2], "ac5": hits[4], "avg5": round(sum(hits) / _PLACES, 4)}
    if method == "autoheal":
        figures["ms"] = round(median(outcome.milliseconds for outcome in outcomes), 1) if outcomes else 0.0
    return figures


def _rate(places: Sequence[int], limit: int) -> float:
    return round(sum(0 < place <= limit for place in places) / max(len(places), 1), 4)


def _share(answers: Iterable[bool | None]) -> dict[str, float | int]:
    known = [answer for answer in answers if answer is not None]
    return {"n": len(known), "right": round(sum(known) / len(known), 4) if known else 0.0}


def calibration_error(outcomes: Sequence[Scored]) -> float:
    """How far stated confidence and the share of right first places lie apart."""
    judged = [
        Judged(investigation="", stated=o.confidence, right=o.places["autoheal"] == 1, by="truth")
        for o in outcomes
    ]
    return calibration(judged).error or 0.0
