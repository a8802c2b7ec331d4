"""Logs as evidence: templates that are new or surge, and lines that a running operation no longer writes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np
import polars as pl

from autoheal.diagnosis.finding import Modality, Term, Window
from autoheal.diagnosis.series import Floats
from autoheal.diagnosis.shares import share_fall
from autoheal.diagnosis.span_table import SpanTable
from autoheal.diagnosis.templates import mined, severity_of

_LINES = 300_000
_LONGEST = 86_400.0
_ENOUGH = 4
_GRAVE = 0.9
_MOSTLY = 0.5
_TWICE = 2
_SURE = 1.5
_STANDING = 0.9
_STANDING_POINTS = 0.7
_NO_TRACE = ("", "-1", "0", "none", "null")


@dataclass(frozen=True, slots=True, kw_only=True)
class LogTable:
    """Lines with entity, trace and template number; traced where most lines name a trace.

    From `since` (unix seconds) on, where it is known, no line means that none was written.
    """

    lines: pl.DataFrame
    templates: tuple[str, ...]
    traced: bool
    since: float | None

    @property
    def entities(self) -> tuple[str, ...]:
        """Who wrote the lines."""
        return tuple(self.lines["entity"].unique().sort().to_list())


def log_table(logs: pl.DataFrame, *, end: float, since: float | None = None) -> LogTable | None:
    """The lines up to end with their templates, without strays of another day; None where there is none.

    since is where the lines are known to be complete from; without it only what lies between them counts.
    """
    near = pl.col("time").is_between(end - _LONGEST, end)
    lines = logs.filter(pl.col("time").is_finite() & near)
    lines = lines.drop_nulls(["entity", "message"]).sort("time").tail(_LINES)
    if lines.is_empty():
        return None
    numbers, texts = mined(lines["message"])
    trace = pl.col("trace_id").fill_null("").str.to_lowercase()
    named = lines.select((~trace.is_in(_NO_TRACE)).mean()).item()
    table = lines.select("time", "entity", pl.col("trace_id").fill_null(""), numbers.alias("template"))
    complete = since if len(lines) < _LINES else None
    return LogTable(lines=table, templates=tuple(texts), traced=named > _MOSTLY, since=complete)


def own_onset(table: LogTable, onset: float, end: float) -> float:
    """The onset on the logs' own clock: the given one, unless the lines end too soon after it.

    A recording whose logs stop before or just after the onset has a clock of its own; then it is the moment
    from which grave lines come most surely more often (the likelihood ratio of two Poisson rates). Lines that
    are known to be complete since some moment were asked for by the alert's own clock.
    """
    last = float(table.lines["time"][-1])
    if table.since is not None:
        return onset
    if last - onset >= _COVERED * (end - onset):
        return onset
    grave = [number for number, text in enumerate(table.templates) if severity_of(text) >= _WARNING]
    times = table.lines.filter(pl.col("template").is_in(grave))["time"].to_numpy()
    return _rate_rise(times, float(table.lines["time"][0]), last) if times.size > 1 else onset


_COVERED = 0.4
_WARNING = 0.6


def _rate_rise(times: Floats, start: float, end: float) -> float:
    place = np.arange(times.size)
    before, after = np.maximum(times - start, 1.0), np.maximum(end - times, 1.0)
    early, late = (place + 0.5) / before, (times.size - place) / after
    gain = np.where(late > early, place * np.log(early) + (times.size - place) * np.log(late), -np.inf)
    return float(times[int(np.argmax(gain))])


def novelty_terms(table: LogTable, onset: float) -> Iterator[Term]:
    """Novelty: lines per trace (per minute without traces) that are new or surge, weighed by severity.

    With traces an entity's lines are held against its own traces: a busier entity says more of everything.
    What it never said while nothing was missed is held against that time: it may speak of errors only.
    """
    lines = table.lines.with_columns((pl.col("time") >= onset).alias("late"))
    windows = _windows(lines, table.since, onset)
    if windows is None:
        return
    for row in _counts(lines, traced=table.traced).iter_rows(named=True):
        unheard = table.since is not None and not row["old"]
        old_size, new_size = _sizes(row, windows, traced=table.traced and not unheard)
        points = _surge(row["old"], row["new"], old_size, new_size)
        if points <= 0 or row["new"] < _TWICE:
            continue
        text = table.templates[row["template"]]
        share = np.sqrt(min(1.0, row["new"] / max(row["busy_new"], 1)))
        yield Term(
            name="new_lines" if row["old"] == 0 else "more_lines",
            modality=Modality.LOGS,
            entity=row["entity"],
            subject=text[:200],
            points=float(points * severity_of(text) * share),
            before=float(row["old"]),
            after=float(row["new"]),
            before_window=windows[0],
            after_window=windows[1],
            statistic="count",
            unit="traces" if table.traced else "lines",
            onset=row["first_new"],
        )


def _counts(lines: pl.DataFrame, *, traced: bool) -> pl.DataFrame:
    """Per entity and template the traces (or lines) before and after, beside those of the entity."""

    def sides(keys: list[str], old: str, new: str) -> pl.DataFrame:
        trace = pl.col("trace_id")
        late, early = trace.filter(pl.col("late")), trace.filter(~pl.col("late"))
        count = (early.n_unique(), late.n_unique()) if traced else (early.len(), late.len())
        first = pl.col("time").filter(pl.col("late")).min().alias(f"first_{new}")
        return lines.group_by(keys).agg(count[0].alias(old), count[1].alias(new), first)

    return (
        sides(["entity", "template"], "old", "new")
        .join(sides(["entity"], "busy_old", "busy_new"), on="entity")
        .sort("entity", "template")
    )


def _sizes(row: Mapping[str, int], windows: tuple[Window, Window], *, traced: bool) -> tuple[float, float]:
    if traced:
        return max(row["busy_old"], 1), max(row["busy_new"], 1)
    return max(windows[0].end - windows[0].start, 1.0), max(windows[1].end - windows[1].start, 1.0)


def _windows(lines: pl.DataFrame, since: float | None, onset: float) -> tuple[Window, Window] | None:
    old, new = lines.filter(~pl.col("late"))["time"], lines.filter("late")["time"]
    if new.is_empty():
        return None
    if since is not None and since < onset:
        return Window(start=since, end=onset), _window(new)
    return None if old.is_empty() else (_window(old), _window(new))


def _window(times: pl.Series) -> Window:
    return Window(start=float(times[0]), end=float(times[-1]))


def _surge(old: int, new: int, old_size: float, new_size: float) -> float:
    """How surprising the later count is at the earlier rate: a Poisson z, squashed to about [0, 1]."""
    expected = (old + 0.5) * new_size / old_size
    excess = (new - expected) / np.sqrt(expected + new * 0.1 + 0.5)
    if excess <= _SURE or new < _TWICE * expected:
        return 0.0
    return float(min(np.log1p(excess - 1.0) / 2.0, 1.2))


def missing_line_terms(table: LogTable, spans: SpanTable | None, onset: float) -> Iterator[Term]:
    """Missing lines: the share of an operation's traces in which the entity writes a template falls.

    Standing errors: every run of an operation writes a grave line, before the onset as after it.
    """
    lines = table.lines.with_columns((pl.col("time") >= onset).alias("late"))
    windows = _windows(lines, table.since, onset)
    if not table.traced or windows is None:
        return
    runs = _runs(table, spans).with_columns((pl.col("time") >= onset).alias("late"))
    traces = max(runs.filter("late")["trace_id"].n_unique(), 1)
    for row in _shares(table, runs).iter_rows(named=True):
        name, points = _judged_share(row, severity_of(table.templates[row["template"]]), traces)
        if points > 0:
            yield Term(
                name=name,
                modality=Modality.LOGS,
                entity=row["entity"],
                subject=table.templates[row["template"]][:200],
                points=points,
                before=row["old"] / row["runs_old"],
                after=row["new"] / row["runs_new"],
                before_window=windows[0],
                after_window=windows[1],
                statistic="share",
                unit="traces",
            )


def _judged_share(row: Mapping[str, int], severity: float, traces: int) -> tuple[str, float]:
    if severity < _GRAVE:
        return "missing_lines", share_fall(row["old"], row["runs_old"], row["new"], row["runs_new"])
    always = min(row["old"] / row["runs_old"], row["new"] / row["runs_new"]) >= _STANDING
    return "standing_errors", _STANDING_POINTS * float(np.sqrt(row["runs_new"] / traces)) * always


def _shares(table: LogTable, runs: pl.DataFrame) -> pl.DataFrame:
    """Per entity, operation and template: runs before and after, and in how many of them it is written."""
    key = ["entity", "operation"]
    sides = (pl.col("late"), ~pl.col("late"))
    totals = runs.group_by(key).agg(sides[1].sum().alias("runs_old"), sides[0].sum().alias("runs_new"))
    said = runs.join(table.lines.select("trace_id", "entity", "template").unique(), on=["trace_id", "entity"])
    return (
        said.group_by(*key, "template")
        .agg(sides[1].sum().alias("old"), sides[0].sum().alias("new"))
        .join(totals, on=key)
        .filter((pl.col("runs_old") >= _ENOUGH) & (pl.col("runs_new") >= _ENOUGH))
        .sort("entity", "template", "operation")
    )


def _runs(table: LogTable, spans: SpanTable | None) -> pl.DataFrame:
    """One row per trace and operation that an entity ran: from spans, else from the lines themselves."""
    if spans is None:
        return (
            table.lines.group_by("trace_id", "entity")
            .agg(pl.col("time").min())
            .with_columns(pl.lit("any").alias("operation"))
        )
    entry = (spans.parent < 0) | spans.crosses
    names = pl.Series([name for _, name in spans.operations], dtype=pl.String)
    owners = pl.Series(spans.entities, dtype=pl.String)
    return (
        pl.DataFrame(
            {
                "trace_id": pl.Series(spans.traces)[spans.trace[entry]],
                "entity": owners[spans.entity[entry]],
                "operation": names[spans.operation[entry]],
                "time": spans.start[entry],
            }
        )
        .group_by("trace_id", "entity", "operation")
        .agg(pl.col("time").min())
    )
