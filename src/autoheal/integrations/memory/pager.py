"""Pages held in memory."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from autoheal.domain.errors import UnreachableError


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """One page as it was delivered."""

    incident_id: str
    text: str
    at: datetime


class MemoryPager:
    """Keeps what was paged in `pages`; set `broken` and no page gets through."""

    def __init__(self) -> None:
        self.broken: str | None = None
        self.pages: list[Page] = []

    def page(self, *, incident_id: str, text: str, at: datetime) -> None:
        """Keep the page; raises UnreachableError while broken."""
        if self.broken is not None:
            raise UnreachableError(f"pager: {self.broken}")
        self.pages.append(Page(incident_id=incident_id, text=text, at=at))
