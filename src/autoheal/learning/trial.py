"""Tests of the code repository, run on a commit in a clean checkout that is thrown away."""

from __future__ import annotations

import re
from collections.abc import Mapping

from autoheal.learning.lessons import Lessons
from autoheal.learning.material import Material
from autoheal.learning.patch_rules import REGRESSIONS
from autoheal.ports.proving import Ran

FAILED = 1
"""pytest's exit code when tests ran and failed; any other code is no verdict."""

_PASSED = re.compile(r"\b(\d{1,9}) passed\b")


ROOM = "how programs were closed in"
"""The line of a proof that says so."""


def run_tests(lessons: Lessons, commit: str, tests: str, files: Mapping[str, str]) -> Ran:
    """Run the tests below a path, after writing some files over the commit."""
    settings = lessons.settings
    command = [word.replace("{tests}", tests) for word in settings.test_command]
    with lessons.forge.worktree(settings.code_repository, commit) as folder:
        return lessons.prover.run(command, seconds=settings.test_seconds, folder=folder, files=files)


def regression_path(material: Material) -> str:
    """Where the regression test of an incident stands."""
    word = "".join(c if c.isalnum() else "_" for c in material.incident.id.lower())
    return f"{REGRESSIONS}test_{word}.py"


def passed_tests(ran: Ran) -> int | None:
    """How many tests its last line says have passed; None where it says nothing of the kind."""
    found = _PASSED.search(last_line(ran))
    return int(found[1]) if found else None


def complaint(ran: Ran) -> str:
    """What the first failed test found wrong, in one line."""
    lines = [line[1:].strip() for line in ran.output.splitlines() if line.startswith("E ")]
    return (lines or [last_line(ran)])[0].replace("|", "/")[:200]


def last_line(ran: Ran) -> str:
    """The last words of a program."""
    lines = [line.strip() for line in ran.output.splitlines() if line.strip()]
    return (lines or ["no output"])[-1][:200]
