"""One hardened git process: no foreign configuration, no hooks, no network, bounded in time and output."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from autoheal.domain.errors import ConflictError, NotFoundError, UnreachableError

_SECONDS = 60.0
_MAX_BYTES = 64 * 1024 * 1024

# A hostile repository runs commands by its own configuration (core.fsmonitor, hooks, external diffs);
# protocol.allow=never also shuts `ext::` and upload-pack tricks. Measured on git 2.39.5.
_HARDENED = (
    "-c",
    "core.fsmonitor=false",
    "-c",
    "core.hooksPath=/dev/null",
    "-c",
    "protocol.allow=never",
    "-c",
    "core.pager=cat",
    "-c",
    "core.attributesFile=/dev/null",
    "-c",
    "core.quotePath=false",
    "-c",
    "diff.external=",
    "-c",
    "gc.auto=0",
    "-c",
    "commit.gpgSign=false",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Identity:
    """Who a commit is by."""

    name: str
    email: str


AUTOHEAL = Identity(name="Autoheal", email="autoheal@localhost")


@dataclass(frozen=True, slots=True)
class Git:
    """Git on one repository, bare or with a work tree that is never touched."""

    folder: Path

    def text(self, *arguments: str, env: Mapping[str, str] | None = None, given: bytes = b"") -> str:
        """Output without its last line break; raises ConflictError with git's own word."""
        done = self.run(arguments, env=env, given=given)
        if done.returncode:
            word = done.stderr.decode(errors="replace").strip().splitlines()
            raise ConflictError(f"git {arguments[0]} in {self.folder.name}: {word[-1] if word else 'failed'}")
        return done.stdout.decode(errors="replace").removesuffix("\n")

    def run(
        self, arguments: Sequence[str], *, env: Mapping[str, str] | None = None, given: bytes = b""
    ) -> subprocess.CompletedProcess[bytes]:
        """The finished process, whatever it returned; raises UnreachableError when it does not end."""
        command = ["git", f"--git-dir={self._git_dir()}", *_HARDENED, *arguments]
        try:
            return subprocess.run(  # noqa: S603  no shell, arguments validated by names.py
                command,
                input=given,
                env=_environment(env or {}),
                capture_output=True,
                timeout=_SECONDS,
                check=False,
            )
        except subprocess.TimeoutExpired:
            raise UnreachableError(f"git {arguments[0]} did not end within {_SECONDS:g} s") from None
        except FileNotFoundError:
            raise UnreachableError("git is not installed: install the package git") from None

    def _git_dir(self) -> Path:
        inner = self.folder / ".git"
        found = inner if inner.is_dir() else self.folder
        if not (found / "HEAD").is_file():
            raise NotFoundError(f"{self.folder} is no git repository: check its path in the settings")
        return found


def create(folder: Path) -> Git:
    """A new bare repository with the branch main."""
    folder.mkdir(parents=True, exist_ok=True)
    subprocess.run(  # noqa: S603  a fixed command
        ["git", *_HARDENED, "init", "--quiet", "--bare", "--initial-branch=main", "--template=", "."],  # noqa: S607  git is found on PATH
        cwd=folder,
        env=_environment({}),
        capture_output=True,
        timeout=_SECONDS,
        check=True,
    )
    return Git(folder)


def identified(author: Identity, committer: Identity = AUTOHEAL) -> dict[str, str]:
    """The environment that names who writes a commit."""
    return {
        "GIT_AUTHOR_NAME": author.name,
        "GIT_AUTHOR_EMAIL": author.email,
        "GIT_COMMITTER_NAME": committer.name,
        "GIT_COMMITTER_EMAIL": committer.email,
    }


def _environment(more: Mapping[str, str]) -> dict[str, str]:
    return {
        "PATH": os.defpath,
        "HOME": "/nonexistent",
        "LC_ALL": "C.UTF-8",
        "GIT_CONFIG_GLOBAL": "/dev/null",
        "GIT_CONFIG_NOSYSTEM": "1",
        "GIT_ATTR_NOSYSTEM": "1",
        "GIT_TERMINAL_PROMPT": "0",
        "GIT_NO_LAZY_FETCH": "1",
        "GIT_LITERAL_PATHSPECS": "1",
        **more,
    }
