"""Who is affected, asked at any moment: measured now against before, and reached by the graph as of now."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from statistics import median

from autoheal.domain.errors import ConflictError, WorldError
from autoheal.domain.evidence import Row
from autoheal.domain.fact import Fact, NodeKind, Relation, urn
from autoheal.domain.impact import Failed, Impact, Level, Touch, Touched
from autoheal.domain.incident import Incident
from autoheal.healing.calm import calm_history
from autoheal.healing.collect import ranges
from autoheal.healing.gather import Gathered, Gatherer
from autoheal.healing.metric_plan import MetricQuery, plan
from autoheal.healing.responder import Responder
from autoheal.healing.review import moved
from autoheal.healing.triage import known_calls

STAGE = "impact"
ASK = "impact"
"""The name of the run that answers a person who asked in a chat."""
_MOST_QUERIES = 10
_WANTED = (":error_ratio", ":rate", ":p95", ":mean")
_BAD = (":error_ratio", ":p95", ":mean")
"""Signals that hurt by rising; less traffic alone may be anything."""
_ERRORS = 0.01
"""A smaller share of failing requests is no harm that anybody could tell from chance."""
_LATEST_SHARE = 0.1
_CALLED = (Relation.CALLS, Relation.DEPENDS_ON)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Window:
    """Unix seconds: history from start, the fault since, the last sample at end; step between samples."""

    start: float
    since: float
    end: float
    step: float


@dataclass(frozen=True, slots=True, kw_only=True)
class _Reached:
    """A service that calls, directly or not, what alarms, by these facts."""

    via: str
    facts: tuple[str, ...]


def impact(responder: Responder, incident_id: str) -> Impact:
    """Measure and look up whom the fault touches now; each number is stored evidence of stage `impact`.

    Raises ConflictError where what was investigated was deleted; a source that fails is named as missing.
    """
    incident = responder.incidents.get(incident_id)
    if incident.deleted_at is not None:
        raise ConflictError(f"what was investigated of {incident_id} was deleted: nothing is measured for it")
    window = _window(responder, incident)
    gatherer = responder.gatherer.for_stage(incident_id, STAGE)
    group = responder.alerts.group_of_incident(incident_id)
    reached, callers = _reached(responder, incident_id, group.services)
    answers, missing = _measured(responder, gatherer, window)
    names = dict.fromkeys((*group.services, *incident.services, *reached))
    touched = tuple(_touched(responder, name, (reached, callers), answers, window) for name in names)
    entries = [one.service for one in touched if one.entry]
    unseen = [f"{one.service} is not measured" for one in touched if one.touch is Touch.UNMEASURED]
    return Impact(
        incident_id=incident_id,
        measured_at=_moment(window.end),
        since=_moment(window.since),
        until=incident.recovered_at,
        services=touched,
        failed=tuple(_failed(entries, answers, window)),
        missing=(*missing, *unseen, "no source counts users"),
    )


def answer_impact(responder: Responder, incident_id: str) -> str:
    """Say it on the incident, and so in its thread."""
    found = impact(responder, incident_id)
    cited = [level.evidence_id for one in found.services for level in one.levels if level.moved]
    responder.note(incident_id, "decision", f"impact: {found.says}", evidence=tuple(dict.fromkeys(cited))[:8])
    return found.says


def _window(responder: Responder, incident: Incident) -> _Window:
    now = responder.clock.now().timestamp()
    calm = calm_history(responder, incident)
    began = incident.onset_at or incident.detected_at or incident.opened_at
    points = responder.settings.max_points
    return _Window(
        start=calm.start, since=began.timestamp(), end=now, step=max((now - calm.start) / points, 1.0)
    )


# ---------------------------------------------------------------- the graph, as of now


def _reached(
    responder: Responder, incident_id: str, alarmed: Sequence[str]
) -> tuple[Mapping[str, _Reached], Mapping[str, tuple[str, ...]]]:
    """Who calls the alarmed services, directly or not, by which facts; and the callers of every service.

    Where the graph knows no calls yet, traces are asked.
    """
    facts = _calls(responder)
    seen = {(_name(f.subject), _name(f.object)): f.id for f in facts}
    pairs = list(seen) or list(known_calls(responder, incident_id))
    callers: dict[str, list[str]] = {}
    for caller, callee in pairs:
        callers.setdefault(callee, []).append(caller)
    found: dict[str, _Reached] = {}
    frontier: list[tuple[str, str, tuple[str, ...]]] = [(name, name, ()) for name in alarmed]
    while frontier:
        origin, callee, path = frontier.pop(0)
        for caller in sorted(callers.get(callee, ())):
            if caller not in found and caller != origin:
                fact = seen.get((caller, callee))
                way = (*path, fact) if fact else path
                found[caller] = _Reached(via=origin, facts=way)
                frontier.append((origin, caller, way))
    return found, {callee: tuple(found_callers) for callee, found_callers in callers.items()}


def _calls(responder: Responder) -> Iterable[Fact]:
    return [fact for relation in _CALLED for fact in responder.graph.facts(relation=relation)]


def _name(node: str) -> str:
    return node.rpartition("/")[2]


def _owners(responder: Responder, service: str) -> tuple[str, ...]:
    owned = responder.graph.facts(subject=urn(NodeKind.SERVICE, service), relation=Relation.OWNED_BY)
    return tuple(dict.fromkeys(_name(fact.object) for fact in owned))


# ---------------------------------------------------------------- telemetry


def _measured(
    responder: Responder, gatherer: Gatherer, window: _Window
) -> tuple[Mapping[str, Gathered], tuple[str, ...]]:
    try:
        catalog = gatherer.sources.metrics.catalog()
    except WorldError as error:
        return {}, (f"metrics: {error}",)
    wanted = [query for query in _all(catalog, responder) if query.subject.endswith(_WANTED)][:_MOST_QUERIES]
    answers = ranges(gatherer, wanted, start=window.start, end=window.end, step=window.step)
    failed = tuple(f"{subject}: {found.failed}" for subject, found in answers.items() if found.failed)
    return answers, failed or (() if answers else ("no metric of requests is known",))


def _all(catalog: Mapping[str, str], responder: Responder) -> list[MetricQuery]:
    settings = responder.settings
    return plan(
        catalog,
        label=settings.entity_label,
        window=settings.rate_window_seconds,
        budget=settings.max_metric_queries,
    )


def _touched(
    responder: Responder,
    service: str,
    around: tuple[Mapping[str, _Reached], Mapping[str, tuple[str, ...]]],
    answers: Mapping[str, Gathered],
    window: _Window,
) -> Touched:
    reached, callers = around
    levels = tuple(_levels(service, answers, window))
    by_graph = reached.get(service)
    touch, why = _judged(levels, by_graph)
    return Touched(
        service=service,
        touch=touch,
        why=why,
        entry=not callers.get(service),
        owners=_owners(responder, service),
        levels=levels,
        facts=by_graph.facts if by_graph else (),
    )


def _judged(levels: Sequence[Level], by_graph: _Reached | None) -> tuple[Touch, str]:
    worse = [level for level in levels if level.moved]
    if worse:
        told = ", ".join(f"{one.subject} {_number(one.before)} to {one.now:.3g}" for one in worse)
        return Touch.HURT, told
    if by_graph is not None:
        return Touch.EXPOSED, f"its requests pass through {by_graph.via}"
    if not levels:
        return Touch.UNMEASURED, "no signal of its requests is measured"
    return Touch.WELL, "its requests are as before"


def _number(value: float | None) -> str:
    return "unknown" if value is None else f"{value:.3g}"


def _levels(service: str, answers: Mapping[str, Gathered], window: _Window) -> Iterable[Level]:
    """Before is the median of the calm time, now that of the last tenth of the fault."""
    late = window.end - max((window.end - window.since) * _LATEST_SHARE, 3 * window.step)
    for subject, found in answers.items():
        rows = [row for row in found.rows if row.entity == service]
        calm = [row.value for row in rows if row.time < window.since]
        last = [row for row in rows if row.time >= max(late, window.since)]
        if last:
            now, before = median(row.value for row in last), median(calm) if calm else None
            yield Level(
                subject=subject,
                before=before,
                now=now,
                at=_moment(max(row.time for row in last)),
                evidence_id=found.evidence.id,
                moved=subject.endswith(_BAD) and _worse(subject, calm, now),
            )


def _worse(subject: str, calm: Sequence[float], now: float) -> bool:
    """Beyond all that the calm time had, by a quarter; of failing requests a share that somebody notices."""
    if subject.endswith(":error_ratio") and now < _ERRORS:
        return False
    if not calm:
        return subject.endswith(":error_ratio")
    return now > max(calm) and moved(median(calm), now)


def _failed(entries: Sequence[str], answers: Mapping[str, Gathered], window: _Window) -> Iterable[Failed]:
    """At each entry the counter with the most requests: rate by share by the time between samples."""
    for service in entries:
        sums = [
            (requests, subject.removesuffix(":rate"))
            for subject in answers
            if subject.endswith(":rate") and f"{subject.removesuffix(':rate')}:error_ratio" in answers
            if (requests := sum(_since(answers[subject], service, window).values()) * window.step) > 0
        ]
        if not sums:
            continue
        requests, name = max(sums)
        rates, shares = answers[f"{name}:rate"], answers[f"{name}:error_ratio"]
        share_at = _since(shares, service, window)
        failed = sum(
            rate * share_at[at] for at, rate in _since(rates, service, window).items() if at in share_at
        )
        yield Failed(
            service=service,
            failed=failed * window.step,
            requests=requests,
            evidence_ids=(rates.evidence.id, shares.evidence.id),
        )


def _since(found: Gathered, service: str, window: _Window) -> dict[float, float]:
    rows: Iterable[Row] = found.rows
    return {row.time: row.value for row in rows if row.entity == service and row.time >= window.since}


def _moment(seconds: float) -> datetime:
    return datetime.fromtimestamp(seconds, tz=UTC)
