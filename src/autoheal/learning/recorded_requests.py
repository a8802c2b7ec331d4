"""Requests that an incident recorded in its spans: what failed or was slow, and how it was before. Pure."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from statistics import median

from autoheal.domain.evidence import Row
from autoheal.learning.material import Material
from autoheal.ports.runs import Json

MAX_REQUESTS = 5
_FEW = 3
_MANY = 40
_SLOWER = 3.0
_ERROR = 400
# OpenTelemetry HTTP semantic conventions, and the names they had before 1.20.
_METHOD = ("http.request.method", "http.method")
_PATH = ("url.path", "http.target")
_STATUS = ("http.response.status_code", "http.status_code")
_BODY = ("http.request.body",)


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """One recorded request; body is JSON, or None."""

    method: str
    path: str
    body: Json
    status: int
    duration_ms: float
    operation: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Expectation:
    """Requests that went wrong, and what the good release answered to their like."""

    service: str
    operation: str
    requests: tuple[Request, ...]
    status: int
    max_ms: float | None
    times: int

    def told(self) -> str:
        """What the test asks, in words."""
        quick = f" within {self.max_ms:.0f} ms" if self.max_ms else ""
        often = f", {self.times} times over" if self.times > 1 else ""
        return f"{self.service} answers {self.operation} with {self.status}{quick}{often}"


def requests_of(rows: Iterable[Row], service: str) -> Iterator[tuple[float, Request]]:
    """The service's own server spans that can be sent again, with their time."""
    for row in rows:
        if row.entity == service and (request := _request(row)) is not None:
            yield row.time, request


def _request(row: Row) -> Request | None:
    try:
        told: Json = json.loads(row.text)
    except ValueError:
        return None
    attributes = told.get("attributes") if isinstance(told, dict) else None
    if not isinstance(attributes, dict):
        return None
    method, path = _first(attributes, _METHOD), _first(attributes, _PATH)
    status, body = _first(attributes, _STATUS), _first(attributes, _BODY)
    if not method or not path.startswith("/") or not status.isdigit():
        return None
    try:
        content: Json = json.loads(body) if body else None
    except ValueError:
        return None
    return Request(
        method=method,
        path=path,
        body=content,
        status=int(status),
        duration_ms=row.value,
        operation=row.subject,
    )


def _first(attributes: Mapping[str, Json], names: Sequence[str]) -> str:
    return next((str(attributes[name]) for name in names if attributes.get(name) is not None), "")


def expectations(material: Material) -> list[Expectation]:
    """What the culprit should have answered, strongest contrast first; empty when nothing can be re-sent."""
    cause = material.cause
    spans = [i for i, e in material.evidence.items() if e.expression.startswith("spans of ")]
    rows = list(dict.fromkeys(row for i in spans for row in material.rows[i]))
    if cause is None:
        return []
    onset = (material.investigation.onset if material.investigation else None) or material.alerted
    recorded = list(requests_of(rows, cause.entity))
    before = [request for time, request in recorded if time < onset - 1]
    during = [request for time, request in recorded if onset - 1 <= time <= material.looked]
    operations = Counter(request.operation for request in during)
    found = [
        _contrast(cause.entity, operation, _of(before, operation), _of(during, operation))
        for operation in operations
    ]
    ranked = sorted((f for f in found if f is not None), key=lambda pair: -pair[0])
    return [expectation for _, variants in ranked for expectation in variants]


def answered_well(material: Material, expectation: Expectation) -> tuple[Request, ...]:
    """Other requests of the same operation that were answered well while those went wrong."""
    spans = [i for i, e in material.evidence.items() if e.expression.startswith("spans of ")]
    rows = dict.fromkeys(row for i in spans for row in material.rows[i])
    wrong = {_same(request) for request in expectation.requests}
    onset = (material.investigation.onset if material.investigation else None) or material.alerted
    during = (r for t, r in requests_of(rows, expectation.service) if onset - 1 <= t <= material.looked)
    alike = [r for r in during if (r.operation, r.status) == (expectation.operation, expectation.status)]
    return _distinct([request for request in alike if _same(request) not in wrong])


