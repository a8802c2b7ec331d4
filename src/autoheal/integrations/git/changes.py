"""Commits of a repository's main branch as changes of production."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from autoheal.domain.change import Change
from autoheal.integrations.git.forge import GitForge


@dataclass(frozen=True, slots=True, kw_only=True)
class GitChanges:
    """The Changes port on one repository of the forge."""

    forge: GitForge
    repository: str

    @property
    def name(self) -> str:
        """The name under which evidence cites it."""
        return f"git:{self.repository}"

    def between(self, *, start: float, end: float) -> Sequence[Change]:
        """Commits in time order, with their diffs."""
        found = self.forge.commits(self.repository, since=start)
        return [change for change in found if start <= change.time <= end]
