"""What the forms of the pages do: decide, merge, reject, stop; then back to the page they came from."""

from __future__ import annotations

from http import HTTPStatus
from typing import Annotated, Literal
from urllib.parse import quote

from fastapi import APIRouter, Form
from fastapi.responses import RedirectResponse
from pydantic import StringConstraints

from autoheal.domain.approval import Decision
from autoheal.domain.errors import UserError
from autoheal.domain.judgment import Truth, Word
from autoheal.domain.person import Right
from autoheal.surfaces.web.rendering import PageRoute, Product

CHANNEL = "web"

Person = Annotated[str, Form(), StringConstraints(strip_whitespace=True, min_length=1, max_length=200)]
Reason = Annotated[str, Form(), StringConstraints(strip_whitespace=True, min_length=1, max_length=4000)]
Words = Annotated[str, Form(), StringConstraints(strip_whitespace=True, max_length=4000)]
Verdict = Annotated[Literal["right", "wrong", "no fault"], Form()]
Thing = Annotated[str, Form(), StringConstraints(strip_whitespace=True, min_length=1, max_length=1000)]
Sure = Annotated[Literal["yes"], Form()]
Digest = Annotated[str, Form(), StringConstraints(pattern=r"^[0-9a-f]{64}$")]

router = APIRouter(route_class=PageRoute, include_in_schema=False)


@router.post("/actions/{mitigation_id}/approval")
def decide(
    mitigation_id: str,
    app: Product,
    digest: Digest,
    decision: Annotated[Decision, Form()],
    actor: Person,
    note: Words = "",
) -> RedirectResponse:
    """Say yes or no to exactly the action that the page showed."""
    shown = (m.incident_id for m in app.mitigations_waiting() if m.id == mitigation_id)
    incident_id = next(shown, "")
    app.decide(mitigation_id, digest=digest, decision=decision, actor=actor, channel=CHANNEL, note=note)
    return _back(f"/incidents/{incident_id}#actions" if incident_id else "/")


@router.post("/incidents/{incident_id}/judgment")
def judge(
    incident_id: str, app: Product, actor: Person, verdict: Verdict, entity: Words = "", note: Words = ""
) -> RedirectResponse:
    """Judge the last verdict of an incident."""
    if verdict == "wrong" and not entity:
        raise UserError("name the service that was at fault, or say that there was no fault")
    truth = None if verdict == "right" else Truth(entity=entity if verdict == "wrong" else None)
    app.judge(incident_id, Word(actor=actor, truth=truth, note=note))
    return _back(f"/incidents/{incident_id}#judgment")


@router.post("/incidents/{incident_id}/deletion")
def delete(incident_id: str, app: Product, actor: Person, reason: Reason) -> RedirectResponse:
    """Delete what was investigated of an incident."""
    app.delete(incident_id, actor=actor, reason=reason)
    return _back(f"/incidents/{incident_id}")


@router.post("/proposals/{proposal_id}/merge")
def merge(proposal_id: str, app: Product, actor: Person) -> RedirectResponse:
    """Merge a lesson."""
    app.merge(proposal_id, actor=actor)
    return _back(f"/proposals/{proposal_id}")


@router.post("/proposals/{proposal_id}/reject")
def reject(proposal_id: str, app: Product, actor: Person, reason: Reason) -> RedirectResponse:
    """Turn a lesson down."""
    app.reject(proposal_id, actor=actor, reason=reason)
    return _back(f"/proposals/{proposal_id}")


@router.post("/graph-merge")
def merge_things(
    app: Product, source: Thing, target: Thing, actor: Person, reason: Reason, sure: Sure
) -> RedirectResponse:
    """Say that two things are one; the list of mends, where it can be undone, comes next."""
    del sure
    who = app.acting(actor, Right.PUBLISH)
    app.knowledge.merge(source, target, actor=who, reason=reason)
    return _back("/graph-mends")


@router.post("/graph-unmerge")
def unmerge_things(app: Product, source: Thing, actor: Person, reason: Reason) -> RedirectResponse:
    """Undo a merge."""
    app.knowledge.unmerge(source, actor=app.acting(actor, Right.PUBLISH), reason=reason)
    return _back("/graph-mends")


@router.post("/graph-retract")
def retract(
    app: Product, extractor: Thing, actor: Person, reason: Reason, sure: Sure, version: Words = ""
) -> RedirectResponse:
    """Take back all that a reader said."""
    del sure
    who = app.acting(actor, Right.PUBLISH)
    app.knowledge.retract(extractor, version, actor=who, reason=reason)
    return _back("/graph-mends?taken=" + quote(f"{extractor}@{version}" if version else extractor))


@router.post("/graph-restore")
def restore(
    app: Product, extractor: Thing, actor: Person, reason: Reason, version: Words = ""
) -> RedirectResponse:
    """Believe again what was taken back."""
    app.knowledge.restore(extractor, version, actor=app.acting(actor, Right.PUBLISH), reason=reason)
    return _back("/graph-mends")


@router.post("/kill-switch/engage")
def engage(app: Product, actor: Person, reason: Reason) -> RedirectResponse:
    """Stop every effect."""
    app.kill(actor=actor, reason=reason)
    return _back("/kill-switch")


@router.post("/kill-switch/release")
def release(app: Product, actor: Person) -> RedirectResponse:
    """Allow effects again."""
    app.release(actor=actor)
    return _back("/kill-switch")


def _back(path: str) -> RedirectResponse:
    return RedirectResponse(path, status_code=HTTPStatus.SEE_OTHER)