def _same(request: Request) -> str:
    return json.dumps([request.method, request.path, request.body], sort_keys=True)


def _of(requests: Sequence[Request], operation: str) -> list[Request]:
    return [request for request in requests if request.operation == operation]


def _contrast(
    service: str, operation: str, before: Sequence[Request], during: Sequence[Request]
) -> tuple[float, list[Expectation]] | None:
    """How much worse the operation became, and how to show it again."""
    good = [request for request in before if request.status < _ERROR]
    if len(good) < _FEW:
        return None
    status = Counter(request.status for request in good).most_common(1)[0][0]
    failed = [request for request in during if request.status >= _ERROR and request.status != status]
    usual = sum(request.status >= _ERROR for request in before) / len(before)
    share = len(failed) / len(during) - usual
    if failed and share > 0.05:  # noqa: PLR2004  one in twenty more than before
        blank = Expectation(
            service=service,
            operation=operation,
            requests=_distinct(failed),
            status=status,
            max_ms=None,
            times=1,
        )
        return share, [blank, _times(blank, _many(blank))]
    return _slowness(service, operation, good, during, status)


def _slowness(
    service: str, operation: str, good: Sequence[Request], during: Sequence[Request], status: int
) -> tuple[float, list[Expectation]] | None:
    usual = sorted(request.duration_ms for request in good)[int(0.9 * (len(good) - 1))]
    slow = [request for request in during if request.duration_ms > _SLOWER * usual]
    if len(slow) < _FEW:
        return None
    typical = median(request.duration_ms for request in slow)
    limit = max((usual * typical) ** 0.5, 20.0)
    blank = Expectation(
        service=service,
        operation=operation,
        requests=_distinct(slow),
        status=status,
        max_ms=round(limit),
        times=1,
    )
    return len(slow) / len(during) / 2, [_times(blank, 2), _times(blank, _many(blank))]


def _times(expectation: Expectation, times: int) -> Expectation:
    return Expectation(
        service=expectation.service,
        operation=expectation.operation,
        requests=expectation.requests,
        status=expectation.status,
        max_ms=expectation.max_ms,
        times=times,
    )


def _many(expectation: Expectation) -> int:
    """Often enough to use up a pool that leaks, and not the stock of what the requests ask for."""
    return max(-(-_MANY // len(expectation.requests)), 2)


def _distinct(requests: Sequence[Request]) -> tuple[Request, ...]:
    """The first few different ones."""
    found = {_same(r): r for r in reversed(requests)}
    return tuple(list(found.values())[-MAX_REQUESTS:][::-1])


def regression_test(expectation: Expectation, *, incident_id: str) -> str:
    """A test on the repository's own harness; recorded values are literals and never code."""
    requests = "".join(
        f"    {{'method': {r.method!r}, 'path': {r.path!r}, 'body': {r.body!r}}},\n"
        for r in expectation.requests
    )
    limit = f"\n        max_ms={expectation.max_ms:.0f}," if expectation.max_ms else ""
    return (
        f'"""Regression of incident {_word(incident_id)}, from the requests that went wrong in it."""\n\n'
        "from harness import expect\n\n"
        f"REQUESTS = [\n{requests}]\n\n\n"
        f"def test_{_word(expectation.service)}_answers_as_before_{_word(incident_id)}():\n"
        "    expect(\n"
        f"        service={expectation.service!r},\n"
        "        requests=REQUESTS,\n"
        f"        status={expectation.status},{limit}\n"
        f"        times={expectation.times},\n"
        "    )\n"
    )


def _word(text: str) -> str:
    return "".join(c if c.isascii() and c.isalnum() else "_" for c in text.lower())
