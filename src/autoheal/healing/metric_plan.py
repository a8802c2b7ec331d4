"""Which metrics an investigation asks for: from the backend's own catalog, by kind, within a budget."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

# Label names under which instrumentations keep a response status: Prometheus client conventions,
# OpenTelemetry HTTP semantic conventions, gRPC.
_STATUS = ("status", "code", "status_code", "http_response_status_code")
_FAILED, _REJECTED = "5..|error", "4.."
_OF_THE_MONITORING = re.compile(
    r"^(prometheus|alertmanager|promhttp|go|scrape|net_conntrack|python_gc|python_info|ALERTS|autoheal)(_|:|$)"
)
# Of the process collector of every Prometheus client: limits, and the size of the address space, which moves
# with threads and mappings and is no use of memory.
_NO_USE = re.compile(r"^process_(virtual_memory(_max)?_bytes|max_fds)$")
_REQUESTS = re.compile(r"(request|http|rpc|grpc|call|message|operation)")


@dataclass(frozen=True, slots=True, kw_only=True)
class MetricQuery:
    """One query whose rows are samples of `subject` per service."""

    subject: str
    expression: str
    urgency: int


def plan(catalog: Mapping[str, str], *, label: str, window: int, budget: int) -> list[MetricQuery]:
    """At most `budget` queries; request errors and latency first, then saturation, then the rest."""
    queries = [MetricQuery(subject="up", expression=f"min by ({label}) (up)", urgency=0)]
    for name in sorted(catalog):
        if _wanted(name):
            queries += _queries(name, catalog[name], label, window)
    queries.sort(key=lambda query: (query.urgency, query.subject))
    return queries[:budget]


def _wanted(name: str) -> bool:
    known = name == "up" or name.endswith("_created")
    return not known and not _OF_THE_MONITORING.match(name) and not _NO_USE.match(name)


def _queries(name: str, kind: str, label: str, window: int) -> Iterator[MetricQuery]:
    if kind == "histogram":
        yield from _of_histogram(name, label, window)
    elif kind == "counter":
        yield from _of_counter(name, label, window)
    elif kind == "summary":
        mean = f"{_rate(f'{name}_sum', label, window)} / {_rate(f'{name}_count', label, window)}"
        yield MetricQuery(subject=f"{name}:mean", expression=mean, urgency=2)
    elif not name.endswith(("_info", "_bucket")):
        yield MetricQuery(subject=name, expression=f"max by ({label}) ({name})", urgency=4)


def _of_counter(name: str, label: str, window: int) -> Iterator[MetricQuery]:
    rate = _rate(name, label, window)
    if _REQUESTS.search(name):
        yield MetricQuery(subject=f"{name}:rate", expression=rate, urgency=1)
        for share, status in (("error", _FAILED), ("rejected", _REJECTED)):
            expression = _share(name, status, label, window)
            yield MetricQuery(subject=f"{name}:{share}_ratio", expression=expression, urgency=0)
    else:
        yield MetricQuery(subject=f"{name}:rate", expression=rate, urgency=3)


def _of_histogram(name: str, label: str, window: int) -> Iterator[MetricQuery]:
    buckets = f"sum by ({label}, le) (rate({name}_bucket[{window}s]))"
    mean = f"{_rate(f'{name}_sum', label, window)} / {_rate(f'{name}_count', label, window)}"
    yield MetricQuery(subject=f"{name}:p95", expression=f"histogram_quantile(0.95, {buckets})", urgency=1)
    yield MetricQuery(subject=f"{name}:mean", expression=mean, urgency=2)


def _rate(name: str, label: str, window: int) -> str:
    return f"sum by ({label}) (rate({name}[{window}s]))"


def _share(name: str, status: str, label: str, window: int) -> str:
    # Services without a single error have no series with an error status: the zero comes from the total.
    total = _rate(name, label, window)
    such = " or ".join(f'rate({name}{{{key}=~"{status}"}}[{window}s])' for key in _STATUS)
    return f"(sum by ({label}) ({such}) or {total} * 0) / {total}"
