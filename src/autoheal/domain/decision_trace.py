"""The five-part record of an investigation, chained by hash."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

GENESIS = "0" * 64
DELETED = "investigation.deleted"
"""The kind of a tombstone: it names each record whose body was taken out, by whom, and why."""
REDACTED = '["deleted"]'
"""What stands where a body was; the record's hash stays, and a later tombstone vouches for it."""
PARTS = ("confidence", "hypotheses", "arguments", "path", "sources")
"""Confidence with reason, all hypotheses, evidence for and against, path decisions, sources with results."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DecisionTrace:
    """One append-only record; body is canonical JSON with exactly the five parts beside `verdict`."""

    sequence: int
    id: str
    incident_id: str
    recorded_at: datetime
    actor: str
    kind: str
    body: str
    previous_hash: str
    hash: str

    @property
    def deleted(self) -> bool:
        """Whether its body was taken out."""
        return self.body == REDACTED

    def intact(self) -> bool:
        """Whether the content still has the hash it was recorded with."""
        return self.hash == link(self.previous_hash, self.id, self.kind, self.actor, self.body)


def canonical(body: Mapping[str, object]) -> str:
    """JSON with sorted keys and no spaces, so that equal content has equal bytes."""
    return json.dumps(body, sort_keys=True, separators=(",", ":"), ensure_ascii=False, default=str)


def link(previous_hash: str, *parts: str) -> str:
    """SHA-256 over the previous hash and the length-prefixed parts."""
    digest = hashlib.sha256(previous_hash.encode())
    for part in parts:
        data = part.encode()
        digest.update(len(data).to_bytes(8, "big") + data)
    return digest.hexdigest()
