"""One thing that somebody changed in production: a commit, deploy, setting, flag, scale or restart."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum


class ChangeKind(StrEnum):
    """What was changed."""

    COMMIT = "commit"
    DEPLOY = "deploy"
    CONFIG = "config"
    FLAG = "flag"
    SCALE = "scale"
    RESTART = "restart"


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """A change at a time (unix seconds); entity is empty where the source does not name a service.

    commit is the commit a deploy brought or a setting came from; key, before and after tell which one value
    was set, where it was one value. pull_request is the number under which a forge reviewed it, and brought
    are the commits of that review, where they were merged and not squashed.
    """

    id: str
    kind: ChangeKind
    entity: str
    time: float
    author: str = ""
    title: str = ""
    diff: str = ""
    files: tuple[str, ...] = ()
    commit: str = ""
    key: str = ""
    before: str = ""
    after: str = ""
    pull_request: str = ""
    brought: tuple[str, ...] = ()

    @property
    def label(self) -> str:
        """What tells it from others of its kind, in our own words: a title is somebody else's text."""
        commit = next((f" {key[:_SHORT]}" for key in (self.commit, self.id) if _COMMIT.fullmatch(key)), "")
        at = datetime.fromtimestamp(self.time, tz=UTC).strftime("%Y-%m-%d %H:%M:%S")
        return f"{self.kind} of {self.entity or 'a repository'}{commit}, {at} UTC"


_SHORT = 7
_COMMIT = re.compile(r"[0-9a-f]{7,64}")
_PULL_REQUESTS = (
    re.compile(r"^Merge pull request #(\d{1,9})\b"),
    re.compile(r"\(#(\d{1,9})\)\s*$"),
    re.compile(r"\(!(\d{1,9})\)\s*$"),
    re.compile(r"^Merged PR (\d{1,9}):"),
    re.compile(r"^Merged in .{1,200} \(pull request #(\d{1,9})\)"),
)
"""As GitHub, GitLab, Azure Repos and Bitbucket title what they merge or squash."""
_MERGE_REQUEST = re.compile(r"^See merge request (?:[\w./-]{1,200})?!(\d{1,9})\s*$", re.MULTILINE)
"""What GitLab writes below the title of a merge."""


def pull_request_of(title: str, body: str = "") -> str:
    """The number of the pull request that a commit says it came from; empty where it names none."""
    found = next((match for one in _PULL_REQUESTS if (match := one.search(title))), None)
    found = found or _MERGE_REQUEST.search(body)
    return found[1] if found else ""
