"""The pages: live incidents, one incident, evidence, lessons, skills, figures, kill switch, API."""

from __future__ import annotations

from typing import Annotated, Literal
from urllib.parse import urlencode

from fastapi import APIRouter, Query, Request
from fastapi.responses import HTMLResponse

from autoheal.domain.catalog import Around, Asked
from autoheal.domain.fact import NodeKind
from autoheal.domain.person import Right
from autoheal.surfaces.web.api_page import operations
from autoheal.surfaces.web.evidence_view import charts_of
from autoheal.surfaces.web.graph_drawing import draw
from autoheal.surfaces.web.graph_walk import moment, only
from autoheal.surfaces.web.incident_view import view
from autoheal.surfaces.web.rendering import PageRoute, Product, page

MOST_ROWS = 400
MOST_ENTRIES = 100
MOST_DIFF = 60_000

router = APIRouter(route_class=PageRoute, include_in_schema=False, default_response_class=HTMLResponse)


@router.get("/")
def incidents(request: Request, app: Product) -> HTMLResponse:
    """Show incidents, newest first, and what waits for a person."""
    return page(
        request, "incidents.html", incidents=app.incidents(limit=100), waiting=app.mitigations_waiting()
    )


@router.get("/incidents/{incident_id}")
def incident(incident_id: str, request: Request, app: Product) -> HTMLResponse:
    """Show everything known of one incident."""
    shown = view(app.incident(incident_id), app.evidence, app.clock.now())
    return page(request, "incident.html", view=shown, incident=shown.file.incident, file=shown.file)


@router.get("/incidents/{incident_id}/impact")
def impact(incident_id: str, request: Request, app: Product) -> HTMLResponse:
    """Show whom the fault touches at this moment."""
    return page(request, "impact.html", impact=app.impact(incident_id))


@router.get("/evidence/{evidence_id}")
def evidence(evidence_id: str, request: Request, app: Product) -> HTMLResponse:
    """Show one stored query, its window and exactly what came back."""
    found, rows = app.evidence(evidence_id)
    return page(
        request,
        "evidence.html",
        evidence=found,
        rows=rows[:MOST_ROWS],
        total=len(rows),
        charts=charts_of(found, rows),
    )


@router.get("/proposals")
def proposals(request: Request, app: Product) -> HTMLResponse:
    """Show every lesson."""
    return page(request, "proposals.html", proposals=app.proposals())


@router.get("/proposals/{proposal_id}")
def proposal(proposal_id: str, request: Request, app: Product) -> HTMLResponse:
    """Show one lesson with its proof and what merging it would change."""
    diff = app.proposal_diff(proposal_id) if app.may(Right.READ_RAW) else ""
    return page(
        request,
        "proposal.html",
        proposal=app.proposal(proposal_id),
        diff=diff[:MOST_DIFF].splitlines(),
        cut=len(diff) > MOST_DIFF,
    )


@router.get("/skills")
def skills(request: Request, app: Product) -> HTMLResponse:
    """Show the reviewed skills and the trust they have earned."""
    return page(request, "skills.html", skills=app.skills())


@router.get("/graph")
def catalog(
    request: Request,
    app: Product,
    kind: NodeKind | Literal[""] = "",
    words: Annotated[str, Query(max_length=200)] = "",
    offset: Annotated[int, Query(ge=0, le=100_000_000)] = 0,
) -> HTMLResponse:
    """Show a page of the catalog as a table, and where sources disagree."""
    asked = Asked(kind=kind or None, words=words, limit=MOST_ENTRIES, offset=offset)
    found = app.knowledge.entries(asked)
    disputed = app.knowledge.conflicts()
    return page(
        request,
        "catalog.html",
        found=found,
        step=MOST_ENTRIES,
        words=words,
        kinds=list(NodeKind),
        kind=kind,
        conflicts=disputed[:MOST_ENTRIES],
        disputed=len(disputed),
    )


@router.get("/graph/{urn:path}")
def graph(  # noqa: PLR0913  each is a field of the page's form
    urn: str,
    request: Request,
    app: Product,
    *,
    hops: Annotated[int, Query(ge=1, le=3)] = 1,
    known_at: str = "",
    true_at: str = "",
    kinds: Annotated[list[NodeKind] | None, Query()] = None,
) -> HTMLResponse:
    """Show what stands around a thing, as a drawing to walk through and as a table."""
    around = Around(hops=hops, known_at=moment(known_at), true_at=moment(true_at) or moment(known_at))
    view = only(app.knowledge.around(urn, around), frozenset(kinds or ()))
    times = {name: said for name, said in (("known_at", known_at), ("true_at", true_at)) if said}
    walked = [("hops", str(hops)), *times.items(), *(("kinds", kind.value) for kind in kinds or ())]
    return page(
        request,
        "graph.html",
        view=view,
        drawing=draw(view),
        center=view.entries[0],
        names={entry.urn: entry.title for entry in view.entries},
        disputed=frozenset(fact.id for each in view.conflicts for fact in each.facts),
        hops=hops,
        known_at=known_at,
        true_at=true_at,
        kinds=kinds or [],
        all_kinds=list(NodeKind),
        walked=urlencode(walked),
    )


@router.get("/graph-mends")
def mends(request: Request, app: Product, taken: str = "") -> HTMLResponse:
    """Show what people mended in the graph, with the way back of each, and the forms that mend more."""
    extractor, _, version = taken.partition("@")
    merges = sorted(app.knowledge.curation.merges(), key=lambda each: each.at, reverse=True)
    return page(request, "mends.html", merges=merges[:MOST_ROWS], extractor=extractor, version=version)


@router.get("/report")
def report(request: Request, app: Product) -> HTMLResponse:
    """Show figures, cost per n-th incident, and the level."""
    return page(request, "report.html", report=app.report())


@router.get("/kill-switch")
def kill_switch(request: Request) -> HTMLResponse:
    """Show whether everything is stopped, and the form that changes it."""
    return page(request, "kill_switch.html")


@router.get("/docs")
def docs(request: Request) -> HTMLResponse:
    """Show the operations of the API."""
    return page(request, "docs.html", operations=operations(request.app.openapi()))
