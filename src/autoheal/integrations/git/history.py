"""Commits of main as changes, with the service that each one is about."""

from __future__ import annotations

import re
from collections.abc import Sequence

from autoheal.domain.change import Change, ChangeKind, pull_request_of
from autoheal.integrations.git.command import Git

_MAX_COMMITS = 200
_MAX_DIFF = 20_000
_MAX_BROUGHT = 50
_FIELDS = 6
_OF_A_MERGE = 2
"""Parents; more than two is no merge of one pull request."""
# Where repositories of several services commonly keep what belongs to one of them.
_OF_A_SERVICE = re.compile(
    r"^(?:(?:services|apps|packages|cmd)/([\w.-]+)/|config/([\w.-]+)\.(?:json|ya?ml|toml)$)"
)


def commits_since(git: Git, main: str, since: float) -> list[Change]:
    """The newest 200 commits at or after a moment (unix seconds), oldest first, along first parents."""
    # NUL is the one byte that no commit message can hold: a hostile title cannot forge a second commit.
    listed = git.text(
        "log",
        "-z",
        # With its offset: git reads a short number that has none as a day, not as seconds.
        f"--since=@{int(since)} +0000",
        f"--max-count={_MAX_COMMITS}",
        "--reverse",
        "--first-parent",
        "--format=%H%x00%ct%x00%an%x00%s%x00%P%x00%b",
        "--end-of-options",
        main,
    )
    fields = listed.split("\0") if listed else []
    found = [_change(git, fields[at : at + _FIELDS]) for at in range(0, len(fields) - _FIELDS + 1, _FIELDS)]
    return sorted(found, key=lambda change: change.time)


def _change(git: Git, fields: Sequence[str]) -> Change:
    commit, seconds, author, title, parents, body = fields
    files = git.text(
        "diff-tree", "-r", "-m", "--first-parent", "--root", "--no-commit-id", "-z", "--name-only", commit
    )
    paths = tuple(filter(None, files.split("\0")))
    return Change(
        id=commit,
        kind=ChangeKind.COMMIT,
        entity=service_of(paths),
        time=float(seconds),
        author=author,
        title=title,
        diff=_diff(git, commit)[:_MAX_DIFF],
        files=paths,
        commit=commit,
        pull_request=pull_request_of(title, body),
        brought=_brought(git, parents.split()),
    )


def _brought(git: Git, parents: Sequence[str]) -> tuple[str, ...]:
    """The commits that a merge brought to main, newest first; none for any other commit."""
    if len(parents) != _OF_A_MERGE:
        return ()
    limit = f"--max-count={_MAX_BROUGHT}"
    return tuple(git.text("rev-list", limit, parents[1], f"^{parents[0]}", "--").split())


def _diff(git: Git, commit: str) -> str:
    options = (
        "--first-parent",
        "--root",
        "--no-commit-id",
        "--no-ext-diff",
        "--no-textconv",
        "-m",
        "-p",
        "-r",
    )
    return git.text("diff-tree", *options, commit)


def service_of(files: tuple[str, ...]) -> str:
    """The one service whose files these are; empty when there is none or more than one."""
    found = {match[1] or match[2] for match in map(_OF_A_SERVICE.match, files) if match}
    return found.pop() if len(found) == 1 else ""
