"""Settings of a Prometheus."""

from __future__ import annotations

from pydantic import Field

from autoheal.integrations.http.config import HttpSettings
from autoheal.integrations.prometheus.metrics import Bounds, PrometheusMetrics


class PrometheusSettings(HttpSettings):
    """A Prometheus, or another backend with its query API."""

    name: str = Field(default="prometheus", description="the name under which evidence cites it")
    entity_labels: tuple[str, ...] = Field(
        default=("service", "service_name", "app", "job", "instance"),
        description="labels that name the service, the first that is set counts",
    )
    max_range_seconds: float = Field(
        default=21_600.0, gt=0, description="longest window of a query; longer ones are refused"
    )
    max_points: int = Field(
        default=11_000, ge=2, le=11_000, description="most points per series; a smaller step is widened"
    )

    def open(self) -> PrometheusMetrics:
        """The Metrics port."""
        bounds = Bounds(
            max_range_seconds=self.max_range_seconds,
            max_points=self.max_points,
            timeout_seconds=self.timeout_seconds,
        )
        return PrometheusMetrics(self.endpoint(self.name), bounds, entity_labels=self.entity_labels)
