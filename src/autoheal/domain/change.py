"""One thing that somebody changed in production: a commit, deploy, setting, flag, scale or restart."""

from __future__ import annotations

from dataclasses import dataclass
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
    was set, where it was one value.
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
