"""What we may do: act on a target, page a person, propose in a repository."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Protocol

from autoheal.domain.change import Change
from autoheal.domain.mitigation import Action
from autoheal.domain.proposal import Proposal
from autoheal.ports.runs import Json


@dataclass(frozen=True, slots=True, kw_only=True)
class TargetState:
    """What a target is now: version for compare-and-set, what it runs, and what a way back needs."""

    target: str
    version: int
    release: str
    previous_release: str | None
    config_version: int
    previous_config_version: int | None
    config: Mapping[str, Json]
    flags: Mapping[str, Json]
    replicas: int
    healthy_peers: int
    change_in_progress: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class EffectResult:
    """What the target says about one execution."""

    done: bool
    version: int
    text: str


class Actuator(Protocol):
    """The only door to production; every call is bounded in time."""

    @property
    def name(self) -> str:
        """The name under which evidence cites it."""
        ...

    def state(self, target: str) -> TargetState:
        """Read the target; raises NotFoundError or UnreachableError."""
        ...

    def plan(self, action: Action) -> str:
        """The exact calls that `execute` would send; sends none of them."""
        ...

    def fence(self, target: str, epoch: int) -> None:
        """Shut out everyone with an older epoch; raises StaleTargetError when we are the older."""
        ...

    def execute(self, action: Action, *, key: str, version: int, epoch: int) -> EffectResult:
        """Act once per key, only if the target still has this version; raises StaleTargetError."""
        ...

    def outcome(self, key: str) -> EffectResult | None:
        """What became of a key: None when the target never saw it; raises UnreachableError."""
        ...


class Brake(Protocol):
    """A switch that stops every effect, read right before each one."""

    def engaged(self) -> str | None:
        """Why nothing may run; None only when the switch can be read and is off."""
        ...


class Pager(Protocol):
    """A person, reached without any model or chat."""

    def page(self, *, incident_id: str, text: str, at: datetime) -> None:
        """Deliver at least once."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Branch:
    """A proposed branch: base and head commits in a named repository."""

    repository: str
    name: str
    base: str
    head: str

    @classmethod
    def of(cls, proposal: Proposal) -> Branch:
        """The branch that holds a proposal."""
        return cls(
            repository=proposal.repository, name=proposal.branch, base=proposal.base, head=proposal.head
        )


class Forge(Protocol):
    """Git repositories with protected main branches."""

    def read(self, repository: str, path: str, *, at: str = "main") -> str | None:
        """A file's text, or None."""
        ...

    def files(self, repository: str, under: str = "", *, at: str = "main") -> Sequence[str]:
        """Paths below a folder."""
        ...

    def head(self, repository: str, branch: str = "main") -> str:
        """The commit a branch points to; raises NotFoundError."""
        ...

    def commit(
        self, repository: str, *, branch: str, files: Mapping[str, str | None], message: str, base: str = ""
    ) -> Branch:
        """Commit files (None removes) on a new branch from base (default main's head); never on main."""
        ...

    def revert(self, repository: str, *, branch: str, commit: str, message: str) -> Branch:
        """A branch from main that undoes one commit; raises ConflictError when it does not apply."""
        ...

    def diff(self, branch: Branch) -> str:
        """The unified diff from base to head."""
        ...

    def worktree(self, repository: str, commit: str) -> AbstractContextManager[Path]:
        """A clean checkout in a temporary folder, removed afterwards."""
        ...

    def merge(self, branch: Branch, *, message: str, author: str) -> str:
        """Merge into main for a named person and return the merge commit; raises ConflictError."""
        ...

    def commits(self, repository: str, *, since: float) -> Sequence[Change]:
        """Commits of main with their diffs, in time order."""
        ...
