"""Where proofs are run: programs in a closed room, with no network, no secrets and a time limit."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol


@dataclass(frozen=True, slots=True, kw_only=True)
class Ran:
    """How a program ended: code is its exit code, None when it did not end in time or could not start."""

    code: int | None
    output: str
    seconds: float

    @property
    def passed(self) -> bool:
        """Whether it ended well."""
        return self.code == 0


class Prover(Protocol):
    """Runs a program that we do not trust."""

    @property
    def isolated(self) -> bool:
        """Whether the system closes programs in, and not limits alone."""
        ...

    @property
    def isolation(self) -> str:
        """How programs are closed in here, in words for a proof; says so where they are not."""
        ...

    def run(
        self,
        command: Sequence[str],
        *,
        seconds: float,
        folder: Path | None = None,
        files: Mapping[str, str] | None = None,
        given: str = "",
    ) -> Ran:
        """Run it in a folder (a new empty one by default) after writing some files there.

        given is its standard input.
        """
        ...
