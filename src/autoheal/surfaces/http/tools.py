"""Tools of foreign servers: what is offered, and a person's word on what each may be used for."""

from __future__ import annotations

from autoheal.domain.person import Right
from autoheal.domain.tool import Classification, Survey, ToolFile, ToolTier
from autoheal.surfaces.http.acts import Body, Digest, Words
from autoheal.surfaces.http.product import Product, api_router

router = api_router("tools")


class ClassificationBody(Body):
    """What exactly the tool with this digest may be used for."""

    tier: ToolTier
    digest: Digest
    note: Words = ""


class DenialBody(Body):
    """Who denies, and why."""

    note: Words = ""


@router.get("/tools")
def survey(app: Product) -> Survey:
    """Ask every server what it offers now; servers that do not answer are named with the reason."""
    return app.belt.survey()


@router.get("/tools/{tool_id}")
def tool(tool_id: str, app: Product) -> ToolFile:
    """Give one tool as its server describes it now, and what changed since a person classified it."""
    return app.belt.file(tool_id)


@router.post("/tools/{tool_id}/classification", status_code=201)
def classify(tool_id: str, body: ClassificationBody, app: Product) -> Classification:
    """Say what a tool may be used for, as it was seen; a model is only ever given what may be read."""
    actor = app.acting(body.actor, Right.CLASSIFY_TOOL)
    return app.belt.classify(tool_id, tier=body.tier, digest=body.digest, actor=actor, note=body.note)


@router.post("/tools/{tool_id}/denial", status_code=201)
def deny(tool_id: str, body: DenialBody, app: Product) -> Classification:
    """Deny a tool whatever it becomes; its server need not answer."""
    return app.belt.deny(tool_id, actor=app.acting(body.actor, Right.DENY_TOOL), note=body.note)
