"""The reviewer's own look: asked anew, over a shorter history, for every candidate, then ranked."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from functools import partial

from autoheal.diagnosis.engine import diagnose
from autoheal.diagnosis.finding import Diagnosis, RankedCause, Term
from autoheal.diagnosis.mechanism import mechanism_of, votes_of
from autoheal.diagnosis.telemetry import Telemetry
from autoheal.domain.evidence import Evidence, Failed, Row
from autoheal.domain.investigation import Hypothesis, Mechanism, Objection
from autoheal.healing.collect import (
    LOGS,
    SPANS,
    Collection,
    log_table,
    merged,
    metric_table,
    span_table,
    without,
)
from autoheal.healing.gather import Gathered, Gatherer
from autoheal.healing.reach import reach, within

METRIC_QUERIES = 48
"""How many metric queries the second look may ask; the subjects that speak for anybody come first."""

FORGOTTEN = 0.1
"""The oldest share of the history that is left out: what rests on it alone does not stand."""

OUTWEIGHED = 0.8
"""A rival refutes when what is blamed weighs less than this share of it."""

CULPRIT = 0.5
_POINTS = 150
_LEAST_LINES = 500
_SPEAKS = 0.25
"""The share of the votes for the likeliest mechanism that another one needs to be believed as well."""
_SLOW = frozenset(
    {Mechanism.RESOURCE_EXHAUSTION, Mechanism.DEPENDENCY_LATENCY, Mechanism.NETWORK_DELAY, Mechanism.LOAD}
)
"""Each of these makes a thing slow: who says no more than that it is slow agrees with all of them."""
_CHANGE_DRIVEN = (Mechanism.DEPLOY, Mechanism.CONFIGURATION, Mechanism.UNKNOWN)


@dataclass(frozen=True, slots=True, kw_only=True)
class SecondLook:
    """What the reviewer found by itself; failed says why it could not look, near who can hurt the alarmed."""

    diagnosis: Diagnosis | None
    evidence_ids: tuple[str, ...]
    change_evidence: tuple[str, ...] = ()
    near: frozenset[str] = frozenset()
    failed: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Scene:
    """What to look at: the author's collection and stored evidence, all candidates, who alarms, now."""

    collection: Collection
    evidence: Mapping[str, Evidence]
    rows: Mapping[str, Sequence[Row]]
    candidates: Sequence[Hypothesis]
    services: Sequence[str]
    now: float


def second_look(gatherer: Gatherer, scene: Scene) -> SecondLook:
    """Ask again what speaks for any candidate, with another window, and let the engine weigh it afresh."""
    seen = scene.collection.telemetry
    first = seen.earliest_onset or seen.alert_time
    start = seen.start + FORGOTTEN * max(first - seen.start, 0.0)
    metrics = _metrics(gatherer, scene, start)
    lines = _lines(gatherer, scene, start)
    spans = _spans(gatherer, scene, start)
    changes = gatherer.changes(start=_since(scene), end=scene.now) if scene.collection.changes else []
    asked = [*metrics, *(answer for answer in (lines, spans) if answer is not None)]
    ids = tuple(answer.evidence.id for answer in asked)
    change_ids = tuple(answer.evidence.id for answer in changes)
    failed = [f"{a.evidence.source}: {a.failed}" for a in (*asked, *changes) if a.failed]
    if failed or not asked:
        why = "; ".join(dict.fromkeys(failed)) or "nothing that is cited can be asked again"
        return SecondLook(diagnosis=None, evidence_ids=ids, change_evidence=change_ids, failed=why)
    disturbed = scene.collection.disturbed
    telemetry = Telemetry(
        start=start,
        end=scene.now,
        alert_time=seen.alert_time,
        alert_entity=seen.alert_entity,
        earliest_onset=seen.earliest_onset,
        metrics=without(metric_table(metrics), "time", disturbed),
        logs=without(log_table(lines), "time", disturbed),
        spans=without(span_table(spans), "start", disturbed),
        topology=seen.topology,
        changes=tuple(sorted(merged(changes), key=lambda change: change.time)),
        logs_from=start if lines and len(lines.rows) < _most_lines(scene) else None,
    )
    near = frozenset(reach(scene.services, seen.topology)) if seen.topology else frozenset()
    diagnosis = diagnose(within(telemetry, near) if near else telemetry)
    return SecondLook(diagnosis=diagnosis, evidence_ids=ids, change_evidence=change_ids, near=near)


