"""Settings of a Loki."""

from __future__ import annotations

from pydantic import Field

from autoheal.integrations.http.config import HttpSettings
from autoheal.integrations.loki.logs import LokiLogs


class LokiSettings(HttpSettings):
    """A Loki; a tenant goes into headers as X-Scope-OrgID."""

    name: str = Field(default="loki", description="the name under which evidence cites it")
    label: str = Field(
        default="service_name", pattern="^[a-zA-Z_][a-zA-Z0-9_]*$", description="stream label of the service"
    )
    max_lines: int = Field(
        default=5_000, ge=1, description="most lines per query (Loki's max_entries_limit_per_query)"
    )

    def open(self) -> LokiLogs:
        """The Logs port."""
        return LokiLogs(self.endpoint(self.name), label=self.label, max_lines=self.max_lines)
