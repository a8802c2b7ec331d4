"""What a person may do: decide on an action, merge or reject a lesson, stop everything."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Self

from pydantic import BaseModel, ConfigDict, StringConstraints, model_validator

from autoheal.domain.approval import Approval, Decision
from autoheal.domain.investigation import Mechanism
from autoheal.domain.judgment import Judgment, Truth, Word
from autoheal.domain.person import Right
from autoheal.domain.proposal import Proposal
from autoheal.domain.question import Question
from autoheal.recording.deletion import Tombstone
from autoheal.surfaces.http.product import Product, api_router
from autoheal.surfaces.http.reads import KillSwitch

router = api_router("act")
CHANNEL = "http"

Person = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=200)]
Words = Annotated[str, StringConstraints(strip_whitespace=True, max_length=4000)]
Reason = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=4000)]
Digest = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]


class Body(BaseModel):
    """The base of request bodies: an unknown field is an error; whoever signed in need not be named."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    actor: Person = ""


class DecisionBody(Body):
    """A yes or no to exactly the action with this digest."""

    digest: Digest
    decision: Decision
    note: Words = ""


class AnswerBody(Body):
    """What only this person knows."""

    text: Reason


class ServiceBody(Body):
    """The service that a person speaks of."""

    service: Person


class JudgmentBody(Body):
    """Whether the verdict was right; a wrong one says what was there: a service at fault, or no fault."""

    right: bool
    entity: Person | None = None
    mechanism: Mechanism | None = None
    change_id: Person | None = None
    note: Words = ""

    @model_validator(mode="after")
    def _fits(self) -> Self:
        if (self.right and self.entity) or ((self.mechanism or self.change_id) and not self.entity):
            raise ValueError("only a wrong verdict names an entity, and only an entity has more to it")
        return self


@dataclass(frozen=True, slots=True, kw_only=True)
class Judged:
    """The judgment, and where its case entered the regression set, or why it did not."""

    judgment: Judgment
    regression: str


class PostmortemBody(Body):
    """Who publishes, and the edited text where the draft was edited."""

    text: Annotated[str, StringConstraints(max_length=100_000)] | None = None


class Published(BaseModel):
    """Where a published page stands in the context repository."""

    path: str


class ReasonBody(Body):
    """Who, and why."""

    reason: Reason


@router.post("/actions/{mitigation_id}/approval", status_code=201)
def decide(mitigation_id: str, body: DecisionBody, app: Product) -> Approval:
    """Say yes or no, once, to the action as it was seen."""
    return app.decide(
        mitigation_id,
        digest=body.digest,
        decision=body.decision,
        actor=body.actor,
        channel=CHANNEL,
        note=body.note,
    )


@router.post("/questions/{question_id}/answer")
def answer(question_id: str, body: AnswerBody, app: Product) -> Question:
    """Answer a question, once, under one's own name."""
    return app.answer(question_id, actor=body.actor, text=body.text)


@router.post("/incidents/{incident_id}/correction", status_code=204)
def correct(incident_id: str, body: ServiceBody, app: Product) -> None:
    """Say that a service is not the cause: what waits there is called off, another cause is sought."""
    app.correct(incident_id, actor=body.actor, service=body.service)


@router.post("/incidents/{incident_id}/judgment", status_code=201)
def judge(incident_id: str, body: JudgmentBody, app: Product) -> Judged:
    """Judge the last verdict: a wrong one is traced to its first wrong step and enters the regression set."""
    truth = Truth(entity=body.entity, mechanism=body.mechanism, change_id=body.change_id)
    word = Word(actor=body.actor, truth=None if body.right else truth, note=body.note)
    judgment, entered = app.judge(incident_id, word)
    return Judged(judgment=judgment, regression=entered)


@router.post("/incidents/{incident_id}/deletion", status_code=201)
def delete(incident_id: str, body: ReasonBody, app: Product) -> Tombstone:
    """Delete what was investigated of a closed incident; who, when and why stays for good."""
    return app.deletion.delete(incident_id, actor=app.acting(body.actor, Right.DELETE), reason=body.reason)


@router.post("/proposals/{proposal_id}/merge")
def merge(proposal_id: str, body: Body, app: Product) -> Proposal:
    """Merge a lesson: the repository changes for real."""
    return app.merge(proposal_id, actor=body.actor)


@router.post("/proposals/{proposal_id}/reject")
def reject(proposal_id: str, body: ReasonBody, app: Product) -> Proposal:
    """Turn a lesson down; the reason is kept."""
    return app.reject(proposal_id, actor=body.actor, reason=body.reason)


@router.post("/incidents/{incident_id}/postmortem", status_code=201)
def publish(incident_id: str, body: PostmortemBody, app: Product) -> Published:
    """Publish the draft of a closed incident, or the text made of it; from then on it is found."""
    actor = app.acting(body.actor, Right.PUBLISH)
    return Published(path=app.knowledge.publish(incident_id, actor=actor, text=body.text))


@router.post("/kill-switch")
def kill(body: ReasonBody, app: Product) -> KillSwitch:
    """Stop every effect at once; reading and paging go on."""
    app.kill(actor=body.actor, reason=body.reason)
    reason = app.killed()
    return KillSwitch(engaged=reason is not None, reason=reason)


@router.post("/kill-switch/release")
def release(body: Body, app: Product) -> KillSwitch:
    """Allow effects again; a kill-switch file stays in force."""
    app.release(actor=body.actor)
    reason = app.killed()
    return KillSwitch(engaged=reason is not None, reason=reason)
