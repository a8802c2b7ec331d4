"""Do the citations carry the sentences? Numbers, names, order and direction, each checked by code."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence

from autoheal.domain.evidence import Claim, Evidence, Row
from autoheal.domain.investigation import Hypothesis, Objection
from autoheal.healing.check_claims import objection_to, shown

TEST = "citations"

_QUOTED = re.compile(r'"([^"]*)"')
_FROM_TO = re.compile(r"\bfrom (-?[\d.]+(?:e-?\d+)?) to (-?[\d.]+(?:e-?\d+)?)")
_UP = re.compile(
    r"\b(rose|risen|rises|increased|climbed|grew|grown|jumped|spiked|higher|slower)\b", re.IGNORECASE
)
_DOWN = re.compile(r"\b(fell|fallen|falls|dropped|decreased|shrank|declined|lower|faster)\b", re.IGNORECASE)


def citations(
    hypothesis: Hypothesis,
    evidence: Mapping[str, Evidence],
    rows: Mapping[str, Sequence[Row]],
    calls: Collection[tuple[str, str]] = (),
) -> Objection:
    """Each claim must follow from what it cites, and at least one must be about the entity that is blamed.

    That is one that was measured of it, or of a caller where the claim says that the calls went to it.
    """
    if not hypothesis.claims_for:
        return Objection(test=TEST, passed=False, text="nothing is cited for it")
    for claim in hypothesis.claims_for:
        carried = objection_to(claim, evidence, rows)
        problem = carried or unsupported(claim, rows, of=hypothesis.entity, calls=calls)
        if problem is not None:
            return Objection(test=TEST, passed=False, text=problem, evidence_ids=claim.evidence_ids)
    if not any(_about(hypothesis.entity, claim, calls) for claim in hypothesis.claims_for):
        text = f"nothing that is cited was measured of {hypothesis.entity}"
        return Objection(test=TEST, passed=False, text=text)
    return Objection(test=TEST, passed=True, text="each number follows from the stored rows")


def _about(entity: str, claim: Claim, calls: Collection[tuple[str, str]]) -> bool:
    measured = {reading.entity for reading in claim.readings}
    named = entity in _QUOTED.findall(claim.text)
    return entity in measured or (named and any((caller, entity) in calls for caller in measured))


def unsupported(
    claim: Claim, rows: Mapping[str, Sequence[Row]], *, of: str, calls: Collection[tuple[str, str]]
) -> str | None:
    """Why the rows do not say what the sentence says, though they hold its numbers; None when they do.

    What was measured of a caller may be said of the calls to the entity that the hypothesis is of.
    """
    stored = [row for i in claim.evidence_ids for row in rows.get(i, ())]
    told = set(_QUOTED.findall(claim.text))
    entities = {reading.entity for reading in claim.readings}
    subjects = {reading.subject for reading in claim.readings}
    called = {of} if any((caller, of) in calls for caller in entities & told) else set()
    return (
        _other(told, {row.entity for row in stored}, entities | subjects | called)
        or _other(told, {row.subject for row in stored}, entities | subjects | called)
        or _order(claim)
        or _direction(claim)
    )


def _other(told: Collection[str], known: Collection[str], read: Collection[str]) -> str | None:
    """Something measured that the sentence names while the numbers are those of something else."""
    wrong = sorted(name for name in told if name and name in known and name not in read)
    return f"it speaks of {wrong[0]} and cites {', '.join(sorted(filter(None, read)))}" if wrong else None


def _order(claim: Claim) -> str | None:
    found = _FROM_TO.search(_QUOTED.sub("", claim.text))
    if found is None or len(claim.readings) == 1:
        return None
    first, last = claim.readings[0], claim.readings[-1]
    if first.start > last.start:
        return "what it calls before was measured after"
    if (found[1], found[2]) != (shown(first.value), shown(last.value)):
        return f"it went from {shown(first.value)} to {shown(last.value)}, not the other way"
    return None


def _direction(claim: Claim) -> str | None:
    text = _QUOTED.sub("", claim.text)
    before, after = claim.readings[0].value, claim.readings[-1].value
    if len(claim.readings) == 1 or (_UP.search(text) and _DOWN.search(text)):
        return None
    wrong = (_UP.search(text) and after < before) or (_DOWN.search(text) and after > before)
    return f"it went from {shown(before)} to {shown(after)}, not the other way" if wrong else None
