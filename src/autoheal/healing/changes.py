"""The changes an incident's investigations saw, found again by id."""

from __future__ import annotations

import json

from autoheal.domain.change import Change, ChangeKind
from autoheal.domain.evidence import Row
from autoheal.ports.stores import IncidentStore


def change_row(change: Change) -> Row:
    """A change as a stored row: time, entity and kind, everything else in the text."""
    content = {
        "id": change.id,
        "author": change.author,
        "title": change.title,
        "diff": change.diff,
        "files": list(change.files),
        "commit": change.commit,
        "key": change.key,
        "before": change.before,
        "after": change.after,
    }
    text = json.dumps(content, ensure_ascii=False, sort_keys=True)
    return Row(time=change.time, entity=change.entity, subject=change.kind, value=1.0, text=text)


def change_from(row: Row) -> Change:
    """The change a stored row was made from."""
    content = json.loads(row.text)
    files = tuple(content.pop("files"))
    return Change(kind=ChangeKind(row.subject), entity=row.entity, time=row.time, files=files, **content)


def changes_seen(incidents: IncidentStore, incident_id: str) -> list[Change]:
    """Every change that the incident's evidence holds, each once, in time order."""
    kinds = set(ChangeKind)
    found: dict[str, Change] = {}
    for evidence in incidents.evidence_of(incident_id):
        if evidence.expression == "changes":
            for row in incidents.rows(evidence.id):
                if row.subject in kinds:
                    change = change_from(row)
                    found[change.id] = change
    return sorted(found.values(), key=lambda change: change.time)


def change_of(incidents: IncidentStore, incident_id: str, change_id: str | None) -> Change | None:
    """The change a hypothesis names."""
    if change_id is None:
        return None
    named = (change for change in changes_seen(incidents, incident_id) if change.id == change_id)
    return next(named, None)
