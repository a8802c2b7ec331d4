"""The shop's own git repository: made with a believable history, changed like developers change it."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from autoheal.domain.errors import ConfigError, ConflictError

TEMPLATE = Path(__file__).parent / "shop"
_DAY = 86_400
_SKIPPED = shutil.ignore_patterns("__pycache__", "*.pyc")


@dataclass(frozen=True, slots=True, kw_only=True)
class Author:
    """Who commits."""

    name: str

    @property
    def email(self) -> str:
        """An address of the shop."""
        return f"{self.name.lower().replace(' ', '.')}@shop.example"


# What the history is made of: days ago, author, message, and the paths that come with it.
_HISTORY: tuple[tuple[int, str, str, tuple[str, ...]], ...] = (
    (41, "Ines Farkas", "Start the shop: server, telemetry, tests",
     ("README.md", "CODEOWNERS", "shop", "tests")),
    (40, "Ines Farkas", "Add the entry point", ("services/gateway", "config/gateway.json")),
    (38, "Tom Ekdahl", "Price with tax and quantity discount", ("services/pricing", "config/pricing.json")),
    (35, "Mara Lind", "Show products with stars", ("services/catalog", "config/catalog.json")),
    (30, "Tom Ekdahl", "Take orders", ("services/orders", "config/orders.json")),
    (29, "Yusuf Demir", "Keep stock", ("services/inventory", "config/inventory.json")),
    (22, "Mara Lind", "Charge through the bank, strict check behind a flag",
     ("services/payments", "services/bank", "config/payments.json", "config/bank.json", "flags.json")),
    (15, "Yusuf Demir", "Alert on errors, latency, pools and memory", ("alerts",)),
)  # fmt: skip


def create(repository: Path) -> str:
    """Make the repository with its history; returns the newest commit."""
    _git(["init", "--quiet", "--bare", "--initial-branch=main", str(repository)])
    with tempfile.TemporaryDirectory() as folder:
        work = Path(folder)
        _git(["init", "--quiet", "--initial-branch=main", str(work)])
        for days, author, message, paths in _HISTORY:
            for path in paths:
                _copy(TEMPLATE / path, work / path)
            _commit(work, Author(name=author), message, at=time.time() - days * _DAY)
        _git(["push", "--quiet", str(repository), "main"], work)
        return head(repository)


def head(repository: Path) -> str:
    """The newest commit of main."""
    return _git(["rev-parse", "main"], repository)


def read(repository: Path, path: str, *, at: str = "main") -> str:
    """A file at a commit."""
    return _git(["show", f"{at}:{path}"], repository, strip=False)


def check_out(repository: Path, commit: str, folder: Path) -> None:
    """Lay a commit out in a folder, once."""
    if folder.exists():
        return
    beside = folder.with_name(f".{folder.name}.{os.getpid()}")
    beside.mkdir(parents=True)
    archive = subprocess.run(["git", "archive", commit], cwd=repository, check=True, capture_output=True)
    subprocess.run(["tar", "-x", "-C", str(beside)], input=archive.stdout, check=True)
    beside.rename(folder)


def change(
    repository: Path, edit: Callable[[Path], None], *, author: str, message: str, at: float | None = None
) -> str:
    """Commit to main what the edit does to a fresh checkout; returns the commit."""
    with tempfile.TemporaryDirectory() as folder:
        work = Path(folder) / "work"
        _git(["clone", "--quiet", str(repository), str(work)])
        edit(work)
        if not _git(["status", "--porcelain"], work):
            raise ConflictError(f"{message!r} changes nothing")
        _commit(work, Author(name=author), message, at=at or time.time())
        _git(["push", "--quiet", "origin", "main"], work)
        return _git(["rev-parse", "HEAD"], work)


def revert(repository: Path, commits: Sequence[str], *, author: str) -> None:
    """Take commits back, newest first, unless main already has them taken back."""

    def edit(work: Path) -> None:
        for commit in reversed(commits):
            diff = _git(["diff", commit, f"{commit}~1"], work, strip=False)
            patch(work, diff)

    try:
        change(repository, edit, author=author, message=f'Revert "{subject(repository, commits[0])}"')
    except (ConflictError, ConfigError):
        return


def patch(work: Path, text: str) -> None:
    """Apply a unified patch; raises ConfigError when it does not fit."""
    done = subprocess.run(
        ["git", "apply", "-"], cwd=work, input=text.encode(), capture_output=True, check=False
    )
    if done.returncode:
        raise ConfigError(f"the patch does not apply: {done.stderr.decode().strip().splitlines()[0]}")


def _commit(work: Path, author: Author, message: str, *, at: float) -> None:
    moment = f"@{int(at)} +0000"
    environment = {"GIT_AUTHOR_DATE": moment, "GIT_COMMITTER_DATE": moment}
    identity = ["-c", f"user.name={author.name}", "-c", f"user.email={author.email}"]
    _git(["add", "--all"], work)
    _git([*identity, "commit", "--quiet", "-m", message], work, environment)


def _copy(source: Path, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    if source.is_dir():
        shutil.copytree(source, target, ignore=_SKIPPED, dirs_exist_ok=True)
    else:
        shutil.copy(source, target)


def _git(
    arguments: Sequence[str],
    folder: Path | None = None,
    environment: Mapping[str, str] | None = None,
    *,
    strip: bool = True,
) -> str:
    safe = {"GIT_CONFIG_GLOBAL": "/dev/null", "GIT_CONFIG_SYSTEM": "/dev/null", "GIT_TERMINAL_PROMPT": "0"}
    done = subprocess.run(
        ["git", "-c", "core.hooksPath=/dev/null", *arguments],
        cwd=folder,
        env={"PATH": os.environ["PATH"], **safe, **(environment or {})},
        capture_output=True,
        check=False,
    )
    if done.returncode:
        raise ConflictError(f"git {arguments[0]}: {done.stderr.decode(errors='replace').strip()[:300]}")
    out = done.stdout.decode(errors="replace")
    return out.strip() if strip else out


def difference(repository: Path, before: str, after: str) -> str:
    """What changed between two commits, as a unified diff of at most 20,000 characters."""
    return _git(["diff", before, after], repository, strip=False)[:20_000]


def subject(repository: Path, commit: str) -> str:
    """The first line of a commit's message."""
    return _git(["log", "-1", "--format=%s", commit], repository)
