"""Hostile names and hostile repositories: nothing is executed and nothing is written outside."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from autoheal.domain.errors import AutohealError
from autoheal.integrations.git.forge import GitForge

Commit = Callable[[dict[str, str | None], str], str]
PATHS = [
    "../outside",
    "a/../../outside",
    "/etc/outside",
    "-outside",
    ".git/hooks/post-merge",
    "a/.git/config",
    ".GIT/config",
    "git~1/config",
    ".gitattributes",
    ".gitmodules",
    "a//b",
    "a/./b",
    "",
    "a\nb",
    "a\0b",
    "a\\b",
    ".git\u200c/config",
]
REFERENCES = [
    "--output=OUT",
    "--upload-pack=touch OUT",
    "-p",
    "main --output=OUT",
    "main;touch OUT",
    "$(touch OUT)",
    "main@{upstream}",
    "main..HEAD",
    ":/Start",
    "main\n--output=OUT",
    "../main",
    "main\n",
    "autoheal/x\n",
    "ext::sh -c 'touch OUT'",
]


@pytest.mark.parametrize("path", PATHS)
def test_no_path_leaves_the_repository_or_reaches_what_git_obeys(
    forge: GitForge, tmp_path: Path, path: str
) -> None:
    before = sorted(p for p in tmp_path.iterdir())
    with pytest.raises(AutohealError):
        forge.commit("shop", branch="autoheal/fix/x", files={path: "x\n"}, message="x")
    assert sorted(p for p in tmp_path.iterdir()) == before


@pytest.mark.parametrize("reference", REFERENCES)
def test_no_reference_becomes_an_option_or_a_command(
    forge: GitForge, tmp_path: Path, reference: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    hostile = reference.replace("OUT", str(tmp_path / "out"))
    for call in (
        lambda: forge.head("shop", hostile),
        lambda: forge.read("shop", "README.md", at=hostile),
        lambda: forge.files("shop", at=hostile),
        lambda: forge.revert("shop", branch="autoheal/fix/x", commit=hostile, message="x"),
        lambda: forge.commit("shop", branch=hostile, files={"a": "b"}, message="x"),
        lambda: forge.commit("shop", branch="autoheal/fix/x", files={"a": "b"}, message="x", base=hostile),
        lambda: forge.worktree("shop", hostile).__enter__(),
    ):
        with pytest.raises(AutohealError):
            call()
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    "setting",
    [
        ("core.fsmonitor", "touch OUT; false"),
        ("core.hooksPath", "HOOKS"),
        ("diff.external", "touch OUT; false"),
        ("core.pager", "touch OUT"),
        ("core.sshCommand", "touch OUT"),
        ("filter.evil.clean", "touch OUT; cat"),
        ("filter.evil.smudge", "touch OUT; cat"),
        ("diff.evil.textconv", "touch OUT; cat"),
        ("diff.evil.command", "touch OUT; cat"),
        ("merge.evil.driver", "touch OUT; cat"),
        ("gpg.program", "touch OUT"),
        ("core.editor", "touch OUT"),
        ("credential.helper", "!touch OUT"),
    ],
)
def test_a_hostile_repository_configuration_runs_nothing(
    forge: GitForge, git: Callable[..., str], commit: Commit, tmp_path: Path, setting: tuple[str, str]
) -> None:
    key, value = setting
    hooks = tmp_path / "hooks"
    hooks.mkdir()
    for name in ("reference-transaction", "post-checkout", "pre-commit", "post-merge", "post-index-change"):
        (hooks / name).write_text(f"#!/bin/sh\ntouch {tmp_path / 'out'}\n")
        (hooks / name).chmod(0o755)
    culprit = commit(
        {".gitattributes": "* filter=evil diff=evil merge=evil\n", "services/cart/app.py": "bad\n"}, "Tune"
    )
    hostile = value.replace("OUT", str(tmp_path / "out")).replace("HOOKS", str(hooks))
    git("config", key, hostile)
    git("config", "commit.gpgSign", "true")
    (tmp_path / "out").unlink(missing_ok=True)
    branch = forge.revert("shop", branch="autoheal/fix/x", commit=culprit, message="Undo")
    forge.diff(branch)
    forge.commits("shop", since=0)
    with forge.worktree("shop", branch.head):
        pass
    forge.merge(branch, message="Merge", author="ann")
    assert not (tmp_path / "out").exists()


def test_a_link_is_neither_written_through_nor_checked_out(
    forge: GitForge, shop: Path, git: Callable[..., str], tmp_path: Path
) -> None:
    (shop / "link").symlink_to(tmp_path)
    git("add", "-A")
    git("commit", "-q", "-m", "Add a link")
    with pytest.raises(AutohealError, match="link"):
        forge.commit("shop", branch="autoheal/fix/x", files={"link": "x\n"}, message="x")
    with forge.worktree("shop", "main") as folder:
        assert not (folder / "link").exists()
