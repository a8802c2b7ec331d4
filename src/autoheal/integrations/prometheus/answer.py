"""Reads what the query API answers: rows, or why there are none."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from autoheal.domain.errors import UnreachableError
from autoheal.domain.evidence import Row
from autoheal.integrations.http.endpoint import Reply

_OK = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class Data:
    """The `data` of a successful answer, with the warnings that came along."""

    data: object
    warnings: tuple[str, ...] = ()


def data_of(reply: Reply) -> Data:
    """The data; raises UnreachableError with the backend's own reason."""
    document = reply.json
    if not isinstance(document, dict):
        raise UnreachableError(f"answered {reply.status} and no JSON object")
    if document.get("status") != "success" or reply.status != _OK:
        reason = f"{document.get('errorType', reply.status)}: {document.get('error', 'no reason given')}"
        raise UnreachableError(reason)
    warnings = document.get("warnings")
    told = tuple(str(warning) for warning in warnings) if isinstance(warnings, list) else ()
    return Data(data=document.get("data"), warnings=told)


@dataclass(frozen=True, slots=True, kw_only=True)
class Sampled:
    """One series of an answer; values that are no finite numbers are left out and counted."""

    labels: Mapping[str, str]
    samples: tuple[tuple[float, float], ...]
    dropped: int


def series_of(data: object) -> list[Sampled]:
    """The series of a matrix, vector or scalar; raises UnreachableError for another shape."""
    if not isinstance(data, dict):
        raise UnreachableError("the answer holds no result")
    kind, result = data.get("resultType"), data.get("result")
    if kind == "scalar":
        return [_sampled({}, [result])]
    if kind not in ("matrix", "vector") or not isinstance(result, list):
        raise UnreachableError(f"an answer of type {kind!r} cannot be read")
    return [_one(item) for item in result]


def _one(item: object) -> Sampled:
    if not isinstance(item, dict):
        raise UnreachableError("the answer holds a series that is no object")
    metric = item.get("metric")
    labels = {str(k): str(v) for k, v in metric.items()} if isinstance(metric, dict) else {}
    pairs = item.get("values", [item["value"]] if "value" in item else [])
    if not pairs and ("histograms" in item or "histogram" in item):
        raise UnreachableError("native histograms are only read through histogram_quantile() and the like")
    return _sampled(labels, pairs if isinstance(pairs, list) else [])


def _sampled(labels: Mapping[str, str], pairs: Sequence[object]) -> Sampled:
    samples = tuple(_samples(pairs))
    return Sampled(labels=labels, samples=samples, dropped=len(pairs) - len(samples))


def _samples(pairs: Sequence[object]) -> Iterator[tuple[float, float]]:
    for pair in pairs:
        try:
            sample = (float(pair[0]), float(pair[1])) if isinstance(pair, list) else (math.nan, math.nan)
        except (TypeError, ValueError, IndexError, OverflowError):
            raise UnreachableError(f"{pair!r} is no sample") from None
        if all(map(math.isfinite, sample)):
            yield sample


def rows_of(series: Sampled, entity_labels: Sequence[str], subject: str) -> Iterator[Row]:
    """One row per sample: the entity by the first label that is set, the other labels in the text."""
    by = next((name for name in entity_labels if series.labels.get(name)), "")
    others = sorted((k, v) for k, v in series.labels.items() if k not in ("__name__", by))
    text = ",".join(f'{name}="{value}"' for name, value in others)
    entity = series.labels.get(by, "")
    for time, value in series.samples:
        yield Row(time=time, entity=entity, subject=subject, value=value, text=text)
