"""The read-only tools of a model that investigates: each query is stored as evidence, paid for and capped."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from autoheal.domain.evidence import Reading, Row, Statistic
from autoheal.domain.fact import NodeKind, Relation, urn
from autoheal.healing.collect import CHANGES, SPANS, Collection
from autoheal.healing.gather import Gathered, Gatherer
from autoheal.healing.responder import Responder
from autoheal.policy.untrusted import cap, quoted
from autoheal.ports.reasoning import Tool
from autoheal.ports.runs import Json
from autoheal.reasoning.digest import boundary_of, label_of
from autoheal.reasoning.told import Shown, Told, measure

STAGE = "reason"
_ROWS, _LINES = 16, 12
_RESULT = 3_200
"""Characters of one result: about 800 tokens."""
_DIFF = 2_400
_EDGES = (Relation.CALLS, Relation.DEPENDS_ON, Relation.OWNED_BY, Relation.MONITORS, Relation.CHANGED)
_SPAN_ERROR = '"error": true'

A = TypeVar("A", bound=BaseModel)


class _Arguments(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class OfService(_Arguments):
    """One service by its name."""

    service: str = Field(max_length=300, description="a service's name as it was shown")


class LogQuestion(OfService):
    """Lines of one service, optionally only those that contain a text."""

    contains: str = Field(default="", max_length=200, description="count only lines that contain this text")


class MetricQuestion(_Arguments):
    """One PromQL expression."""

    expression: str = Field(
        min_length=1, max_length=400, description="PromQL that keeps the service label, e.g. sum by (service)"
    )


class ChangeQuestion(_Arguments):
    """One change by its id."""

    change_id: str = Field(max_length=300, description="a change's id as it was shown")


class SkillQuestion(_Arguments):
    """What a skill should be about."""

    about: str = Field(default="", max_length=200, description="a word of its name or description")


@dataclass(frozen=True, slots=True, kw_only=True)
class Desk:
    """What the tools work with; window in unix seconds, onset inside it."""

    responder: Responder
    gatherer: Gatherer
    collection: Collection
    rows: Mapping[str, Sequence[Row]]
    told: Told
    start: float
    onset: float
    end: float

    @property
    def entities(self) -> frozenset[str]:
        """Every service that was seen: in metrics, calls, or changes."""
        telemetry = self.collection.telemetry
        seen = {*telemetry.metrics["entity"].unique().to_list(), *(n for p in telemetry.topology for n in p)}
        return frozenset(seen | {c.entity for c in self.collection.changes.values() if c.entity})


def tools_of(desk: Desk) -> tuple[Tool, ...]:
    """Every tool, always the same and in the same order, so that the prefix of a prompt stays."""
    return (
        _tool(
            "service",
            "All metrics of one service before and since the onset; costs no query.",
            OfService,
            lambda a: _service(desk, a),
        ),
        _tool(
            "metrics",
            "A PromQL expression over the incident's window, before and since the onset, per service.",
            MetricQuestion,
            lambda a: _metrics(desk, a),
        ),
        _tool(
            "logs",
            "How many log lines of a service contain a text before and since the onset, and examples.",
            LogQuestion,
            lambda a: _logs(desk, a),
        ),
        _tool(
            "spans",
            "Durations of a service's operations and how many failed, before and since the onset.",
            OfService,
            lambda a: _spans(desk, a),
        ),
        _tool(
            "change",
            "One change with its diff; costs no query.",
            ChangeQuestion,
            lambda a: _change(desk, a),
        ),
        _tool(
            "known",
            "What memory knows of a service: callers, callees, owners, alerts; costs no query.",
            OfService,
            lambda a: _known(desk, a),
        ),
        _tool(
            "skills",
            "Reviewed ways to handle failures, by a word of their description; costs no query.",
            SkillQuestion,
            lambda a: _skills(desk, a),
        ),
    )


def _tool(name: str, description: str, arguments: type[A], answer: Callable[[A], str]) -> Tool:
    def call(given: Mapping[str, Json]) -> str:
        try:
            return answer(arguments.model_validate(dict(given)))
        except ValidationError as error:
            first = error.errors(include_url=False, include_input=False)[0]
            where = ".".join(str(part) for part in first["loc"]) or "arguments"
            return f"{name}: {cap(where, 80)}: {first['msg']}"

    return Tool(name=name, description=description, parameters=arguments.model_json_schema(), call=call)


def _service(desk: Desk, asked: OfService) -> str:
    if asked.service not in desk.entities:
        return _unknown(desk, asked.service)
    named = {
        subject: evidence_id
        for subject, evidence_id in desk.collection.evidence.items()
        if desk.rows.get(evidence_id) and "/" not in subject
    }
    found = [
        shown
        for subject, evidence_id in named.items()
        if (shown := _measured(desk, evidence_id, asked.service, subject, desk.rows[evidence_id]))
    ]
    return _table(desk, found, source="metrics", note="")


def _metrics(desk: Desk, asked: MetricQuestion) -> str:
    if "\n" in asked.expression:
        return "metrics: expression: it must be one line"
    points = desk.responder.settings.max_points
    step = max((desk.end - desk.start) / points, 1.0)
    found = desk.gatherer.range(asked.expression, start=desk.start, end=desk.end, step=step)
    if found.failed:
        return _quote(f"metrics: {found.failed}", "metrics")
    named = dict.fromkeys((row.entity, row.subject) for row in found.rows if row.entity)
    shown = [_measured(desk, found.evidence.id, e, s, found.rows) for e, s in named]
    note = "" if named else "no series names a service: keep the service label, e.g. sum by (service) (...)"
    return _table(desk, [item for item in shown if item], source="metrics", note=note)


def _logs(desk: Desk, asked: LogQuestion) -> str:
    if asked.service not in desk.entities:
        return _unknown(desk, asked.service)
    limit = desk.responder.settings.max_log_lines
    found = desk.gatherer.lines(services=(asked.service,), start=desk.start, end=desk.end, limit=limit)
    if found is None:
        return "logs: no log backend is configured"
    if found.failed:
        return _quote(f"logs: {found.failed}", "logs")
    template = _reading(desk, found.evidence.id, asked.service, "", Statistic.COUNT, asked.contains)
    shown = measure(template, found.rows, label=label_of(asked.contains or "all lines"), onset=desk.onset)
    lines = [row.text for row in found.rows if row.entity == asked.service and asked.contains in row.text]
    examples = [" ".join(line.split())[:200] for line in dict.fromkeys(lines[-400:])][-_LINES:]
    whole = len(found.rows) < limit
    counted = [shown] if shown and whole else []
    note = "" if whole else f"more than {limit} lines: the counts are not whole and may not be claimed"
    return _table(desk, counted, source="logs", note="\n".join((note, *examples)).strip())


def _spans(desk: Desk, asked: OfService) -> str:
    if asked.service not in desk.entities:
        return _unknown(desk, asked.service)
    limit = desk.responder.settings.max_spans
    found = desk.gatherer.spans(services=(asked.service,), start=desk.start, end=desk.end, limit=limit)
    if found is None:
        return f"{SPANS}: no trace backend is configured"
    if found.failed:
        return _quote(f"{SPANS}: {found.failed}", SPANS)
    return _table(desk, list(_of_operations(desk, asked.service, found)), source=SPANS, note="")


def _of_operations(desk: Desk, service: str, found: Gathered) -> Iterator[Shown]:
    operations = dict.fromkeys(row.subject for row in found.rows if row.entity == service)
    for name in operations:
        median = _measured(desk, found.evidence.id, service, name, found.rows)
        failed = _reading(desk, found.evidence.id, service, name, Statistic.COUNT, _SPAN_ERROR)
        counted = measure(failed, found.rows, label=label_of(f"failed {name}"), onset=desk.onset)
        yield from (item for item in (median, counted) if item)


def _change(desk: Desk, asked: ChangeQuestion) -> str:
    change = next((c for c in desk.collection.changes.values() if c.id == asked.change_id), None)
    if change is None:
        return "change: change_id: no such change in this incident; the digest lists them"
    evidence_id = desk.collection.evidence.get(f"{CHANGES}/{change.id}", "")
    value = f"{change.key}: {change.before!r} to {change.after!r}\n" if change.key else ""
    files = f"files: {', '.join(change.files[:20])}\n" if change.files else ""
    head = f"[{evidence_id}] {change.kind} of {change.entity or 'no service'} by {change.author}"
    when = f"{change.time - desk.onset:+.0f} s from the onset"
    return _quote(f"{head}, {when}: {change.title[:200]}\n{value}{files}{cap(change.diff, _DIFF)}", "changes")


def _known(desk: Desk, asked: OfService) -> str:
    calls = desk.collection.telemetry.topology
    lines = [
        f"calls: {', '.join(b for a, b in calls if a == asked.service) or 'nobody seen'}",
        f"called by: {', '.join(a for a, b in calls if b == asked.service) or 'nobody seen'}",
    ]
    node = urn(NodeKind.SERVICE, asked.service)
    facts = desk.responder.graph.touching([node], relations=_EDGES, newest=_ROWS)
    lines += [f"[{fact.id}] {' '.join(fact.statement.split())[:200]}" for fact in facts]
    return _quote("\n".join(lines), "memory")


def _skills(desk: Desk, asked: SkillQuestion) -> str:
    word = asked.about.lower()
    skills = [s for s in desk.responder.skills.skills() if word in f"{s.name} {s.description}".lower()]
    lines = [f"{skill.name}: {' '.join(skill.description.split())[:200]}" for skill in skills[:_ROWS]]
    return _quote("\n".join(lines) or "no such skill", "skills")


def _measured(desk: Desk, evidence_id: str, entity: str, subject: str, rows: Sequence[Row]) -> Shown | None:
    template = _reading(desk, evidence_id, entity, subject, Statistic.MEDIAN)
    return measure(template, rows, label=label_of(subject), onset=desk.onset)


def _reading(
    desk: Desk, evidence_id: str, entity: str, subject: str, statistic: Statistic, text: str = ""
) -> Reading:
    return Reading(
        evidence_id=evidence_id,
        entity=entity,
        subject=subject,
        statistic=statistic,
        start=desk.start,
        end=desk.end,
        value=0.0,
        text=text,
    )


def _table(desk: Desk, found: Sequence[Shown], *, source: str, note: str) -> str:
    """The measurements that moved most, as they may be claimed."""
    most = sorted(found, key=lambda item: -item.shift)[:_ROWS]
    left = [f"{len(found) - len(most)} more that moved less"] if len(found) > len(most) else []
    lines = [*desk.told.show(most), *left, *([note] if note else [])]
    return _quote("\n".join(lines) or "nothing was measured", source)


def _unknown(desk: Desk, service: str) -> str:
    close = ", ".join(sorted(desk.entities)[:40])
    return _quote(f"no service {service!r} in this incident; there are: {close}", "autoheal")


def _quote(text: str, source: str) -> str:
    return quoted(text, source=source, boundary=boundary_of(text), limit=_RESULT)
