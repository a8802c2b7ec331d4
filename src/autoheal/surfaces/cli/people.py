"""`autoheal people`: who may come in; whoever is on this machine is the admin of last resort."""

from __future__ import annotations

from typing import Annotated

import typer

from autoheal.domain.person import Person, Role
from autoheal.surfaces.cli.opening import opened
from autoheal.surfaces.cli.options import Actor, AsJson, person
from autoheal.surfaces.cli.output import note, show, show_json, show_table

command = typer.Typer(no_args_is_help=True)

Name = Annotated[str, typer.Argument(metavar="NAME", help="The name under which their acts are recorded.")]


@command.command("list")
def listed(ctx: typer.Context, *, as_json: AsJson = False) -> None:
    """List who may come in, with the role of each."""
    with opened(ctx) as app:
        people = app.people.enrolled()
    if as_json:
        show_json("people", people=people)
        return
    rows = [(one.name, one.role, one.added_by, one.added_at) for one in people]
    show_table(
        ("name", "role", "added by", "since"), rows, empty="nobody is enrolled; nobody is asked who they are"
    )


@command.command("add")
def add(
    ctx: typer.Context,
    name: Name,
    *,
    role: Annotated[Role, typer.Option(help="What they may do; the first must be an admin.")],
    actor: Actor = "",
    as_json: AsJson = False,
) -> None:
    """Enroll somebody and print their token, this once; from the first one on everybody must sign in."""
    with opened(ctx) as app:
        issued = app.people.add(name, role=role, actor=person(actor))
    _issued(issued.person, issued.token, as_json=as_json)


@command.command("token")
def token(ctx: typer.Context, name: Name, *, actor: Actor = "", as_json: AsJson = False) -> None:
    """Print a new token; the old one and every browser signed in with it are shut out."""
    with opened(ctx) as app:
        issued = app.people.renew(name, actor=person(actor))
    _issued(issued.person, issued.token, as_json=as_json)


@command.command("role")
def change(
    ctx: typer.Context,
    name: Name,
    role: Annotated[Role, typer.Argument(metavar="ROLE", help="viewer, responder or admin.")],
    *,
    actor: Actor = "",
    as_json: AsJson = False,
) -> None:
    """Give somebody another role; exit 5 for the last admin."""
    with opened(ctx) as app:
        changed = app.people.change(name, role=role, actor=person(actor))
    _told(changed, f"{changed.name} is now a {changed.role}", as_json=as_json)


@command.command("remove")
def remove(ctx: typer.Context, name: Name, *, actor: Actor = "", as_json: AsJson = False) -> None:
    """Shut somebody out at once; exit 5 for the last admin."""
    with opened(ctx) as app:
        removed = app.people.remove(name, actor=person(actor))
    _told(removed, f"{removed.name} is shut out", as_json=as_json)


def _issued(who: Person, secret: str, *, as_json: bool) -> None:
    if as_json:
        show_json("token", person=who, token=secret)
        return
    note(f"the token of {who.name}, a {who.role}; it is kept nowhere and cannot be shown again:")
    show(secret)


def _told(who: Person, said: str, *, as_json: bool) -> None:
    if as_json:
        show_json("person", person=who)
        return
    note(said)
