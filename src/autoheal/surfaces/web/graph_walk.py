"""How somebody walks the graph on its page: as of which time, and past which kinds of things."""

from __future__ import annotations

from collections.abc import Set as AbstractSet
from dataclasses import replace
from datetime import UTC, datetime

from autoheal.domain.catalog import View
from autoheal.domain.errors import UserError
from autoheal.domain.fact import NodeKind


def moment(written: str) -> datetime | None:
    """A time as a form gives it, in UTC unless it names its zone; None for none; raises UserError."""
    if not written.strip():
        return None
    try:
        found = datetime.fromisoformat(written.strip())
    except ValueError:
        raise UserError(f"{written[:40]}: not a time such as 2026-11-23T10:00") from None
    return found if found.tzinfo else found.replace(tzinfo=UTC)


def only(view: View, kinds: AbstractSet[NodeKind]) -> View:
    """The center, what is of these kinds (none: all), and the relations between what is left."""
    if not kinds:
        return view
    entries = tuple(e for e in view.entries if e.kind in kinds or e.urn == view.center)
    kept = {entry.urn for entry in entries}
    links = tuple(link for link in view.links if link.subject in kept and link.object in kept)
    shown = {link.id for link in links}
    conflicts = tuple(c for c in view.conflicts if any(fact.id in shown for fact in c.facts))
    return replace(view, entries=entries, links=links, conflicts=conflicts)
