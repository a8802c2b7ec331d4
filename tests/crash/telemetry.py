"""What the shop outside the worker can be asked: metrics, logs and traces that follow its real state."""

from __future__ import annotations

import math
import threading
from collections.abc import Callable, Iterator

from autoheal.domain.evidence import Row
from autoheal.integrations.memory.logs import MemoryLogs
from autoheal.integrations.memory.metrics import MemoryMetrics
from autoheal.integrations.memory.traces import MemoryTraces
from autoheal.ports.telemetry import AlertRule, Span

CALLS = (("gateway", "checkout"), ("checkout", "payments"), ("gateway", "search"))
SERVICES = ("gateway", "checkout", "payments", "search")
CULPRIT = "checkout"
HURT = (CULPRIT, "gateway")
STEP = 0.5
HISTORY, BROKE, ALERTED = 130.0, 16.0, 4.0
"""Seconds before the worker starts: since when there is history, when it broke, since when it alerts."""
RULE = AlertRule(
    name="HighErrorRatio",
    expression="error_ratio > 0.2",
    for_seconds=5.0,
    state="firing",
    labels={"severity": "critical"},
)


class Telemetry:
    """Everything up to now, written when it is asked for; `mended` says since when the shop is well."""

    def __init__(self, *, now: float, mended: Callable[[], float]) -> None:
        self.began = now
        self.metrics = MemoryMetrics(rules=[RULE])
        self.logs = MemoryLogs()
        self.traces = MemoryTraces()
        self._mended = mended
        self._told = now - HISTORY
        self._counts: dict[tuple[str, str], float] = {}
        self._lock = threading.Lock()

    def sick(self, service: str, at: float) -> bool:
        """Whether a service answers with errors at a moment."""
        return service in HURT and self.began - BROKE <= at < self._mended()

    def live(self, now: float) -> None:
        """Tell of everything that happened until now."""
        with self._lock:
            moments: list[float] = []
            while self._told + STEP <= now:
                self._told += STEP
                moments.append(self._told)
            if moments:
                self._count(moments)
                self._measure(moments)
                self._say(moments)

    def _count(self, moments: list[float]) -> None:
        for service in SERVICES:
            for status in ("200", "500"):
                samples = []
                for at in moments:
                    self._counts[service, status] = self._counts.get((service, status), 0.0) + self._requests(
                        service, status, at
                    )
                    samples.append((at, self._counts[service, status]))
                labels = {"service": service, "status": status}
                self.metrics.add("http_requests_total", labels, samples, kind="counter")

    def _requests(self, service: str, status: str, at: float) -> float:
        well, ill = (20.0, 6.0) if status == "200" else (0.02, 14.0)
        return (ill if self.sick(service, at) else well) * STEP * (1 + 0.05 * (at // STEP % 7 - 3))

    def _measure(self, moments: list[float]) -> None:
        for service in SERVICES:
            labels = {"service": service}
            ratio = [(at, 0.7 if self.sick(service, at) else 0.001 * (1 + at // STEP % 3)) for at in moments]
            self.metrics.add("error_ratio", labels, ratio)
            self.metrics.add("up", labels, [(at, 1.0) for at in moments])
        for service in HURT:
            # Not a number ends a series, as Prometheus does when an alert is over.
            firing = [at for at in moments if at >= self.began - ALERTED]
            samples = [(at, 1.0 if self.sick(service, at) else math.nan) for at in firing]
            labels = {"alertname": RULE.name, "severity": "critical", "service": service}
            self.metrics.add("ALERTS", {**labels, "alertstate": "firing"}, samples)

    def _say(self, moments: list[float]) -> None:
        for at in moments[::2]:
            self.traces.add(*(span for call in CALLS for span in self._spans(*call, at)))
            for service in SERVICES:
                said = f"handled request {int(at) % 97} in {20 + int(at) % 7} ms"
                self.logs.add(_line(service, at, said))
                if service == CULPRIT and self.sick(service, at):
                    self.logs.add(_line(service, at, "unhandled KeyError: 'discount' in price_of"))

    def _spans(self, caller: str, callee: str, at: float) -> Iterator[Span]:
        for name, span_id, parent in ((caller, "a", None), (callee, "b", "a")):
            status = "500" if self.sick(name, at) else "200"
            request = {"http.request.method": "GET", "url.path": f"/{name}"}
            yield Span(
                trace_id=f"{int(at * 10):x}{callee.encode().hex()}",
                span_id=span_id,
                parent_id=parent,
                entity=name,
                operation=f"GET /{name}",
                kind="server",
                start=at,
                duration_ms=20.0,
                error=status == "500",
                attributes={**request, "http.response.status_code": status},
            )


def _line(service: str, at: float, text: str) -> Row:
    return Row(time=at, entity=service, subject="", value=1.0, text=text)
