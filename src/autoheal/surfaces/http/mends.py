"""What a person may mend in the graph: two names of one thing, and what a faulty reader said."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

from pydantic import StringConstraints

from autoheal.domain.person import Right
from autoheal.ports.curation import Merge, Said
from autoheal.surfaces.http.acts import Body, Reason
from autoheal.surfaces.http.product import Product, api_router

router = api_router("mend")

Thing = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=1000)]
Version = Annotated[str, StringConstraints(strip_whitespace=True, max_length=200)]


class MergeBody(Body):
    """Two things that are one, each by urn or name, and why."""

    source: Thing
    target: Thing
    reason: Reason


class UnmergeBody(Body):
    """What was merged into another, and why they are two."""

    source: Thing
    reason: Reason


class ExtractorBody(Body):
    """What read it, which version of it (empty: all), and why."""

    extractor: Thing
    version: Version = ""
    reason: Reason


@router.get("/graph/merges")
def merges(app: Product) -> Sequence[Merge]:
    """List every merge, also those that were undone."""
    return app.knowledge.curation.merges()


@router.get("/graph/said-by")
def said_by(app: Product, extractor: Thing, version: Version = "") -> Said:
    """Count what stands by the word of an extractor, as taking it back would."""
    return app.knowledge.said_by(extractor, version)


@router.post("/graph/merge", status_code=201)
def merge(body: MergeBody, app: Product) -> Merge:
    """Say that two things are one: the first is read as the second from now on; unmerge undoes it."""
    actor = app.acting(body.actor, Right.PUBLISH)
    return app.knowledge.merge(body.source, body.target, actor=actor, reason=body.reason)


@router.post("/graph/unmerge")
def unmerge(body: UnmergeBody, app: Product) -> Merge:
    """Undo a merge: each has again what was told under its own name, also since the merge."""
    actor = app.acting(body.actor, Right.PUBLISH)
    return app.knowledge.unmerge(body.source, actor=actor, reason=body.reason)


@router.post("/graph/retract")
def retract(body: ExtractorBody, app: Product) -> Said:
    """Stop believing all that a faulty extractor said; restore undoes it."""
    actor = app.acting(body.actor, Right.PUBLISH)
    return app.knowledge.retract(body.extractor, body.version, actor=actor, reason=body.reason)


@router.post("/graph/restore")
def restore(body: ExtractorBody, app: Product) -> Said:
    """Believe again, from now on, what was taken back."""
    actor = app.acting(body.actor, Right.PUBLISH)
    return app.knowledge.restore(body.extractor, body.version, actor=actor, reason=body.reason)
