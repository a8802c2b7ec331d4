"""What the stages of an incident asked so far, read back from the store: claims rest on nothing else."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from autoheal.domain.evidence import Evidence, Row
from autoheal.healing.responder import Responder


def stored_evidence(
    responder: Responder, incident_id: str
) -> tuple[Mapping[str, Evidence], Mapping[str, Sequence[Row]]]:
    """What the incident's stages asked so far, read back from the store: claims rest on nothing else."""
    found = responder.incidents.evidence_of(incident_id)
    rows = {item.id: responder.incidents.rows(item.id) for item in found}
    return {item.id: item for item in found}, rows
