"""`autoheal question`: what only a person knows, and that person's answer."""

from __future__ import annotations

from typing import Annotated

import typer

from autoheal.surfaces.cli.opening import opened
from autoheal.surfaces.cli.options import Actor, AsJson, person
from autoheal.surfaces.cli.output import note, show_json, show_table

command = typer.Typer(no_args_is_help=True)

Question = Annotated[str, typer.Argument(help="Id of the question.")]


@command.command("list")
def listed(ctx: typer.Context, *, as_json: AsJson = False) -> None:
    """List the questions that wait for an answer, oldest first."""
    with opened(ctx) as app:
        waiting = app.questions()
    if as_json:
        show_json("questions", questions=waiting)
        return
    rows = [(q.id, q.incident_id, q.asked_of, q.text, q.why_asked) for q in waiting]
    columns = ("question", "incident", "asked of", "question", "why")
    show_table(columns, rows, empty="no question waits for an answer")


@command.command("answer")
def answer(
    ctx: typer.Context,
    question: Question,
    *,
    text: Annotated[str, typer.Option(help="The answer; the name of a service is enough.")],
    actor: Actor = "",
    as_json: AsJson = False,
) -> None:
    """Answer a question, once, under one's own name: the answer is tested before anything is done."""
    with opened(ctx) as app:
        answered = app.answer(question, actor=person(actor), text=text)
    if as_json:
        show_json("question", question=answered)
        return
    note(f"{answered.id} is answered by {answered.answered_by}; the incident's page tells what comes of it")
