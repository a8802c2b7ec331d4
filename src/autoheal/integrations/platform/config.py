"""Settings of the platform API."""

from __future__ import annotations

from pydantic import Field

from autoheal.integrations.http.config import HttpSettings
from autoheal.integrations.platform.actuator import PlatformActuator
from autoheal.integrations.platform.changes import PlatformChanges


class PlatformSettings(HttpSettings):
    """The one door to production; acting and reading may use different credentials."""

    name: str = Field(default="platform", description="the name under which evidence cites it")
    timeout_seconds: float = Field(default=20.0, gt=0, le=30, description="longest wait for one answer")
    breaker_failures: int = Field(
        default=0, ge=0, description="failures in a row after which it is left alone for 30 s; 0: never"
    )

    def open(self) -> PlatformActuator:
        """The Actuator port."""
        return PlatformActuator(self.endpoint(self.name))

    def open_changes(self) -> PlatformChanges:
        """The Changes port."""
        return PlatformChanges(self.endpoint(self.name))
