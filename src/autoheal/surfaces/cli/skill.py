"""`autoheal skill`: the reviewed skills, the trust they have earned, and whether a folder is valid."""

from __future__ import annotations

from typing import Annotated

import typer

from autoheal.surfaces.cli.opening import opened
from autoheal.surfaces.cli.options import AsJson
from autoheal.surfaces.cli.output import show_json, show_table

command = typer.Typer(no_args_is_help=True)


@command.command("list")
def list_skills(ctx: typer.Context, *, as_json: AsJson = False) -> None:
    """List the live skills with their rung on the ladder of trust."""
    with opened(ctx) as app:
        skills = app.skills()
    if as_json:
        show_json("skill_list", skills=skills)
        return
    rows = [(s.reference, s.trust, s.family, " ".join(s.incidents), s.description) for s in skills]
    columns = ("skill", "trust", "family", "learnt from", "description")
    show_table(columns, rows, empty="no skill yet; merge a skill proposal to have one")


@command.command("show")
def show(
    ctx: typer.Context,
    name: Annotated[str, typer.Argument(help="A skill's name.")],
    *,
    as_json: AsJson = False,
) -> None:
    """Show when a skill applies, how it looks, and what it does."""
    with opened(ctx) as app:
        skill = app.skill(name)
    if as_json:
        show_json("skill", skill=skill)
        return
    rows = [
        ("skill", f"{skill.reference}, {skill.trust}"),
        ("description", skill.description),
        ("family", skill.family),
        ("learnt from", " ".join(skill.incidents)),
        ("reviewed by", " ".join(skill.reviewed_by)),
        ("matches", "; ".join(skill.match.signatures)),
        *(
            (f"look {step.id}", f"{step.tool} {dict(step.arguments)} -> {step.save}")
            for step in skill.diagnose
        ),
        *(("decide", f"when {r.when}: {r.failure_mode} {r.mitigate or r.escalate}") for r in skill.decide),
        *((f"mitigate {key}", text) for key, text in skill.mitigations.items()),
        ("verify", f"{skill.verify_expression} gone for {skill.verify_stable_seconds:g} s"),
    ]
    show_table(("", ""), rows, empty="")
