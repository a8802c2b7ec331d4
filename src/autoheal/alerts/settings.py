"""How long alerts may lie apart and still speak of one fault, and how many deliveries may wait."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field


class AlertSettings(BaseModel):
    """Seconds throughout, where nothing else is said."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    pending: int = Field(default=8, ge=1, description="deliveries handled at once; more are answered 503")
    join_seconds: float = Field(
        default=300, ge=0, description="how long a neighbor of an incident may join it"
    )
    sibling_seconds: float = Field(
        default=60, ge=0, description="how close alerts must be when only a silent callee is common to them"
    )
    flap_seconds: float = Field(
        default=600, ge=0, description="an alert that fires again this soon after recovery is a flap"
    )
    aftermath_seconds: float = Field(
        default=600, ge=0, description="how long alerts on a mitigated service belong to its incident"
    )
    hold_seconds: float = Field(
        default=600,
        ge=0,
        description="an alert that fires this long after its incident ended opens a new one",
    )
    reorder_seconds: float = Field(
        default=300,
        ge=0,
        description="a firing delivery this late after its resolve is news, not a straggler",
    )
    recent: int = Field(default=100, ge=1, description="newest incidents that are looked at for flaps")
