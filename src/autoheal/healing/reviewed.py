"""The whole review of a cause: code tries to refute it, then a model that did not write it."""

from __future__ import annotations

from dataclasses import replace

from autoheal.domain.investigation import HypothesisState, Review
from autoheal.healing.responder import Responder
from autoheal.healing.review import UnderReview, review, unreviewed
from autoheal.healing.review_model import challenged
from autoheal.ports.reasoning import Stage

STAGE = "review"
_OFF = "the reviewer is turned off (healing.review)"


def reviewed(responder: Responder, incident_id: str, case: UnderReview) -> Review:
    """What code holds against a cause and, where that is nothing, what a configured model does."""
    if not responder.settings.review:
        return turned_off(case.hypothesis.id)
    found = review(responder.gatherer.for_stage(incident_id, STAGE), case)
    unsure = case.hypothesis.confidence < responder.settings.act_confidence
    if not found.passed or unsure or not responder.reasoning.models(Stage.REVIEW):
        return found
    said = challenged(responder, incident_id, case)
    responder.note(incident_id, "decision", f"review by {said.reviewer}: {said.outcome}")
    return replace(
        found,
        reviewer=f"{found.reviewer}, {said.reviewer}",
        objections=(*found.objections, *said.objections),
        completed=not said.absent,
        absent=said.absent,
    )


def turned_off(hypothesis_id: str) -> Review:
    """What stands in the place of a review that the settings turn off."""
    return Review(
        reviewer="nobody",
        hypothesis_id=hypothesis_id,
        objections=(unreviewed(_OFF),),
        completed=False,
        absent=_OFF,
    )


def state_after(found: Review) -> HypothesisState:
    """What becomes of a cause that nothing refuted: it leads, and is accepted only once it was reviewed."""
    return HypothesisState.ACCEPTED if found.passed else HypothesisState.LEADING
