"""How long the graph takes a thing for live that nobody tells of."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field


class GraphSettings(BaseModel):
    """The production context graph."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    retire_after_days: float = Field(
        default=14, gt=0, description="a service that no source told of for so long is retired"
    )
