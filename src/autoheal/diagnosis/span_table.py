"""Spans as integer arrays with their parents, children, self time and the call edges between entities."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray

from autoheal.diagnosis.series import Floats, Mask

Ints = NDArray[np.int64]
MAX_SPANS = 300_000


@dataclass(frozen=True, slots=True, kw_only=True)
class SpanTable:
    """n spans: indexes into entities, operations (entity, operation) and traces; parent is -1 at a root.

    own_ms is the duration less that of the children; waits holds where that rest is a wait for
    another entity.
    """

    entities: tuple[str, ...]
    traces: tuple[str, ...]
    operations: tuple[tuple[str, str], ...]
    entity: Ints
    operation: Ints
    trace: Ints
    parent: Ints
    start: Floats
    duration_ms: Floats
    own_ms: Floats
    waits: Mask
    crosses: Mask
    error: Mask | None

    @property
    def size(self) -> int:
        """The number of spans."""
        return int(self.start.size)


def span_table(spans: pl.DataFrame, *, end: float) -> SpanTable | None:
    """The spans up to end as arrays; None where there is no usable one."""
    rows = _usable(spans, end)
    if rows.is_empty():
        return None
    parent = _parents(rows)
    entities, entity = _codes(rows["entity"])
    pairs = rows.select(pl.struct("entity", "operation").alias("pair"))["pair"]
    operation = pairs.rank("dense").cast(pl.Int64).to_numpy() - 1
    first = np.unique(operation, return_index=True)[1]
    heads = rows[first.tolist()]
    operations = tuple(zip(heads["entity"].to_list(), heads["operation"].to_list(), strict=True))
    traces, trace = _codes(rows["trace_id"])
    duration = rows["duration_ms"].to_numpy().astype(np.float64)
    crosses = (parent >= 0) & (entity != entity[np.maximum(parent, 0)])
    return SpanTable(
        entities=entities,
        traces=traces,
        operations=operations,
        entity=entity,
        operation=operation,
        trace=trace,
        parent=parent,
        start=rows["start"].to_numpy().astype(np.float64),
        duration_ms=duration,
        own_ms=_own(duration, parent),
        waits=_waits(parent, crosses),
        crosses=crosses,
        error=rows["error"].fill_null(value=False).to_numpy() if "error" in rows.columns else None,
    )


def _usable(spans: pl.DataFrame, end: float) -> pl.DataFrame:
    finite = pl.col("start").is_finite() & pl.col("duration_ms").is_finite() & (pl.col("duration_ms") >= 0)
    rows = spans.filter(finite & (pl.col("start") <= end)).drop_nulls(["entity", "span_id"])
    rows = rows.with_columns(
        pl.col("operation").fill_null("").str.slice(0, 200), pl.col("trace_id").fill_null("")
    )
    return rows.unique("span_id", keep="first", maintain_order=True).sort("start").tail(MAX_SPANS)


def _codes(column: pl.Series) -> tuple[tuple[str, ...], Ints]:
    names = column.unique().sort()
    codes = column.cast(pl.Enum(names)).to_physical().cast(pl.Int64).to_numpy()
    return tuple(names.to_list()), codes


def _parents(rows: pl.DataFrame) -> Ints:
    keys = rows.select("span_id").with_row_index("place")
    found = rows.select(pl.col("parent_id").alias("span_id")).join(
        keys, on="span_id", how="left", maintain_order="left"
    )
    parent = found["place"].cast(pl.Int64).fill_null(-1).to_numpy().copy()
    parent[parent == np.arange(parent.size)] = -1
    return parent


def _own(duration: Floats, parent: Ints) -> Floats:
    inner = np.zeros_like(duration)
    child = parent >= 0
    np.add.at(inner, parent[child], np.minimum(duration[child], duration[parent[child]]))
    return np.maximum(duration - inner, 0.0)


def _waits(parent: Ints, crosses: Mask) -> Mask:
    """Inner spans all of whose children run elsewhere: a client's end of a call."""
    children = np.bincount(parent[parent >= 0], minlength=parent.size)
    away = np.bincount(parent[crosses], minlength=parent.size)
    inner = (parent >= 0) & ~crosses
    waits: Mask = inner & (children > 0) & (children == away)
    return waits
