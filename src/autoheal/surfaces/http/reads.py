"""What can be read: incidents, evidence, deliveries, lessons, knowledge, figures."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated

from fastapi import Query, Response
from fastapi.responses import StreamingResponse
from pydantic import AwareDatetime

from autoheal.app import IncidentFile
from autoheal.domain.catalog import Around, Asked, CatalogPage, Conflict, View
from autoheal.domain.evidence import Evidence, Row
from autoheal.domain.fact import Fact, Node, NodeKind, Relation
from autoheal.domain.impact import Impact
from autoheal.domain.incident import Incident
from autoheal.domain.mitigation import Mitigation
from autoheal.domain.proposal import Proposal
from autoheal.domain.question import Question
from autoheal.domain.skill import Skill
from autoheal.reports.checks import Check
from autoheal.reports.figures import Report
from autoheal.surfaces.http.product import Product, api_router

router = api_router("read")
Limit = Annotated[int, Query(ge=1, le=1000)]
Offset = Annotated[int, Query(ge=0, le=100_000_000)]
Words = Annotated[str, Query(max_length=200)]


@dataclass(frozen=True, slots=True, kw_only=True)
class WholeIncident:
    """Everything known of an incident, and the digest of each mitigation, which an approval must name."""

    file: IncidentFile
    digests: Mapping[str, str]
    withheld: str = ""
    """What the reader does not see, and which right it takes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class EvidenceRows:
    """A query and exactly what came back; a value that is no number is null."""

    evidence: Evidence
    rows: Sequence[Row]
    withheld: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class WaitingAction:
    """A mitigation that waits for a person, with the digest to approve."""

    mitigation: Mitigation
    digest: str


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditState:
    """Whether the chain is as it was written; `broken` names the record that is not."""

    intact: bool
    broken: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class KillSwitch:
    """Whether everything is stopped, and why."""

    engaged: bool
    reason: str | None


@router.get("/incidents")
def incidents(app: Product, limit: Limit = 100) -> Sequence[Incident]:
    """List incidents, newest first."""
    return app.incidents(limit=limit)


@router.get("/incidents/{incident_id}")
def incident(incident_id: str, app: Product) -> WholeIncident:
    """Give everything known of one incident."""
    file = app.incident(incident_id)
    return WholeIncident(file=file, digests={m.id: m.digest for m in file.mitigations}, withheld=app.withheld)


@router.get("/incidents/{incident_id}/impact")
def impact(incident_id: str, app: Product) -> Impact:
    """Measure whom the fault touches at this moment, and tell what nobody knows."""
    return app.impact(incident_id)


@router.get("/evidence/{evidence_id}")
def evidence(evidence_id: str, app: Product) -> EvidenceRows:
    """Give one stored query with the rows that came back."""
    found, rows = app.evidence(evidence_id)
    return EvidenceRows(evidence=found, rows=rows, withheld=app.withheld)


@router.get("/deliveries/{event_id}", response_class=Response)
def delivery(event_id: str, app: Product) -> Response:
    """Give one delivery as it came but for its secrets, as a download, for its text is anybody's."""
    event = app.event(event_id)
    headers = {
        "Content-Disposition": "attachment; filename=delivery.bin",
        "X-Autoheal-Received-At": event.received_at.isoformat(),
    }
    return Response(event.body, media_type="application/octet-stream", headers=headers)


@router.get("/incidents/{incident_id}/chat", response_class=Response)
def chat_preview(incident_id: str, app: Product) -> Response:
    """Show the very text of an incident's first chat message, as the chat gets it."""
    return Response(app.chat_preview(incident_id), media_type="application/json")


@router.get("/actions")
def actions(app: Product) -> Sequence[WaitingAction]:
    """List the mitigations that wait for a person."""
    return [WaitingAction(mitigation=m, digest=m.digest) for m in app.mitigations_waiting()]


@router.get("/questions")
def questions(app: Product) -> Sequence[Question]:
    """List the questions that wait for an answer, oldest first."""
    return app.questions()


