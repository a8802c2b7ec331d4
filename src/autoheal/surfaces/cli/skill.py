"""`autoheal skill`: the reviewed skills: read, check, try, begin, trust more or less, go back."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from autoheal.app import App, blank_skill, read_skill
from autoheal.domain.errors import ConfigError, ConflictError, NotFoundError
from autoheal.domain.person import Right
from autoheal.domain.skill import Guide, Skill
from autoheal.surfaces.cli.opening import opened
from autoheal.surfaces.cli.options import Actor, AsJson, person
from autoheal.surfaces.cli.output import note, show_json, show_table

command = typer.Typer(no_args_is_help=True)

Name = Annotated[str, typer.Argument(help="A skill's name, as `skill list` shows it.")]
Either = Annotated[str, typer.Argument(help="A live skill's name, or a folder that holds one.")]
Folder = Annotated[Path, typer.Argument(help="A skill's folder, with SKILL.md and autoheal.yaml.")]
Reason = Annotated[str, typer.Option(help="Why; it is kept in the audit chain.")]

_FILES = ("SKILL.md", "autoheal.yaml")
"""What is read of a folder; what else lies there is for those who follow the skill."""
FAILED = 1
"""The exit code where a replay went wrong."""


@command.command("list")
def list_skills(ctx: typer.Context, *, as_json: AsJson = False) -> None:
    """List the live skills with their rung on the ladder of trust, the stale ones marked.

    The rungs: candidate (never run), shadow (runs beside the investigation and has to agree), assisted (may
    answer), trusted, auto. A rung belongs to what the skill does, to the alert expressions it names and to
    the version line of the service; a change of one of them drops it to shadow.
    """
    with opened(ctx) as app:
        skills, guides, problems = app.skills(), app.guides(), app.library.problems()
    if as_json:
        show_json("skill_list", skills=skills, guides=guides, problems=problems)
        return
    for problem in problems:
        note(f"not live as it stands: {problem}")
    ordered = sorted(skills, key=lambda s: (s.stale, -s.trust.rung, s.name))
    rows = [(s.reference, _rung(s), s.family, s.verified_at, " ".join(s.incidents)) for s in ordered]
    rows += [(guide.name, "for people", "", None, "") for guide in guides]
    columns = ("skill", "trust", "family", "last verified", "learnt from")
    show_table(columns, rows, empty="no skill yet; merge a skill proposal to have one")


def _rung(skill: Skill) -> str:
    return f"{skill.trust} (stale)" if skill.stale else skill.trust.value


@command.command("show")
def show(ctx: typer.Context, name: Either, *, as_json: AsJson = False) -> None:
    """Show when a skill applies, how it looks, what it does, its versions and what came of its uses."""
    with opened(ctx) as app:
        guide = _guide(app, name)
        if guide is not None:
            _show_guide(guide, as_json=as_json)
            return
        skill = _named(app, name)
        record = app.skill_work.record(skill)
    if as_json:
        show_json("skill", skill=skill, record=record)
        return
    rows = [
        ("skill", f"{skill.reference}, {_rung(skill)}: {record.standing.reason or 'nothing was judged yet'}"),
        ("description", skill.description),
        ("family", skill.family),
        ("learnt from", " ".join(skill.incidents)),
        ("reviewed by", " ".join(skill.reviewed_by)),
        ("matches", " or ".join((*map(_block, skill.match.alerts), *skill.match.signatures))),
        *(
            (f"look {step.id}", f"{step.tool} {dict(step.arguments)} -> {step.save}")
            for step in skill.diagnose
        ),
        *(("decide", f"when {r.when}: {r.failure_mode} {r.mitigate or r.escalate}") for r in skill.decide),
        *((f"mitigate {key}", text) for key, text in skill.mitigations.items()),
        ("verify", f"{skill.verify_expression} gone for {skill.verify_stable_seconds:g} s"),
        *((f"version {v.version}", f"{v.commit[:10]} by {v.author}: {v.title}") for v in record.versions),
        ("uses", f"{len(record.uses)}, lower bound of good ones {record.bound:.2f}"),
        *((f"use in {u.incident_id}", "helped" if u.useful else "did not help") for u in record.uses[-10:]),
    ]
    show_table(("", ""), rows, empty="")


def _guide(app: App, name: str) -> Guide | None:
    """The Agent Skill without a contract of that name or in that folder."""
    found = _read(Path(name)) if Path(name).is_dir() else None
    merged = next((guide for guide in app.guides() if guide.name == name), None)
    return found if isinstance(found, Guide) else merged


def _show_guide(guide: Guide, *, as_json: bool) -> None:
    if as_json:
        show_json("skill_guide", guide=guide)
        return
    rows = [
        ("skill", f"{guide.name}, for people and agents: it has no autoheal.yaml"),
        ("description", guide.description),
        ("license", guide.license),
        ("needs", guide.compatibility),
        ("tools", guide.allowed_tools),
    ]
    show_table(("", ""), [row for row in rows if row[1]], empty="")


def _block(block: object) -> str:
    matchers = block if isinstance(block, tuple) else ()
    return ", ".join(f'{m.label}{m.operator}"{m.value}"' for m in matchers)


@command.command("lint")
def lint(folder: Folder, *, as_json: AsJson = False) -> None:
    """Read a skill folder as strictly as a merge does; exit 3 and name file and line when it is wrong."""
    skill = _read(folder)
    if as_json:
        show_json("skill_lint", valid=True, runs=isinstance(skill, Skill), skill=skill)
        return
    note(
        f"{skill.reference}: valid"
        if isinstance(skill, Skill)
        else f"{skill.name}: a valid Agent Skill for people and agents; the engine needs an autoheal.yaml too"
    )


def _read(folder: Path) -> Skill | Guide:
    if not folder.is_dir():
        raise NotFoundError(f"{folder}: no such folder")
    found = {name: folder / name for name in _FILES if (folder / name).is_file()}
    return read_skill(folder.resolve().name, {name: _text(path) for name, path in found.items()})


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise ConfigError(f"{path}: is no text in UTF-8 (byte {error.start})") from None
    except OSError as error:
        raise ConfigError(f"{path}: cannot be read: {error.strerror}") from None


def _named(app: App, skill: str) -> Skill:
    """A live skill by its name, or the one in a folder that is not merged yet."""
    found = _read(Path(skill)) if Path(skill).is_dir() else app.skill(skill)
    if isinstance(found, Guide):
        raise NotFoundError(found.why_not_run)
    return found


@command.command("test")
def replay(
    ctx: typer.Context,
    skill: Either,
    *,
    as_json: AsJson = False,
) -> None:
    """Replay a skill on the recorded incidents, offline.

    On those it was learned from it has to blame the true cause; on every other it has to be silent, or right.
    Exit 1 where it fails on one.
    """
    with opened(ctx) as app:
        found = app.skill_work.test(_named(app, skill))
    passed = all(one.passed for one in found)
    if as_json:
        show_json("skill_test", passed=passed, incidents=found)
    else:
        rows = [
            (one.incident_id, "own" if one.own else "other", "passed" if one.passed else "FAILED", one.text)
            for one in found
        ]
        show_table(("incident", "", "", "said"), rows, empty="no incident is recorded yet")
    if not passed:
        raise typer.Exit(FAILED)


@command.command("run")
def run(
    ctx: typer.Context,
    skill: Either,
    *,
    service: Annotated[str, typer.Option(help="The service that `$service` stands for.")],
    as_json: AsJson = False,
) -> None:
    """Run a skill's diagnosis on production now, and say what it would do. Nothing is done.

    Its queries are stored as evidence, and are paid for like any other.
    """
    with opened(ctx) as app:
        found = app.skill_work.run(_named(app, skill), service)
    if as_json:
        show_json("skill_run", result=found, would=found.rule.mitigate if found.rule else None)
        return
    held = (
        f"holds: {found.rule.failure_mode}; would {found.rule.mitigate or 'do nothing'}" if found.rule else ""
    )
    show_table(("", ""), [(service, held or "does not hold"), ("measured", found.why)], empty="")


@command.command("new")
def new(
    name: Annotated[str, typer.Argument(help="Lower-case letters, digits and single hyphens.")],
    *,
    alert: Annotated[str, typer.Option(help="The alert for which it may apply.")],
    into: Annotated[Path, typer.Option(help="Folder in which the skill's folder is made.")] = Path("skills"),
    as_json: AsJson = False,
) -> None:
    """Begin a skill: a folder that is valid as it stands, to be filled in, linted, tested and merged."""
    folder = into / name
    files = blank_skill(name, alert=alert)
    if folder.exists():
        raise ConflictError(f"{folder} is there already; choose another name or remove it")
    folder.mkdir(parents=True)
    for file, text in files.items():
        (folder / file).write_text(text, encoding="utf-8")
    if as_json:
        show_json("skill_new", folder=str(folder), files=sorted(files))
        return
    note(f"{folder}: written; fill it in, then `autoheal skill lint {folder}`")


@command.command("promote")
def promote(
    ctx: typer.Context, name: Name, *, reason: Reason, actor: Actor = "", as_json: AsJson = False
) -> None:
    """One rung up, by a person; exit 5 above assisted where verified outcomes do not carry it."""
    with opened(ctx) as app:
        skill = app.skill(name)
        who = app.acting(person(actor), Right.PUBLISH)
        rung = app.skill_work.promote(skill, actor=who, reason=reason)
    _moved(skill, rung.value, as_json=as_json)


@command.command("demote")
def demote(
    ctx: typer.Context, name: Name, *, reason: Reason, actor: Actor = "", as_json: AsJson = False
) -> None:
    """One rung down, by a person; below assisted it answers no incident any more."""
    with opened(ctx) as app:
        skill = app.skill(name)
        who = app.acting(person(actor), Right.PUBLISH)
        rung = app.skill_work.demote(skill, actor=who, reason=reason)
    _moved(skill, rung.value, as_json=as_json)


def _moved(skill: Skill, rung: str, *, as_json: bool) -> None:
    if as_json:
        show_json("skill_trust", skill=skill.reference, before=skill.trust, trust=rung)
        return
    note(f"{skill.reference}: {skill.trust} -> {rung}")


@command.command("restore")
def restore(
    ctx: typer.Context,
    name: Name,
    *,
    version: Annotated[int, typer.Option(help="The version to go back to, as `skill show` lists it.")],
    actor: Actor = "",
    as_json: AsJson = False,
) -> None:
    """Make an earlier version the newest one, merged by a person; it begins in the shadow."""
    with opened(ctx) as app:
        commit = app.skill_work.restore(name, version, actor=app.acting(person(actor), Right.PUBLISH))
    if as_json:
        show_json("skill_restore", name=name, version=version, commit=commit)
        return
    note(f"{name}: version {version} stands on main again, as {commit[:10]}")
