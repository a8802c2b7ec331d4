"""The generated pages are true, and what the documents show works."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from tools.docs import ROOT, pages

from autoheal.config import known_settings
from autoheal.surfaces.cli.main import DOORS

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


DOCUMENTS = sorted([ROOT / "README.md", ROOT / "AGENTS.md", *(ROOT / "docs").glob("*.md")])


@pytest.mark.parametrize("page", DOCUMENTS, ids=lambda path: path.name)
def test_every_link_to_a_file_leads_somewhere(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    targets = re.findall(r"\]\((?!https?:|#|mailto:)([^)#]+)", text)
    assert [target for target in targets if not (page.parent / target).exists()] == []
