"""How many live incidents are kept as cases that can be replayed."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field


class RecordingSettings(BaseModel):
    """Cases lie in `cases` of home, one folder for each incident."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    keep: int = Field(default=200, ge=0, description="incidents whose telemetry is kept; 0 records none")