def rival_test(look: SecondLook, hypothesis: Hypothesis) -> Objection:
    """Does something else explain the symptom better than what is blamed, measured afresh?"""
    test = "alternative cause"
    if look.diagnosis is None:
        text = f"could not be measured: {look.failed}"
        return Objection(test=test, passed=False, text=text, evidence_ids=look.evidence_ids)
    mine = next((c.score for c in look.diagnosis.ranking if c.entity == hypothesis.entity), 0.0)
    best = max(
        (c for c in look.diagnosis.ranking if c.entity != hypothesis.entity),
        key=lambda cause: cause.score,
        default=None,
    )
    if best is None or best.score <= 0 or mine >= OUTWEIGHED * best.score:
        other = f", {best.entity} {best.score:.2f}" if best else ""
        text = f"afresh {hypothesis.entity} weighs {mine:.2f}{other}"
        return Objection(test=test, passed=mine > 0, text=text, evidence_ids=look.evidence_ids)
    text = f"afresh {best.entity} weighs {best.score:.2f} and {hypothesis.entity} {mine:.2f}"
    return Objection(test=test, passed=False, text=text, evidence_ids=look.evidence_ids)


def mechanism_test(look: SecondLook, hypothesis: Hypothesis) -> Objection:
    """Does anything that was measured afresh speak for the way of failing that is claimed?"""
    test = "mechanism"
    cause = _cause(look, hypothesis.entity)
    claimed = {m for m in (hypothesis.mechanism, hypothesis.shows_as) if m and m not in _CHANGE_DRIVEN}
    if cause is None or not claimed or not cause.terms:
        return Objection(test=test, passed=True, text="no mechanism can be told afresh")
    found = {Mechanism(cause.mechanism), mechanism_of(cause.terms)}
    passed = Mechanism.UNKNOWN in found or any(_speaks(cause.terms, way, found) for way in claimed)
    text = f"afresh {hypothesis.entity} fails by {', '.join(sorted(found))}"
    return Objection(test=test, passed=passed, text=text, evidence_ids=look.evidence_ids)


def _speaks(terms: Sequence[Term], claimed: Mechanism, found: AbstractSet[Mechanism]) -> bool:
    """Whether what was measured afresh speaks for a mechanism, if less than for the likeliest one."""
    votes = votes_of(terms)
    mine, most = votes.get(claimed, 0.0), max(votes.values(), default=0.0)
    if claimed in found or mine >= _SPEAKS * most > 0:
        return True
    if claimed is Mechanism.DEPENDENCY_LATENCY:
        return bool(found & _SLOW)
    # A process that has no room to run looks, from the call that waits for it, like a slow network.
    stalls = claimed is Mechanism.RESOURCE_EXHAUSTION and Mechanism.NETWORK_DELAY in found
    return stalls or (claimed in _SLOW and Mechanism.DEPENDENCY_LATENCY in found and mine > 0)


