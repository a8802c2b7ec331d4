"""How long a browser stays signed in; who may come in is kept in the database and not here."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field


class AccessSettings(BaseModel):
    """Sign-in to the web page; asked for as soon as `autoheal people add` has enrolled somebody."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    idle_minutes: float = Field(default=60, gt=0, description="a browser unused for so long signs in again")
    session_hours: float = Field(default=12, gt=0, description="after so long every browser signs in again")
