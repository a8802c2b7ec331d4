"""A patch may change source and add tests; whatever judges or runs it is out of its reach."""

from __future__ import annotations

import pytest

from autoheal.learning.patch_rules import MAX_FILE, MAX_FILES, patch_refusal

MAIN = {"src/app.py": "x = 1\n", "tests/test_app.py": "def test_x():\n    assert x\n"}


def refused(path: str, text: str = "x = 2\n") -> str | None:
    return patch_refusal({path: text}, MAIN.get)


@pytest.mark.parametrize("path", ["src/app.py", "src/new.py", "tests/regression/test_new.py", "web/cart.ts"])
def test_source_and_new_tests_may_be_written(path: str) -> None:
    assert refused(path) is None


@pytest.mark.criterion(86)
@pytest.mark.parametrize(
    "path",
    [
        *("../x.py", "/etc/passwd", "a/../../x.py", "a//b.py", "", ".", "a\\..\\b.py", "-rf"),
        *(".git/hooks/pre-commit", ".gitattributes", ".github/workflows/ci.yml", ".gitlab-ci.yml"),
        *("Jenkinsfile", "azure-pipelines.yml", "CODEOWNERS", "docs/CODEOWNERS", ".pre-commit-config.yaml"),
        *("conftest.py", "src/conftest.py", "pytest.ini", "setup.cfg", "pyproject.toml", "tox.ini"),
        *("sitecustomize.py", "x.pth", "Makefile", "Dockerfile", "package.json"),
        *("autoheal.toml", "policy.toml", "skills/x/autoheal.yaml", "policy/rules.py", "hooks/push"),
        *("pytest.py", "json.py", "_pytest/main.py", "src/pluggy.py", "AGENTS.md", "CLAUDE.md"),
        *("tests/test_app.py", "tests/data.py", "tests/regression/helper.py", "src/test_new.py"),
    ],
)
def test_what_judges_runs_or_allows_may_not(path: str) -> None:
    assert refused(path) is not None


@pytest.mark.parametrize(
    "line",
    [
        "import os; os._exit(0)",
        "if 'pytest' in sys.modules: return",
        "raise SystemExit(0)",
        "import atexit",
        "eval(data)",
        "os.environ.get('PYTEST_CURRENT_TEST')",
        "x = 'a\u202eb'",
        "key = '[masked:key]'",
        "x = '\0'",
    ],
)
def test_a_fix_that_looks_at_its_judge_hides_or_loses_something_is_refused(line: str) -> None:
    assert refused("src/app.py", f"x = 1\n{line}\n") is not None


def test_lines_that_were_there_before_are_not_held_against_a_patch() -> None:
    before = {"src/app.py": "import sys\nsys.exit(main())\n"}
    assert patch_refusal({"src/app.py": "import sys\ny = 1\nsys.exit(main())\n"}, before.get) is None


def test_size_and_count_are_limited() -> None:
    assert refused("src/app.py", "x" * (MAX_FILE + 1)) is not None
    many = {f"src/m{number}.py": "x = 1\n" for number in range(MAX_FILES + 1)}
    assert patch_refusal(many, MAIN.get) == f"{MAX_FILES + 1} files were written, more than {MAX_FILES}"
    assert patch_refusal({}, MAIN.get) == "nothing was written"
