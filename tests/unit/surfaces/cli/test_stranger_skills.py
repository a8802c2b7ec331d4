"""Agent Skills that were not written for Autoheal: each command says one clear thing of each."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from skills_ref.validator import validate  # type: ignore[import-untyped]  # ships no types

from autoheal.app import App
from autoheal.config import Config
from autoheal.surfaces.cli.main import run
from autoheal.wiring import wire

STRANGERS = sorted((Path(__file__).parent / "strangers").iterdir())
NAMES = [folder.name for folder in STRANGERS]
GOOD = "---\nname: {name}\ndescription: Does it. Use when it hurts.\n---\nDo it.\n"


@pytest.fixture
def app(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[App]:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("AUTOHEAL_CONFIG", raising=False)
    made = wire(Config())
    yield made
    made.stop()


def told(capsys: pytest.CaptureFixture[str], *arguments: str, code: int) -> str:
    assert run(["skill", *arguments]) == code
    said = capsys.readouterr()
    assert "Traceback" not in said.err
    assert "a fault of Autoheal" not in said.err
    return said.out + said.err


def merged(app: App, folder: Path) -> None:
    """A person merges the folder into the context repository."""
    files: dict[str, str | None] = {
        f"skills/{folder.name}/{path.relative_to(folder)}": path.read_bytes().decode(errors="replace")
        for path in folder.rglob("*")
        if path.is_file()
    }
    branch = app.forge.commit("context", branch=f"autoheal/skill/{folder.name}", files=files, message="Add")
    app.forge.merge(branch, message="Add", author="ann")


@pytest.mark.parametrize("folder", STRANGERS, ids=NAMES)
def test_a_valid_agent_skill_without_a_contract_is_valid_and_cannot_be_run(
    folder: Path, app: App, capsys: pytest.CaptureFixture[str]
) -> None:
    del app
    assert validate(folder) == []
    assert "a valid Agent Skill for people and agents" in told(capsys, "lint", str(folder), code=0)
    assert folder.name in told(capsys, "show", str(folder), code=0)
    for command in (("test", str(folder)), ("run", str(folder), "--service", "cart")):
        said = told(capsys, *command, code=8)
        assert "it has no autoheal.yaml" in said
        assert len(said.strip().splitlines()) == 1


@pytest.mark.parametrize("folder", STRANGERS, ids=NAMES)
def test_once_merged_it_is_listed_for_people_and_has_no_rung(
    folder: Path, app: App, capsys: pytest.CaptureFixture[str]
) -> None:
    merged(app, folder)
    assert app.library.problems() == []
    assert app.skills() == []
    assert "for people" in told(capsys, "list", code=0)
    assert folder.name in told(capsys, "show", folder.name, code=0)
    for command in (
        ("promote", folder.name, "--reason", "x"),
        ("demote", folder.name, "--reason", "x"),
        ("test", folder.name),
        ("run", folder.name, "--service", "cart"),
    ):
        assert "it has no autoheal.yaml" in told(capsys, *command, code=8)
    assert "has no version 1" in told(capsys, "restore", folder.name, "--version", "1", code=8)


@pytest.mark.parametrize(
    ("prose", "says"),
    [
        (b"", "SKILL.md:1: starts with a line of three dashes"),
        (b"no front matter", "SKILL.md:1: starts with a line of three dashes"),
        (b"---\nname: odd\n---\n", "SKILL.md"),
        (b"---\nname: other\ndescription: x\n---\n", "SKILL.md:2: name: is 'other' but the folder is 'odd'"),
        (b"---\nname: odd\ndescription: x\nhooks: y\n---\n", "SKILL.md:4: hooks: is not a key"),
        (b"---\nname: odd\ndescription: [a]\n---\n", "SKILL.md:3"),
        (b"\xff\xfe---", "is no text in UTF-8"),
    ],
)
def test_one_that_is_wrong_is_named_by_file_and_line(
    prose: bytes, says: str, tmp_path: Path, app: App, capsys: pytest.CaptureFixture[str]
) -> None:
    del app
    folder = tmp_path / "odd"
    folder.mkdir()
    (folder / "SKILL.md").write_bytes(prose)
    for command in (("lint",), ("show",), ("test",)):
        said = told(capsys, *command, str(folder), code=3)
        assert says in said
        assert len(said.strip().splitlines()) == 1


@pytest.mark.parametrize("ending", ["\r\n", "\ufeff"])
def test_what_windows_writes_is_read_as_the_reference_validator_reads_it(
    ending: str, tmp_path: Path, app: App, capsys: pytest.CaptureFixture[str]
) -> None:
    """It takes carriage returns, also once merged; a byte order mark it does not, and neither do we."""
    folder = tmp_path / "windows"
    folder.mkdir()
    text = GOOD.format(name="windows")
    text = text.replace("\n", "\r\n") if ending == "\r\n" else ending + text
    (folder / "SKILL.md").write_bytes(text.encode())
    valid = validate(folder) == []
    said = told(capsys, "lint", str(folder), code=0 if valid else 3)
    assert len(said.strip().splitlines()) == 1
    merged(app, folder)
    assert (len(app.guides()), len(app.library.problems())) == ((1, 0) if valid else (0, 1))


def test_a_folder_without_a_skill_and_a_contract_of_another_product_are_one_line(
    tmp_path: Path, app: App, capsys: pytest.CaptureFixture[str]
) -> None:
    del app
    (tmp_path / "empty").mkdir()
    assert "skills/empty/SKILL.md:1: is missing" in told(capsys, "lint", "empty", code=3)
    assert "no such folder" in told(capsys, "lint", "nowhere", code=8)
    foreign = shutil.copytree(STRANGERS[0], tmp_path / STRANGERS[0].name)
    (foreign / "autoheal.yaml").write_text("apiVersion: other/v1\nkind: Runbook\n")
    said = told(capsys, "lint", str(foreign), code=3)
    assert "autoheal.yaml:1" in said
    assert len(said.strip().splitlines()) == 1


def test_the_list_names_guides_beside_skills_in_json(app: App, capsys: pytest.CaptureFixture[str]) -> None:
    for folder in STRANGERS:
        merged(app, folder)
    found = json.loads(told(capsys, "list", "--json", code=0))
    assert [guide["name"] for guide in found["guides"]] == NAMES
    assert (found["skills"], found["problems"]) == ([], [])
