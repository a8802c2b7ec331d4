"""What was decided and done, in a chain that only grows."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Protocol

from autoheal.domain.decision_trace import DecisionTrace


class Audit(Protocol):
    """The append-only hash chain of decision traces and effects."""

    def append(self, *, incident_id: str, kind: str, actor: str, body: Mapping[str, object]) -> DecisionTrace:
        """Record and link to the record before."""
        ...

    def bury(self, *, incident_id: str, kinds: Collection[str], actor: str, reason: str) -> DecisionTrace:
        """Take out the bodies of an incident's records of these kinds; the tombstone names each of them."""
        ...

    def records(self, incident_id: str | None = None, *, kind: str | None = None) -> Sequence[DecisionTrace]:
        """Records in sequence."""
        ...

    def verify(self) -> str | None:
        """None when the chain is intact, else which record is not."""
        ...