def decoy_test(look: SecondLook, scene: Scene, change_id: str | None) -> Objection:
    """Is the change that is blamed in the change log, and does nothing that was measured acquit it?"""
    test = "decoy change"
    if change_id is None:
        return Objection(test=test, passed=True, text="no change is blamed")
    if look.diagnosis is None:
        return Objection(test=test, passed=False, text=f"could not be judged: {look.failed}")
    judged_as = {id_ for id_, change in scene.collection.changes.items() if change.id == change_id}
    judged = {change.id: change for change in look.diagnosis.changes}
    mine = next((judged[id_] for id_ in (*judged_as, change_id) if id_ in judged), None)
    cited = (*look.change_evidence, *look.evidence_ids)
    if mine is None:
        text = "the change log does not hold the change that is blamed"
        return Objection(test=test, passed=False, text=text, evidence_ids=look.change_evidence)
    if mine.refuted and mine.score < CULPRIT:
        text = "; ".join(mine.refuted)
        return Objection(test=test, passed=False, text=text, evidence_ids=cited)
    better = max(judged.values(), key=lambda change: change.score)
    if mine.score < CULPRIT or mine.score < OUTWEIGHED * better.score:
        text = f"afresh it is suspected at {mine.score:.2f}, {better.id} at {better.score:.2f}"
        return Objection(test=test, passed=False, text=text, evidence_ids=cited)
    return Objection(test=test, passed=True, text="; ".join(mine.why)[:300], evidence_ids=cited)


def _cause(look: SecondLook, entity: str) -> RankedCause | None:
    ranking = look.diagnosis.ranking if look.diagnosis else ()
    return next((cause for cause in ranking if cause.entity == entity), None)


def _metrics(gatherer: Gatherer, scene: Scene, start: float) -> list[Gathered]:
    """The author's range queries, those first that speak for any candidate: a rival may need all of them."""
    source = gatherer.sources.metrics.name
    expressions: dict[str, str] = {}
    for subject, evidence_id in (*_cited(scene), *scene.collection.evidence.items()):
        cited = scene.evidence.get(evidence_id)
        if cited is not None and cited.source == source and cited.start != cited.end:
            expressions.setdefault(cited.expression, subject)
    step = max((scene.now - start) / _POINTS, 1.0)
    questions = [
        partial(gatherer.range, expression, start=start, end=scene.now, step=step, subject=subject)
        for expression, subject in list(expressions.items())[:METRIC_QUERIES]
    ]
    return gatherer.together(questions)


def _cited(scene: Scene) -> Iterable[tuple[str, str]]:
    claims = [claim for hypothesis in scene.candidates for claim in hypothesis.claims_for]
    for claim in sorted(claims, key=lambda claim: -claim.points):
        yield from ((reading.subject, reading.evidence_id) for reading in claim.readings)


def _lines(gatherer: Gatherer, scene: Scene, start: float) -> Gathered | None:
    cited = scene.collection.evidence.get(LOGS, "")
    if not _answered(scene, cited):
        return None
    return gatherer.lines(services=_everyone(scene), start=start, end=scene.now, limit=_most_lines(scene))


def _answered(scene: Scene, evidence_id: str) -> bool:
    """Whether a source answered the author: of one that was silent then, nothing is claimed."""
    asked = scene.evidence.get(evidence_id)
    return asked is not None and not isinstance(asked.answer, Failed)


def _most_lines(scene: Scene) -> int:
    """Twice what the author read: a fault goes on writing while it is looked at."""
    return max(2 * len(scene.rows.get(scene.collection.evidence.get(LOGS, ""), ())), _LEAST_LINES)


def _spans(gatherer: Gatherer, scene: Scene, start: float) -> Gathered | None:
    cited = scene.collection.evidence.get(SPANS, "")
    if not _answered(scene, cited):
        return None
    limit = max(len(scene.rows.get(cited, ())), 1)
    return gatherer.spans(services=_everyone(scene), start=start, end=scene.now, limit=limit)


def _everyone(scene: Scene) -> tuple[str, ...]:
    pairs = scene.collection.telemetry.topology
    blamed = (hypothesis.entity for hypothesis in scene.candidates)
    return tuple(dict.fromkeys((*scene.services, *blamed, *(name for pair in pairs for name in pair))))


def _since(scene: Scene) -> float:
    times = [change.time for change in scene.collection.changes.values()]
    return min(times) - 1.0
