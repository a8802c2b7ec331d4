"""Metric names with their types: from the metadata where it knows them, else by the naming conventions."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

_TYPES = frozenset({"counter", "gauge", "histogram", "summary"})


def catalog(names: Iterable[str], metadata: Mapping[str, str]) -> dict[str, str]:
    """Types of the metrics that exist; a histogram or summary is one entry under its family's name."""
    left = set(names)
    found: dict[str, str] = {}
    for family, kind in metadata.items():
        if kind in ("histogram", "summary"):
            _take(family, kind, left, found)
    for name in sorted(left):
        if name.endswith("_bucket") and name.removesuffix("_bucket") + "_count" in left:
            _take(name.removesuffix("_bucket"), "histogram", left, found)
    for name in sorted(left):
        if name.endswith("_sum") and name.removesuffix("_sum") + "_count" in left:
            _take(name.removesuffix("_sum"), "summary", left, found)
    return found | {name: _kind(name, metadata) for name in left}


def _take(family: str, kind: str, left: set[str], found: dict[str, str]) -> None:
    parts = {f"{family}_sum", f"{family}_count"}
    wanted = f"{family}_bucket" if kind == "histogram" else f"{family}_count"
    if wanted in left:
        left -= parts | {wanted, family}
        found[family] = kind


def _kind(name: str, metadata: Mapping[str, str]) -> str:
    # OpenMetrics names a counter's family without the _total of its samples.
    known = metadata.get(name) or metadata.get(name.removesuffix("_total"))
    if known in _TYPES:
        return known
    return "counter" if name.endswith("_total") else "gauge"
