"""Code, not a model, checks each citation: the number must follow from the stored rows."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence

from autoheal.domain.evidence import Claim, Evidence, Found, Reading, Row, digest_of

_NUMBER = re.compile(r"(?<![\w.])-?\d+(?:\.\d+)?(?:e-?\d+)?")
_QUOTED = re.compile(r'"[^"]*"')
"""Names stand in quotes, so that a digit in a name is not taken for a measured number."""


def objection_to(
    claim: Claim, evidence: Mapping[str, Evidence], rows: Mapping[str, Sequence[Row]]
) -> str | None:
    """Why a claim does not stand on what it cites; None when it does."""
    for reading in claim.readings:
        cited = evidence.get(reading.evidence_id)
        if cited is None:
            return f"{reading.evidence_id} does not exist"
        problem = _problem(reading, cited, rows.get(reading.evidence_id, ()))
        if problem is not None:
            return problem
    return _unbacked_number(claim)


def _problem(reading: Reading, cited: Evidence, rows: Sequence[Row]) -> str | None:
    if not cited.usable:
        return f"{cited.id} gave {cited.answer.kind}: no number can rest on it"
    if isinstance(cited.answer, Found) and cited.answer.digest != digest_of(rows):
        return f"the stored rows of {cited.id} are not those that came back"
    actual = reading.recompute(rows)
    if actual is None:
        return f"{cited.id} has no {reading.subject} of {reading.entity} in that time"
    if not math.isclose(actual, reading.value, rel_tol=1e-6, abs_tol=1e-9):
        return f"{cited.id} gives {actual:.6g} and not {reading.value:.6g}"
    return None


def _unbacked_number(claim: Claim) -> str | None:
    """Each number a claim writes must be one of its readings, as it is written."""
    known = {shown(reading.value) for reading in claim.readings}
    for number in _NUMBER.findall(_QUOTED.sub("", claim.text)):
        if number not in known:
            return f"the number {number} is not among the readings"
    return None


def shown(value: float) -> str:
    """How a reading is written in a sentence: at most four significant digits."""
    text = f"{value:.4g}"
    return text if "e" not in text or abs(value) < 1 else f"{value:.0f}"
