"""`autoheal skill` over a real context repository: begin, lint, test, dry run, trust, go back."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

import pytest
from skills_ref.validator import validate  # type: ignore[import-untyped]  # ships no types

from autoheal.config import Config
from autoheal.surfaces.cli.main import run
from autoheal.wiring import wire


@pytest.fixture(autouse=True)
def _home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("AUTOHEAL_CONFIG", raising=False)


def told(capsys: pytest.CaptureFixture[str], *arguments: str, code: int = 0) -> dict[str, object]:
    assert run([*arguments, "--json"]) == code
    found = json.loads(capsys.readouterr().out)
    assert isinstance(found, dict)
    return found


def listed(capsys: pytest.CaptureFixture[str]) -> Mapping[str, object]:
    skills = told(capsys, "skill", "list")["skills"]
    assert isinstance(skills, list)
    (skill,) = skills
    assert isinstance(skill, dict)
    return skill


def saved(text: str = "") -> None:
    """A person commits the skill to the main branch of the context repository by hand."""
    folder = Path("skills") / "fix-it"
    if not folder.exists():
        assert run(["skill", "new", "fix-it", "--alert", "HighErrorRate"]) == 0
    contract = (folder / "autoheal.yaml").read_text()
    if text:
        contract = contract.replace("version: 1", "version: 2").replace("error_ratio > 0.05 &&", text)
    files: dict[str, str | None] = {
        "skills/fix-it/SKILL.md": (folder / "SKILL.md").read_text(),
        "skills/fix-it/autoheal.yaml": contract,
    }
    app = wire(Config())
    try:
        name = f"autoheal/{len(text)}/skill/fix-it"
        branch = app.forge.commit("context", branch=name, files=files, message="By hand")
        app.forge.merge(branch, message="By hand", author="ann")
    finally:
        app.stop()


@pytest.mark.criterion(56)
def test_a_new_skill_is_valid_as_it_stands_for_us_and_for_the_reference_validator(tmp_path: Path) -> None:
    assert run(["skill", "new", "fix-it", "--alert", "HighErrorRate"]) == 0
    assert run(["skill", "lint", "skills/fix-it"]) == 0
    assert validate(tmp_path / "skills" / "fix-it") == []


@pytest.mark.criterion(57)
def test_a_wrong_skill_is_one_line_with_file_and_line_and_exit_three(
    capsys: pytest.CaptureFixture[str],
) -> None:
    run(["skill", "new", "fix-it", "--alert", "HighErrorRate"])
    contract = Path("skills/fix-it/autoheal.yaml")
    contract.write_text(contract.read_text().replace("error_ratio > 0.05", "__import__('os')"))
    capsys.readouterr()
    assert run(["skill", "lint", "skills/fix-it"]) == 3
    error = capsys.readouterr().err
    assert "autoheal.yaml:" in error
    assert error.count("\n") == 1


def test_a_name_that_is_taken_or_cannot_be_one_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["skill", "new", "fix-it", "--alert", "X"]) == 0
    assert run(["skill", "new", "fix-it", "--alert", "X"]) == 1
    assert run(["skill", "new", "Fix_It", "--alert", "X"]) == 3
    assert "Traceback" not in capsys.readouterr().err


@pytest.mark.criterion(62)
def test_a_skill_saved_by_hand_is_listed_in_the_shadow_with_its_author(
    capsys: pytest.CaptureFixture[str],
) -> None:
    saved()
    assert listed(capsys)["trust"] == "shadow"
    record = told(capsys, "skill", "show", "fix-it")["record"]
    assert isinstance(record, dict)
    assert [(v["version"], v["author"]) for v in record["versions"]] == [(1, "ann")]
    assert run(["skill", "show", "fix-it"]) == 0
    assert "by ann" in capsys.readouterr().out


@pytest.mark.criterion(63)
def test_a_person_promotes_to_assisted_and_no_higher_without_verified_uses(
    capsys: pytest.CaptureFixture[str],
) -> None:
    saved()
    moved = told(capsys, "skill", "promote", "fix-it", "--reason", "read it", "--actor", "ann")
    assert (moved["before"], moved["trust"]) == ("shadow", "assisted")
    assert run(["skill", "promote", "fix-it", "--reason", "hurry", "--actor", "ann"]) == 5
    assert "trusted needs 5 verified uses" in capsys.readouterr().err
    assert told(capsys, "skill", "demote", "fix-it", "--reason", "doubt")["trust"] == "shadow"


@pytest.mark.criterion(62)
def test_a_changed_text_drops_the_trust_and_the_earlier_version_can_be_restored(
    capsys: pytest.CaptureFixture[str],
) -> None:
    saved()
    assert run(["skill", "promote", "fix-it", "--reason", "read it"]) == 0
    saved("error_ratio > 0.5 &&")
    capsys.readouterr()
    assert (listed(capsys)["version"], listed(capsys)["trust"]) == (2, "shadow")
    assert run(["skill", "restore", "fix-it", "--version", "1", "--actor", "ann"]) == 0
    capsys.readouterr()
    assert listed(capsys)["version"] == 3
    assert "error_ratio > 0.05 &&" in json.dumps(listed(capsys))
    assert run(["skill", "restore", "fix-it", "--version", "9"]) == 8


def test_a_test_without_recordings_passes_and_a_dry_run_without_sources_holds_nothing(
    capsys: pytest.CaptureFixture[str],
) -> None:
    saved()
    assert told(capsys, "skill", "test", "skills/fix-it")["passed"] is True
    found = told(capsys, "skill", "run", "fix-it", "--service", "cart")
    assert found["would"] is None
    assert run(["skill", "run", "fix-it", "--service", 'cart"} or vector(1)']) == 3
    assert run(["skill", "run", "nope", "--service", "cart"]) == 8
