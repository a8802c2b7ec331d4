"""The generated pages are true, and what the documents show works."""

from __future__ import annotations

import ast
import re
import shlex
import shutil
import subprocess
from pathlib import Path

import pytest
import yaml
from tools.docs import ROOT, pages

from autoheal.config import known_settings, load
from autoheal.surfaces.cli.main import DOORS, run

AGENTS_LINES = 150


def test_no_generated_page_is_stale() -> None:
    stale = [path.name for path, text in pages().items() if path.read_text(encoding="utf-8") != text]
    assert stale == [], "run `make docs`"


def test_every_setting_and_every_command_is_documented() -> None:
    settings = (ROOT / "docs" / "settings.md").read_text(encoding="utf-8")
    commands = (ROOT / "docs" / "cli.md").read_text(encoding="utf-8")
    assert [s.name for s in known_settings() if f"`{s.name}`" not in settings] == []
    assert [door.name for door in DOORS if f"`autoheal {door.name}`" not in commands] == []


def test_the_page_for_agents_stays_short() -> None:
    assert len((ROOT / "AGENTS.md").read_text(encoding="utf-8").splitlines()) < AGENTS_LINES


def test_every_pinned_dependency_is_explained() -> None:
    project = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    page = (ROOT / "docs" / "dependencies.md").read_text(encoding="utf-8")
    blocks = re.findall(r"^(?:dependencies|dev) = \[\n(.*?)^\]", project, flags=re.DOTALL | re.MULTILINE)
    names = re.findall(r'"([a-z0-9-]+)', "\n".join(blocks))
    assert len(names) > 20
    assert [name for name in names if f"`{name}`" not in page] == []


def blocks(language: str) -> list[str]:
    """Every code block of a language in the documents."""
    pattern = rf"^```{language}\n(.*?)^```"
    return [
        text for page in DOCUMENTS for text in re.findall(pattern, page.read_text(), re.MULTILINE | re.DOTALL)
    ]


DOCUMENTS = sorted([ROOT / "README.md", ROOT / "AGENTS.md", *(ROOT / "docs").glob("*.md")])


@pytest.mark.parametrize("page", DOCUMENTS, ids=lambda path: path.name)
def test_every_link_to_a_file_leads_somewhere(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    targets = re.findall(r"\]\((?!https?:|#|mailto:)([^)#]+)", text)
    assert [target for target in targets if not (page.parent / target).exists()] == []


def test_every_shown_command_exists(capsys: pytest.CaptureFixture[str]) -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    lines = [line for text in blocks("sh") for line in text.splitlines() if line.strip()]
    assert len(lines) > 4
    for line in lines:
        program, first, *_ = shlex.split(line, comments=True)
        if program == "make":
            assert re.search(rf"^{first}:", makefile, re.MULTILINE), line
        else:
            assert (program, run([first, "--help"])) == ("autoheal", 0), line
    capsys.readouterr()


def test_every_shown_settings_file_is_valid(tmp_path: Path) -> None:
    shown = blocks("toml")
    assert shown
    for text in shown:
        file = tmp_path / "autoheal.toml"
        file.write_text(text)
        load(file)


def test_every_shown_program_and_table_can_be_read() -> None:
    for text in blocks("python"):
        ast.parse(text)
    for text in blocks("yaml"):
        yaml.safe_load(text)


def test_no_block_has_a_language_that_nothing_checks() -> None:
    text = "\n".join(page.read_text(encoding="utf-8") for page in DOCUMENTS)
    languages = set(re.findall(r"^```(\w+)", text, re.MULTILINE))
    assert languages <= {"sh", "toml", "yaml", "python", "text", "mermaid"}


def test_the_shown_receiver_is_one_that_alertmanager_takes(tmp_path: Path) -> None:
    amtool = shutil.which("amtool")
    if amtool is None:
        pytest.skip("amtool is not installed")
    for text in (t for t in blocks("yaml") if "receivers:" in t):
        file = tmp_path / "alertmanager.yml"
        file.write_text(f"route: {{receiver: autoheal}}\n{text}")
        told = subprocess.run([amtool, "check-config", file], capture_output=True, text=True, check=False)
        assert told.returncode == 0, told.stderr
