"""Which branch, commit and path names may reach git; all else is refused before git sees it."""

from __future__ import annotations

import re

from autoheal.domain.errors import RefusedError, UserError

MAIN = "main"
# Every branch we write begins with our name; a protected branch never does.
_BRANCH = re.compile(r"^autoheal/(?=.{1,120}$)[a-z0-9]+(?:[._/-][a-z0-9]+)*$")
_READABLE = re.compile(r"^(?=.{1,200}$)[A-Za-z0-9_]+(?:[._/-][A-Za-z0-9_]+)*$")
_COMMIT = re.compile(r"^[0-9a-f]{7,64}$")
_PART = re.compile(r"^[A-Za-z0-9_.@+ -]{1,200}$")
# Git reads these from the tree and obeys them; 8.3 and HFS+ spellings of .git reach the same folder.
_OBEYED = re.compile(r"^\.git|^git~\d", re.IGNORECASE)
_PERSON = re.compile(r"^(?=.{1,80}$)[\w][\w .@'+-]*$")
_MACHINES = frozenset({"autoheal", "agent", "bot", "engine", "model", "github-actions", "system"})


def our_branch(name: str) -> str:
    """The name, if we may write it; raises RefusedError for main and everything else that is not ours."""
    if not _BRANCH.fullmatch(name) or name.endswith(".lock"):
        raise RefusedError("forge.protected_branch", f"{name!r} is no branch that Autoheal may write")
    return name


def readable(reference: str) -> str:
    """The branch or commit, if it can only be read as one; raises UserError."""
    if not _READABLE.fullmatch(reference) or reference.endswith(".lock"):
        raise UserError(f"{reference[:80]!r} is no branch or commit; give a name such as main")
    return reference


def commit_id(commit: str) -> str:
    """The commit id, if it is one; raises UserError."""
    if not _COMMIT.fullmatch(commit):
        raise UserError(f"{commit[:80]!r} is no commit id; give its hexadecimal digits")
    return commit


def inside(path: str) -> str:
    """The path, if it stays inside a repository and git will not obey it; raises RefusedError."""
    parts = path.split("/")
    if not all(_PART.fullmatch(part) and part.strip(" .") and not _OBEYED.match(part) for part in parts):
        raise RefusedError("forge.path", f"{path[:120]!r} is no path that a proposal may write")
    if parts[0].startswith("-"):
        raise RefusedError("forge.path", f"{path[:120]!r} could be taken for an option")
    return path


def within(path: str) -> str:
    """The path, if it names something in a tree to be read only; raises UserError."""
    parts = path.split("/")
    if path.startswith("-") or any(part in {"", ".", ".."} or not part.isprintable() for part in parts):
        raise UserError(f"{path[:120]!r} is no path inside a repository; give one such as docs/CODEOWNERS")
    return path


def person(name: str) -> str:
    """The name, if it can be a person's; raises RefusedError for machines and for nobody."""
    if not _PERSON.fullmatch(name) or name.strip().lower().removesuffix("[bot]") in _MACHINES:
        raise RefusedError("forge.human_merges", f"a named person merges, not {name[:80]!r}")
    return name.strip()
