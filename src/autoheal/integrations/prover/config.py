"""How proofs are closed in."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from autoheal.integrations.prover.prover import SandboxedProver


class ProverSettings(BaseModel):
    """`auto` uses bubblewrap where it works, and a bare process with limits where it does not."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    isolation: Literal["auto", "bubblewrap", "none"] = Field(
        default="auto", description="bubblewrap, none, or auto: bubblewrap where it works"
    )
    memory_megabytes: int = Field(default=2_048, ge=64, description="address space of a proof's processes")

    def open(self, scratch: Path) -> SandboxedProver:
        """The prover; scratch is where its folders are made and removed."""
        found = None if self.isolation == "none" else "bwrap"
        required = self.isolation == "bubblewrap"
        return SandboxedProver(
            scratch, program=found, required=required, memory_megabytes=self.memory_megabytes
        )
