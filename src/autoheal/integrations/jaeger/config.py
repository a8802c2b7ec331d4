"""Settings of a Jaeger."""

from __future__ import annotations

from pydantic import Field

from autoheal.integrations.http.config import HttpSettings
from autoheal.integrations.jaeger.traces import JaegerTraces


class JaegerSettings(HttpSettings):
    """A Jaeger query service, or what speaks the API of its UI."""

    name: str = Field(default="jaeger", description="the name under which evidence cites it")
    max_traces: int = Field(default=400, ge=1, le=1500, description="most traces asked for per service")

    def open(self) -> JaegerTraces:
        """The Traces port."""
        return JaegerTraces(self.endpoint(self.name), max_traces=self.max_traces)
