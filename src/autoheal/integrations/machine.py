"""The machine we run on: the clock in UTC, and identifiers that sort by time."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from datetime import UTC, datetime

_ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"  # Crockford's base 32, as in the ULID specification


@dataclass(frozen=True, slots=True)
class SystemClock:
    """The Clock of the operating system."""

    def now(self) -> datetime:
        """The current instant."""
        return datetime.now(UTC)


@dataclass(frozen=True, slots=True)
class UlidIds:
    """Ids as ULIDs (github.com/ulid/spec): 48 bits of milliseconds, then 80 random bits."""

    def new(self, prefix: str) -> str:
        """`<prefix>_<26 characters>`."""
        milliseconds = int(datetime.now(UTC).timestamp() * 1000)
        number = (milliseconds << 80) | secrets.randbits(80)
        digits = [_ALPHABET[(number >> shift) & 31] for shift in range(125, -1, -5)]
        return f"{prefix}_{''.join(digits)}"


def new_secret() -> str:
    """A token of 256 random bits; its beginning lets scanners of leaked secrets know it."""
    return f"ahl_{secrets.token_urlsafe(32)}"
