"""Ways to a diagnosis that failed on such alerts before: they are tried later, and the trace says why."""

from __future__ import annotations

from datetime import datetime

from autoheal.domain.incident import Incident
from autoheal.ports.stores import GraphStore

FAILURES = 3
"""So often in a row a diagnosis has to fail before others are tried first."""


def note_path(graph: GraphStore, incident: Incident, skill: str, *, held: bool, at: datetime) -> None:
    """Count that a skill's diagnosis held, or did not, for an incident with these alerts."""
    graph.count_use(_key(incident.signature, skill), incident_id=incident.id, useful=held, at=at)


def failures(graph: GraphStore, signature: str, skill: str) -> int:
    """How often in a row, up to now, the diagnosis of a skill did not hold for these alerts."""
    count = 0
    for _, _, held in reversed(graph.uses(_key(signature, skill))):
        if held:
            break
        count += 1
    return count


def _key(signature: str, skill: str) -> str:
    """By the skill's name: a new version has to begin anew only where its name is new."""
    return f"path:{signature}/{skill.partition('@')[0]}"
