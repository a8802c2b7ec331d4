"""Turns the engine's ranking into hypotheses whose every sentence cites stored evidence. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from autoheal.diagnosis.finding import Diagnosis, Modality, RankedCause, RankedChange, Term, Window
from autoheal.domain.change import Change
from autoheal.domain.evidence import Claim, Reading, Statistic
from autoheal.domain.investigation import Hypothesis, HypothesisState, Mechanism
from autoheal.healing.check_claims import shown

KEPT = 5
"""How many candidates become hypotheses; the ranking itself is longer."""

_MIN_CHANGE_SCORE = 0.5


def hypotheses(
    diagnosis: Diagnosis,
    changes: Sequence[Change],
    evidence: Mapping[str, str],
    *,
    investigation_id: str,
    readings: Mapping[str, Sequence[Reading]],
) -> list[Hypothesis]:
    """One hypothesis for each of the best candidates, best first, then one for each refuted change."""
    del readings
    by_id = {change.id: change for change in changes}
    found = [
        _of_cause(f"{investigation_id}.h{rank}", rank, cause, diagnosis, by_id, evidence)
        for rank, cause in enumerate(diagnosis.ranking[:KEPT], start=1)
    ]
    return found