@router.get("/proposals")
def proposals(app: Product) -> Sequence[Proposal]:
    """List the lessons, newest first."""
    return app.proposals()


@router.get("/proposals/{proposal_id}")
def proposal(proposal_id: str, app: Product) -> Proposal:
    """Give one lesson with its proof."""
    return app.proposal(proposal_id)


@router.get("/proposals/{proposal_id}/diff", response_class=Response)
def proposal_diff(proposal_id: str, app: Product) -> Response:
    """Give what merging the lesson would change, as a unified diff."""
    return Response(app.proposal_diff(proposal_id), media_type="text/plain; charset=utf-8")


@router.get("/skills")
def skills(app: Product) -> Sequence[Skill]:
    """List the reviewed skills with the trust they have earned."""
    return app.skills()


@router.get("/skills/{name}")
def skill(name: str, app: Product) -> Skill:
    """Give one skill."""
    return app.skill(name)


@router.get("/graph/nodes")
def nodes(app: Product, kind: NodeKind | None = None) -> Sequence[Node]:
    """List nodes of the production context graph."""
    return app.graph().nodes(kind)


@router.get("/graph/facts")
def facts(
    app: Product, subject: str | None = None, relation: Relation | None = None, target: str | None = None
) -> Sequence[Fact]:
    """List what is believed now, by subject, relation or the target of the relation."""
    return app.graph().facts(subject=subject, relation=relation, object=target)


@router.get("/graph/catalog")
def catalog(
    app: Product,
    kind: NodeKind | None = None,
    words: Words = "",
    limit: Limit = 100,
    offset: Offset = 0,
    *,
    retired: bool = False,
) -> CatalogPage:
    """Give a page of the catalog: each thing with who tells of it and when one last did, and the total."""
    asked = Asked(kind=kind, words=words, retired=retired, limit=limit, offset=offset)
    return app.knowledge.entries(asked)


@router.get("/graph/around")
def around(
    app: Product,
    thing: str,
    hops: Annotated[int, Query(ge=1, le=4)] = 1,
    known_at: AwareDatetime | None = None,
    true_at: AwareDatetime | None = None,
) -> View:
    """Give what stands around a thing, as known and as true at the given times."""
    return app.knowledge.around(thing, Around(hops=hops, known_at=known_at, true_at=true_at))


@router.get("/graph/conflicts")
def conflicts(app: Product) -> Sequence[Conflict]:
    """List where sources disagree, each word with who says it."""
    return app.knowledge.conflicts()


@router.get("/graph/fact")
def fact(app: Product, fact_id: str) -> Fact:
    """Give one fact by the id that a trace cites, also one that is no longer believed."""
    return app.knowledge.fact(fact_id)


@router.get("/graph/export", response_class=StreamingResponse)
def export(app: Product) -> StreamingResponse:
    """Give everything that was ever believed as JSON lines."""
    lines = (f"{line}\n" for line in app.knowledge.export())
    return StreamingResponse(lines, media_type="application/x-ndjson")


@router.get("/incidents/{incident_id}/postmortem", response_class=Response)
def postmortem(incident_id: str, app: Product) -> Response:
    """Give the draft of a closed incident's postmortem."""
    return Response(app.knowledge.postmortem(incident_id), media_type="text/markdown; charset=utf-8")


@router.get("/report")
def report(app: Product) -> Report:
    """Give cost per n-th incident, times, prevention and level, each with its events."""
    return app.report()


@router.get("/checks")
def checks(app: Product) -> Sequence[Check]:
    """Give what `autoheal doctor` sees."""
    return app.checks()


@router.get("/audit")
def audit(app: Product) -> AuditState:
    """Recompute the chain of decisions."""
    broken = app.audit_verify()
    return AuditState(intact=broken is None, broken=broken)


@router.get("/kill-switch")
def kill_switch(app: Product) -> KillSwitch:
    """Say whether everything is stopped."""
    reason = app.killed()
    return KillSwitch(engaged=reason is not None, reason=reason)
