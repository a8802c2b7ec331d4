"""What a call of a model cost, as an entry of the incident's ledger."""

from __future__ import annotations

from datetime import datetime

from autoheal.domain.ledger import LedgerEntry
from autoheal.ports.reasoning import Spent, Stage


def ledger_entry(spent: Spent, *, incident_id: str, stage: Stage, at: datetime) -> LedgerEntry:
    """One call at one stage; the model is the backend."""
    return LedgerEntry(
        incident_id=incident_id,
        stage=stage,
        backend=spent.model,
        at=at,
        tokens_input=spent.input_tokens,
        tokens_cached=spent.cached_tokens,
        tokens_output=spent.output_tokens,
        tokens_reasoning=spent.reasoning_tokens,
        wall_seconds=spent.seconds,
        dollars=spent.dollars,
    )
