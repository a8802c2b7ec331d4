"""What a patch that a model wrote may touch: source and new tests, never what judges it or what runs it."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Mapping
from fnmatch import fnmatchcase

from autoheal.policy.masking import was_masked
from autoheal.policy.untrusted import clean

REGRESSIONS = "tests/regression/"
"""Where the tests of our fixes stand."""

MAX_FILES = 20
MAX_FILE = 200_000
MAX_PATCH = 400_000
"""Characters of one file, and of all that a patch writes."""

_PART = re.compile(r"[A-Za-z0-9_@+][A-Za-z0-9_.@+ -]{0,199}")
_RUNS_TESTS = (
    "conftest.py",
    "pytest.ini",
    "tox.ini",
    "setup.cfg",
    "setup.py",
    "pyproject.toml",
    "noxfile.py",
)
_RUNS_ALL = ("sitecustomize.py", "usercustomize.py", "*.pth", "makefile", "dockerfile*", "package.json")
_BUILDS = ("jenkinsfile*", "*pipelines.y*ml", "codeowners", "agents.md", "claude.md")
_OURS = ("autoheal.toml", "autoheal.yaml", "policy.*")
_FORBIDDEN = (*_RUNS_TESTS, *_RUNS_ALL, *_BUILDS, *_OURS)
_FOLDERS = frozenset({"hooks", "policy", "policies", "ci"})
_TESTS = ("test_*", "*_test.*", "*.test.*", "*.spec.*", "*_spec.*")
_JUDGES = frozenset(
    {*sys.stdlib_module_names, "pytest", "_pytest", "pluggy", "iniconfig", "packaging", "harness"}
)
"""Modules that the judge imports: a new file of that name would be imported in their place."""
_ENDS = re.compile(
    r"_exit\b|sys\.modules|settrace|setprofile|atexit|os\.kill|SystemExit|sys\.exit|__import__|\bexec\("
    r"|\beval\(|faulthandler|\bgc\.get_|inspect\.stack|_getframe|conftest"
)
_WATCHES = re.compile(_ENDS.pattern + r"|pytest|unittest|PYTEST_CURRENT_TEST")


def is_test(path: str) -> bool:
    """Whether a file belongs to the tests: those there are may not be changed, and judge the patch."""
    *folders, name = path.lower().split("/")
    return bool({"tests", "test", "spec", "__tests__"} & set(folders)) or any(
        fnmatchcase(name, pattern) for pattern in _TESTS
    )


def path_refusal(path: str, *, exists: bool) -> str | None:
    """Why no model may write the file; None where it may. exists: on main, before the patch."""
    parts = path.split("/")
    if not all(_PART.fullmatch(part) and part.strip(" .") for part in parts):
        return f"{path[:120]!r} is no path that a patch may write"
    *folders, name = path.lower().split("/")
    if any(fnmatchcase(name, pattern) for pattern in _FORBIDDEN) or _FOLDERS & set(folders):
        return f"{path} says how code is run, built, tested or allowed: only a person changes it"
    if is_test(path) and exists:
        return f"{path} is a test that there was before: a patch may add tests, not change them"
    if is_test(path) and not (path.startswith(REGRESSIONS) and fnmatchcase(name, "test_*.py")):
        return f"{path} is no place for a new test: they stand as {REGRESSIONS}test_<name>.py"
    if not exists and {part.partition(".")[0] for part in (*folders, name)} & _JUDGES:
        return f"{path} would be imported in the place of a module that the tests rest on"
    return None


def patch_refusal(files: Mapping[str, str], before: Callable[[str], str | None]) -> str | None:
    """Why the patch cannot be judged at all, in one line; before reads a file as it is on main."""
    if not files:
        return "nothing was written"
    if len(files) > MAX_FILES:
        return f"{len(files)} files were written, more than {MAX_FILES}"
    if sum(map(len, files.values())) > MAX_PATCH:
        return f"the patch is larger than {MAX_PATCH} characters"
    refusals = (file_refusal(path, text, before(path)) for path, text in files.items())
    return next((refusal for refusal in refusals if refusal is not None), None)


def file_refusal(path: str, text: str, before: str | None) -> str | None:
    """Why the file may not be written so, in one line."""
    if (refusal := path_refusal(path, exists=before is not None)) is not None:
        return refusal
    if len(text) > MAX_FILE:
        return f"{path} is longer than {MAX_FILE} characters"
    added = _added(text, before or "")
    if clean(added) != added or "\0" in text:
        return f"{path} has characters that nobody sees"
    if was_masked(added):
        return f"{path} has a masked value: change the other lines with replace_text"
    if (found := (_ENDS if is_test(path) else _WATCHES).search(added)) is not None:
        return f"{path} adds {found[0]!r}: a fix does not look at who runs it, nor end the program"
    return None


def _added(text: str, before: str) -> str:
    """The lines that were not there before."""
    known = set(before.splitlines())
    return "\n".join(line for line in text.splitlines() if line not in known)
