"""`autoheal skill`: the reviewed skills, the trust they have earned, and whether a folder is valid."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from autoheal.app import read_skill
from autoheal.domain.errors import NotFoundError
from autoheal.surfaces.cli.opening import opened
from autoheal.surfaces.cli.options import AsJson
from autoheal.surfaces.cli.output import note, show_json, show_table

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


@command.command("lint")
def lint(
    folder: Annotated[Path, typer.Argument(help="A skill's folder, with SKILL.md and autoheal.yaml.")],
    *,
    as_json: AsJson = False,
) -> None:
    """Read a skill folder as strictly as a merge does; exit 3 and name file and line when it is wrong."""
    if not folder.is_dir():
        raise NotFoundError(f"{folder}: no such folder")
    texts = {path.name: path.read_text(encoding="utf-8") for path in folder.iterdir() if path.is_file()}
    skill = read_skill(folder.resolve().name, texts)
    if as_json:
        show_json("skill_lint", valid=True, skill=skill)
        return
    note(f"{skill.reference}: valid")
