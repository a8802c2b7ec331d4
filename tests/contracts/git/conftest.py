"""A real repository with a little history, and the forge that reads and proposes in it."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest

from autoheal.integrations.git.forge import GitForge

ENVIRONMENT = {
    "PATH": os.defpath,
    "HOME": "/nonexistent",
    "GIT_CONFIG_GLOBAL": "/dev/null",
    "GIT_CONFIG_NOSYSTEM": "1",
    "GIT_AUTHOR_NAME": "Dana Okafor",
    "GIT_AUTHOR_EMAIL": "dana@example.com",
    "GIT_COMMITTER_NAME": "Dana Okafor",
    "GIT_COMMITTER_EMAIL": "dana@example.com",
}

Commit = Callable[[dict[str, str | None], str], str]


Plain = Callable[..., str]


def _git(folder: Path, *arguments: str, when: str = "") -> str:
    environment = ENVIRONMENT | ({"GIT_COMMITTER_DATE": when} if when else {})
    done = subprocess.run(
        ["git", *arguments], cwd=folder, env=environment, capture_output=True, text=True, check=True
    )
    return done.stdout.strip()


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    """An empty repository on main with a work tree."""
    folder = tmp_path / "shop"
    folder.mkdir()
    _git(folder, "init", "-q", "--initial-branch=main")
    return folder


@pytest.fixture
def git(shop: Path) -> Plain:
    """Plain git in the repository, as a developer runs it; `when` dates the commit."""
    return partial(_git, shop)


@pytest.fixture
def commit(shop: Path) -> Commit:
    """Commits files (None removes) to main and returns the commit."""

    def write(files: dict[str, str | None], message: str) -> str:
        for path, text in files.items():
            target = shop / path
            target.parent.mkdir(parents=True, exist_ok=True)
            if text is None:
                target.unlink()
            else:
                target.write_text(text)
        _git(shop, "add", "-A")
        _git(shop, "commit", "-q", "--allow-empty", "-m", message)
        return _git(shop, "rev-parse", "HEAD")

    return write


@pytest.fixture
def forge(shop: Path, tmp_path: Path, commit: Commit) -> GitForge:
    """The forge on the repository, which holds one first commit."""
    commit({"README.md": "shop\n", "services/cart/app.py": "LIMIT = 10\nNAME = 'cart'\n"}, "Start the shop")
    return GitForge({"shop": shop}, tmp_path / "scratch")
