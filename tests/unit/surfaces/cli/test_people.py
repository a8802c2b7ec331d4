"""`autoheal people` on a real database: enrolled, changed, shut out, and each of it in the audit chain."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from tests.unit.surfaces.stage import stage, story

from autoheal.config import Config
from autoheal.surfaces.cli.main import run

Captured = pytest.CaptureFixture[str]


@pytest.fixture(autouse=True)
def _here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("AUTOHEAL_CONFIG", raising=False)
    monkeypatch.setenv("AUTOHEAL_ACTOR", "root")


def said(capsys: Captured, *arguments: str) -> dict[str, object]:
    """The one JSON object that a command prints."""
    capsys.readouterr()
    assert run([*arguments, "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert isinstance(told, dict)
    return told


def test_a_token_is_shown_once_and_each_change_is_in_the_audit_chain(capsys: Captured) -> None:
    token = said(capsys, "people", "add", "ann", "--role", "admin")["token"]
    said(capsys, "people", "add", "vic", "--role", "viewer")
    said(capsys, "people", "role", "vic", "responder")
    renewed = said(capsys, "people", "token", "ann")["token"]
    said(capsys, "people", "remove", "vic")
    assert str(token).startswith("ahl_")
    assert len(str(token)) == 47
    assert token != renewed
    listed = said(capsys, "people", "list")
    assert [(one["name"], one["role"]) for one in listed["people"]] == [("ann", "admin")]  # type: ignore[attr-defined]  # JSON
    assert str(renewed) not in json.dumps(listed)
    app = stage(Path(".autoheal"))
    kinds = [(record.kind, record.actor) for record in app.traces()]
    assert kinds == [
        (kind, "root")
        for kind in ("person.added", "person.added", "person.role", "person.token", "person.removed")
    ]
    assert app.audit_verify() is None
    app.stop()


def test_the_token_alone_stands_on_stdout(capsys: Captured) -> None:
    assert run(["people", "add", "ann", "--role", "admin"]) == 0
    told = capsys.readouterr()
    assert told.out.startswith("ahl_")
    assert len(told.out.split()) == 1
    assert "cannot be shown again" in told.err


@pytest.mark.parametrize(
    ("arguments", "code", "says"),
    [
        (["role", "ann", "viewer"], 5, "last admin"),
        (["remove", "ann"], 5, "last admin"),
        (["remove", "bob"], 8, "bob"),
        (["add", "ANN", "--role", "viewer"], 1, "already"),
        (["add", "bob", "--role", "king"], 2, "king"),
    ],
)
def test_what_cannot_be_done_says_why_in_one_line(
    capsys: Captured, arguments: list[str], code: int, says: str
) -> None:
    assert run(["people", "add", "ann", "--role", "admin"]) == 0
    capsys.readouterr()
    assert run(["people", *arguments]) == code
    assert says in capsys.readouterr().err


def test_the_first_person_must_be_an_admin(capsys: Captured) -> None:
    assert run(["people", "add", "vic", "--role", "viewer"]) == 1
    assert "must be an admin" in capsys.readouterr().err


def test_nobody_is_served_beyond_this_machine_before_somebody_is_enrolled(capsys: Captured) -> None:
    assert run(["serve", "--host", "0.0.0.0", "--port", "0"]) == 3  # noqa: S104  the very case
    assert "nobody is enrolled" in capsys.readouterr().err


def test_doctor_warns_of_a_host_that_others_can_reach(
    capsys: Captured, monkeypatch: pytest.MonkeyPatch
) -> None:
    def seen() -> str:
        capsys.readouterr()
        run(["doctor", "--json"])
        checks = json.loads(capsys.readouterr().out)["checks"]
        return next(str(check["status"]) for check in checks if check["name"] == "people")

    assert seen() == "ok"
    monkeypatch.setenv("AUTOHEAL_HTTP__HOST", "0.0.0.0")  # noqa: S104  the very case
    assert seen() == "warn"
    said(capsys, "people", "add", "ann", "--role", "admin")
    assert seen() == "ok"


def test_an_act_at_the_command_line_takes_the_right_too_but_anybody_there_may_stop(capsys: Captured) -> None:
    app = stage(Config().home)
    story(app)
    app.stop()
    said(capsys, "people", "add", "ann", "--role", "admin")
    said(capsys, "people", "add", "vic", "--role", "viewer")
    for actor, says in (("vic", "right publish"), ("mallory", "not enrolled")):
        capsys.readouterr()
        assert run(["proposal", "reject", "prp_0", "--reason", "no", "--actor", actor]) == 5
        assert says in capsys.readouterr().err
    assert run(["proposal", "reject", "prp_0", "--reason", "no", "--actor", "ann"]) == 0
    assert run(["kill", "engage", "--reason", "fire", "--actor", "mallory"]) == 0
    assert run(["kill", "release", "--actor", "mallory"]) == 5
    assert run(["kill", "release", "--actor", "ann"]) == 0
