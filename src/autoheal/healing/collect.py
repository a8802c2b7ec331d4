"""Ask every source in parallel, within the budget, and lay the answers out for the evidence engine."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import TypeVar

import polars as pl

from autoheal.diagnosis.telemetry import LOG_COLUMNS, METRIC_COLUMNS, SPAN_COLUMNS, Telemetry
from autoheal.domain.change import Change, ChangeKind
from autoheal.domain.errors import WorldError
from autoheal.domain.incident import Incident
from autoheal.healing.calm import CalmHistory, Spans
from autoheal.healing.gather import Gathered, Gatherer
from autoheal.healing.metric_plan import MetricQuery, plan
from autoheal.healing.responder import Responder
from autoheal.healing.settings import HealingSettings

OURSELVES = "autoheal"
"""The author under which the platform logs what we carried out."""

SPANS, LOGS, CHANGES, CALLS = "spans", "logs", "changes", "topology"


@dataclass(frozen=True, slots=True, kw_only=True)
class Collection:
    """What the engine reads, under which evidence each subject is stored, and which history was left out."""

    telemetry: Telemetry
    evidence: Mapping[str, str]
    changes: Mapping[str, Change]
    disturbed: Spans = ()

    def change(self, change_id: str | None) -> Change | None:
        """The change that a hypothesis names; changes themselves go by the id under which they are judged."""
        return next((change for change in self.changes.values() if change.id == change_id), None)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Window:
    start: float
    end: float
    step: float


def collect(
    responder: Responder, incident: Incident, calm: CalmHistory, *, onset_after: float | None
) -> Collection:
    """Metrics, spans, logs, changes and calls around the incident, from before its first alert until now."""
    settings = responder.settings
    gatherer = responder.gatherer.for_stage(incident.id, "investigate")
    now = responder.clock.now().timestamp()
    alerted = (incident.detected_at or incident.opened_at).timestamp()
    start, disturbed = calm.start, calm.disturbed
    window = _Window(start=start, end=now, step=max((now - start) / settings.max_points, 1.0))
    calls = gatherer.calls(end=now, lookback=now - start)
    services = _services(calls, incident)
    metrics = _metrics(gatherer, settings, window)
    lines = gatherer.lines(services=services, start=start, end=now, limit=settings.max_log_lines)
    spans = gatherer.spans(services=services, start=start, end=now, limit=settings.max_spans)
    changes = gatherer.changes(start=now - settings.change_lookback_seconds, end=now)
    everything = {**metrics, LOGS: lines, SPANS: spans, CALLS: calls}
    asked = {name: answer for name, answer in everything.items() if answer is not None}
    telemetry = Telemetry(
        start=start,
        end=now,
        alert_time=alerted,
        alert_entity=incident.service or next(iter(incident.services), None),
        earliest_onset=onset_after,
        metrics=without(metric_table(metrics.values()), "time", disturbed),
        logs=without(log_table(lines), "time", disturbed),
        spans=without(span_table(spans), "start", disturbed),
        topology=calls.calls if calls else (),
        changes=tuple(sorted(merged(changes), key=lambda change: change.time)),
        missing=tuple(_missing(asked, changes)),
        logs_from=start if lines and len(lines.rows) < settings.max_log_lines else None,
    )
    evidence = {name: answer.evidence.id for name, answer in asked.items()}
    for answer in changes:
        evidence |= {f"{CHANGES}/{change.id}": answer.evidence.id for change in answer.changes}
    return Collection(
        telemetry=telemetry, evidence=evidence, changes=_representatives(changes), disturbed=disturbed
    )


T = TypeVar("T", pl.DataFrame, pl.DataFrame | None)


def without(table: T, column: str, disturbed: Spans) -> T:
    """The table without the rows of those spans."""
    if table is None:
        return table
    for begin, end in disturbed:
        table = table.filter(~pl.col(column).is_between(begin, end))
    return table


def _services(calls: Gathered | None, incident: Incident) -> tuple[str, ...]:
    """The neighborhood: everyone in the call graph of the services that hurt."""
    pairs = calls.calls if calls else ()
    return tuple(dict.fromkeys((*incident.services, *(name for pair in pairs for name in pair))))


def _metrics(gatherer: Gatherer, settings: HealingSettings, window: _Window) -> dict[str, Gathered]:
    try:
        catalog = gatherer.sources.metrics.catalog()
    except WorldError:
        catalog = {}
    queries = plan(
        catalog,
        label=settings.entity_label,
        window=settings.rate_window_seconds,
        budget=settings.max_metric_queries,
    )
    return ranges(gatherer, queries, start=window.start, end=window.end, step=window.step)


def ranges(
    gatherer: Gatherer, queries: Sequence[MetricQuery], *, start: float, end: float, step: float
) -> dict[str, Gathered]:
    """The answers to range queries over one window, asked in parallel, by subject."""
    questions = [
        partial(gatherer.range, query.expression, start=start, end=end, step=step, subject=query.subject)
        for query in queries
    ]
    answers = gatherer.together(questions)
    return {query.subject: answer for query, answer in zip(queries, answers, strict=True)}


def metric_table(answers: Iterable[Gathered]) -> pl.DataFrame:
    """Range queries as the engine reads them: one row per sample of a named service."""
    rows = [row for answer in answers for row in answer.rows if row.entity]
    columns = {
        "time": [row.time for row in rows],
        "entity": [row.entity for row in rows],
        "metric": [row.subject for row in rows],
        "value": [row.value for row in rows],
    }
    return pl.DataFrame(columns, schema=METRIC_COLUMNS)


def log_table(answer: Gathered | None) -> pl.DataFrame | None:
    """Log lines as the engine reads them; None where the source gave nothing."""
    if answer is None or answer.failed:
        return None
    rows = answer.rows
    columns = {
        "time": [row.time for row in rows],
        "entity": [row.entity for row in rows],
        "trace_id": [row.subject for row in rows],
        "message": [row.text for row in rows],
    }
    return pl.DataFrame(columns, schema=LOG_COLUMNS)


def span_table(answer: Gathered | None) -> pl.DataFrame | None:
    """Spans as the engine reads them; None where the source gave nothing."""
    if answer is None or answer.failed:
        return None
    spans = answer.spans
    columns = {
        "trace_id": [span.trace_id for span in spans],
        "span_id": [span.span_id for span in spans],
        "parent_id": [span.parent_id or "root" for span in spans],
        "entity": [span.entity for span in spans],
        "operation": [span.operation for span in spans],
        "start": [span.start for span in spans],
        "duration_ms": [span.duration_ms for span in spans],
        "error": [span.error for span in spans],
    }
    return pl.DataFrame(columns, schema={**SPAN_COLUMNS, "error": pl.Boolean})


def merged(answers: Iterable[Gathered]) -> list[Change]:
    """Changes as the engine groups them: what brought a commit to production shares the commit's id."""
    return [_as_judged(change) for answer in answers for change in answer.changes]


def _as_judged(change: Change) -> Change:
    """What we did ourselves restarted something and caused nothing: it is no suspect."""
    if change.author == OURSELVES:
        return replace(change, kind=ChangeKind.RESTART, files=(), diff="")
    return replace(change, id=change.commit) if change.commit else change


def _representatives(answers: Iterable[Gathered]) -> dict[str, Change]:
    """For each id that the engine may name, the change that reached production, else the commit."""
    found: dict[str, Change] = {}
    for change in (change for answer in answers for change in answer.changes):
        key = _as_judged(change).id
        if key not in found or found[key].kind is ChangeKind.COMMIT:
            found[key] = change
    return found


def _missing(asked: Mapping[str, Gathered], changes: Iterable[Gathered]) -> Iterable[str]:
    failed = [f"{name}: {answer.failed}" for name, answer in asked.items() if answer.failed]
    failed += [f"{a.evidence.source}: {a.failed}" for a in changes if a.failed]
    return dict.fromkeys(failed)
