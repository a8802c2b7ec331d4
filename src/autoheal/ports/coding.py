"""What we ask of an outside program that writes code: what it changed in a scratch copy, never more."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol


@dataclass(frozen=True, slots=True, kw_only=True)
class Edited:
    """The files that it wrote, by path, whole; seconds is how long it took, refused why nothing is taken."""

    files: Mapping[str, str]
    seconds: float
    refused: str = ""


class Coder(Protocol):
    """A program that edits a folder when it is told to; what it wrote is judged by others."""

    @property
    def name(self) -> str:
        """What a proposal calls its author."""
        ...

    def edit(self, folder: Path, prompt: str) -> Edited:
        """Let it work in a clean checkout; raises nothing for what the program does."""
        ...
