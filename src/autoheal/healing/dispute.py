"""Author and reviewer disagree twice: neither is forced to give in, a person gets both cases."""

from __future__ import annotations

from autoheal.domain.investigation import Hypothesis, Investigation
from autoheal.healing.responder import Responder
from autoheal.policy.untrusted import fit

DISAGREEMENTS = 2
"""After so many on an incident, whoever is paged is told both cases and not that nothing was found."""

_SHOWN = 2
_LENGTH = 1_500


def disputed(responder: Responder, incident_id: str) -> str:
    """Both cases in words once author and reviewer have disagreed twice on the incident, else nothing."""
    found = [i for i in responder.incidents.investigations(incident_id) if disagree(i)]
    if len(found) < DISAGREEMENTS:
        return ""
    told = "; then ".join(both_cases(investigation) for investigation in found[-DISAGREEMENTS:])
    return fit(f"author and reviewer disagree: {told}", _LENGTH)


def disagree(investigation: Investigation) -> bool:
    """Whether the author stood by a cause and a review that took place refuted it."""
    review = investigation.review
    return review is not None and review.completed and not review.passed


def both_cases(investigation: Investigation) -> str:
    """What the author claims and on what, and what the reviewer holds against it."""
    review = investigation.review
    author = next((h for h in investigation.hypotheses if review and h.id == review.hypothesis_id), None)
    against = review.refutations if review else ()
    return f"the author says {_case(author)}; the reviewer says {', '.join(against[:_SHOWN])}"


def _case(hypothesis: Hypothesis | None) -> str:
    if hypothesis is None:
        return "nothing"
    claims = ", ".join(claim.text for claim in hypothesis.claims_for[:_SHOWN])
    return f"{hypothesis.statement} ({claims})"
