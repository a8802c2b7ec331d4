"""Skills go live by a merge, and a broken folder keeps its last valid version."""

from __future__ import annotations

from pathlib import Path

import pytest

from autoheal.domain.skill import DecisionRule, DiagnosisStep, Match, Matcher, Skill
from autoheal.graph.skill_text import render
from autoheal.integrations.git.context import ensure
from autoheal.integrations.git.forge import GitForge
from autoheal.integrations.git.skills import GitSkillLibrary

CONTRACT = "skills/full-queue/autoheal.yaml"


def skill(version: int = 1) -> Skill:
    query = 'queue_length{service="$service"}'
    return Skill(
        name="full-queue",
        version=version,
        description="Use when QueueFull fires.",
        match=Match(alerts=((Matcher(label="alertname", operator="=", value="QueueFull"),),)),
        inputs={"service": "^[a-zA-Z0-9_.:-]{1,100}$"},
        diagnose=(DiagnosisStep(id="queue", tool="metrics.range", arguments={"query": query}, save="queue"),),
        decide=(DecisionRule(when="queue > 100", failure_mode="load", mitigate="scale", confidence=0.8),),
        mitigations={"scale": "scale"},
        verify_expression="queue_length > 100",
        verify_stable_seconds=60,
        verify_within_seconds=300,
    )


@pytest.fixture
def context(tmp_path: Path) -> GitForge:
    ensure(tmp_path / "context")
    return GitForge({"context": tmp_path / "context"}, tmp_path / "scratch")


def merge(forge: GitForge, files: dict[str, str | None], number: int) -> None:
    branch = forge.commit("context", branch=f"autoheal/skill/{number}", files=files, message="Change a skill")
    forge.merge(branch, message="Merge", author="ann")


def files(version: int = 1) -> dict[str, str | None]:
    return {f"skills/full-queue/{name}": text for name, text in render(skill(version)).items()}


def test_a_new_context_repository_says_what_each_folder_holds(context: GitForge, tmp_path: Path) -> None:
    head = context.head("context")
    ensure(tmp_path / "context")
    assert context.head("context") == head
    agents = context.read("context", "AGENTS.md") or ""
    assert all(folder in agents for folder in ("`catalog/`", "`skills/`", "`decisions/`"))
    assert GitSkillLibrary(context).skills() == []


def test_a_skill_is_live_from_its_merge_on_and_not_before(context: GitForge) -> None:
    library = GitSkillLibrary(context)
    branch = context.commit("context", branch="autoheal/skill/1", files=files(), message="Add a skill")
    assert library.skills() == []
    context.merge(branch, message="Merge", author="ann")
    assert [found.reference for found in library.skills()] == ["full-queue@1"]
    assert library.problems() == []


@pytest.mark.criterion(57)
def test_a_broken_folder_keeps_its_version_and_says_the_line(context: GitForge) -> None:
    merge(context, files(), 1)
    library = GitSkillLibrary(context)
    before = library.skills()
    broken = (files(2)[CONTRACT] or "").replace("queue > 100", "queue >")
    merge(context, {CONTRACT: broken}, 2)
    assert library.skills() == before
    assert library.problems()[0].startswith(f"{CONTRACT}:")
    assert GitSkillLibrary(context).skills() == before, "also after a restart"
    merge(context, files(2), 3)
    assert [found.version for found in library.skills()] == [2]
    assert library.problems() == []


def test_a_removed_folder_is_no_longer_live(context: GitForge) -> None:
    merge(context, files(), 1)
    library = GitSkillLibrary(context)
    assert len(library.skills()) == 1
    merge(context, dict.fromkeys(files()), 2)
    assert library.skills() == []
