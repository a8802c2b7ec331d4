"""Changes as evidence: which one explains what broke, why the others do not, and what would undo it."""

from __future__ import annotations

import math
import re
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

import polars as pl

from autoheal.diagnosis.diff_risk import Risk, edit_of, risk_of, words_of
from autoheal.diagnosis.finding import RankedCause, RankedChange
from autoheal.diagnosis.mechanism import is_traffic
from autoheal.diagnosis.onset import Onset
from autoheal.diagnosis.telemetry import Telemetry
from autoheal.domain.change import Change, ChangeKind

SUSPECT = 0.5
"""From this score on a change is called the culprit; below it there is no change to blame."""

_SLACK = 1.5
_LEAST_SLACK = 5.0
_HALF_LIFE = 7200.0
_JUST = 60.0
_CALM = 0.1
_WIDTH = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangeSet:
    """What belongs together under one id: a commit with its deploys, or a single change."""

    id: str
    parts: tuple[Change, ...]

    @property
    def time(self) -> float:
        """When it reached production: at its deploy, else when it was made."""
        live = [part.time for part in self.parts if part.kind is not ChangeKind.COMMIT]
        return min(live) if live else self.parts[0].time

    @property
    def deployed(self) -> bool:
        """Whether more than its commit is known."""
        return any(part.kind is not ChangeKind.COMMIT for part in self.parts)

    @property
    def kind(self) -> ChangeKind:
        """Its live kind, else commit."""
        return next((p.kind for p in self.parts if p.kind is not ChangeKind.COMMIT), ChangeKind.COMMIT)

    @property
    def text(self) -> str:
        """Title, files and diff of all parts."""
        return "\n".join(text for part in self.parts for text in (part.title, *part.files, part.diff) if text)


def ranked_changes(
    telemetry: Telemetry, causes: Sequence[RankedCause], onset: Onset
) -> tuple[RankedChange, ...]:
    """Every change with its score and its refutations, most suspect first."""
    sets = _change_sets(telemetry.changes)
    scene = _scene(telemetry, causes, onset, sets)
    undone = _undone(sets, by=onset.time)
    judged = [_judged(found, scene, undone.get(found.id) or _risk(found)) for found in sets]
    return tuple(sorted(judged, key=lambda change: (-change.score, change.id)))


@dataclass(frozen=True, slots=True, kw_only=True)
class _Scene:
    """What broke: blamed entities with their weight, the words of the evidence, and when."""

    blamed: Mapping[str, float]
    words: Mapping[str, float]
    onset: Onset
    deploys_known: bool
    load: float
    alert_time: float
    suffering: Callable[[float], bool] | None


def _change_sets(changes: Iterable[Change]) -> list[ChangeSet]:
    by_id: dict[str, list[Change]] = defaultdict(list)
    for place, change in enumerate(changes):
        by_id[change.id or f"change {place}"].append(change)
    return [ChangeSet(id=name, parts=tuple(parts)) for name, parts in by_id.items()]


def _scene(
    telemetry: Telemetry, causes: Sequence[RankedCause], onset: Onset, sets: Sequence[ChangeSet]
) -> _Scene:
    best = max((cause.score for cause in causes), default=0.0)
    blamed = {
        cause.entity: max(cause.score, 0.0) / best * (1.0 if place == 0 else 0.7) * min(1.0, best / _PLAIN)
        for place, cause in enumerate(causes[:_WIDTH])
        if best > 0
    }
    rarity = Counter(word for found in sets for word in words_of(found.text))
    spoken: set[str] = set()
    for cause in causes[: _WIDTH - 2]:
        for term in cause.terms:
            if term.points > 0:
                spoken |= words_of(term.subject)
    names = {part for entity in blamed for part in words_of(entity)}
    words = {word: 1.0 / (1.0 + rarity[word]) for word in spoken - names - _COMMON if rarity[word]}
    return _Scene(
        blamed=blamed,
        words=words,
        onset=onset,
        deploys_known=any(found.deployed for found in sets),
        load=_load_of(causes),
        alert_time=telemetry.alert_time,
        suffering=_sufferer(telemetry, causes) if sets else None,
    )


_PLAIN = 0.4
"""A first cause weaker than this proves less: a change is not blamed for what did not happen."""

_COMMON = frozenset(
    [
        "the",
        "and",
        "for",
        "with",
        "http",
        "error",
        "errors",
        "failed",
        "info",
        "warn",
        "rate",
        "ratio",
        "total",
        "server",
        "client",
        "request",
        "requests",
        "service",
        "duration",
        "latency",
        "count",
        "seconds",
        "from",
        "not",
        "post",
        "get",
        "api",
        "handler",
        "context",
        "time",
    ]
)


def _load_of(causes: Sequence[RankedCause]) -> float:
    """How far a rise of traffic explains the first cause: from 0 to 1 at four times the usual."""
    rises = [
        term.after / term.before
        for cause in causes[:1]
        for term in cause.terms
        if term.name == "load_shift" and term.before and term.after and is_traffic(term.subject)
    ]
    return min(max(math.log(max(rises, default=1.0)) / math.log(4.0), 0.0), 1.0)


def _judged(found: ChangeSet, scene: _Scene, risk: Risk) -> RankedChange:
    place, entity = _place(found, scene)
    talk = _talk(found, scene)
    late = _late(found, scene)
    age = max(scene.onset.time - found.time, 0.0)
    fresh = 0.5 + 0.5 * 0.5 ** (age / _HALF_LIFE)
    just = math.exp(-age / _JUST)
    content = 1.0 - (1.0 - risk.score) * (1.0 - 0.6 * talk) * (1.0 - 0.3 * just * (risk.score > _CALM))
    if risk.harmless and talk < _RELEVANT:
        content *= 0.5
    if (
        found.deployed
        and found.kind is not ChangeKind.RESTART
        and place >= _AT_THE_CAUSE
        and risk.score > _NO_OP
    ):
        # It reached the very place that broke, moments before: that outweighs what its diff looks like.
        content = max(content, _MOMENTS_BEFORE * just)
    score = place * content * fresh * (1.0 - 0.6 * scene.load)
    idle = scene.deploys_known and not found.deployed
    score *= (0.0 if late else 1.0) * (0.15 if idle else 1.0)
    why = (*risk.reasons, *(("it speaks of what fails",) if talk >= _RELEVANT else ()))
    return RankedChange(
        id=found.id,
        entity=entity,
        score=round(min(score, 1.0), 6),
        why=why if score > 0 else (),
        refuted=_refuted(risk, place, late=late, idle=idle, load=scene.load),
    )


_RELEVANT = 0.3
_AT_THE_CAUSE = 0.7
_MOMENTS_BEFORE = 0.85
_NO_OP = 0.04


def _late(found: ChangeSet, scene: _Scene) -> bool:
    """Whether it came after the onset, or after its own place was already beside itself.

    The earliest disturbance anywhere may be an earlier fault that is still fading: a change before the alert
    is late only if the strongest series of what is blamed had moved before it.
    """
    if found.time <= scene.onset.time + max(_SLACK * scene.onset.resolution, _LEAST_SLACK):
        return False
    return found.time > scene.alert_time or scene.suffering is None or scene.suffering(found.time)


def _sufferer(telemetry: Telemetry, causes: Sequence[RankedCause]) -> Callable[[float], bool] | None:
    """Tells whether the first cause's strongest series that moved had already moved before a moment.

    Where its callers' errors name what a change took away, they tell better than any series.
    """
    said = [t.onset for cause in causes[:1] for t in cause.terms if t.name == "broken_contract" and t.onset]
    if said:
        return lambda moment: min(said) < moment - _LEAST_SLACK
    told = [
        term
        for cause in causes[:1]
        for term in sorted(cause.terms, key=lambda term: -term.points)
        if term.modality == "metrics" and term.points > 0 and term.before is not None
    ]
    for term in told:
        rows = telemetry.metrics.filter(
            (pl.col("entity") == term.entity) & (pl.col("metric") == term.subject)
        )
        before, now = term.before or 0.0, _median(rows, telemetry.end - _NOW, telemetry.end)
        if now is not None and abs(now - before) > _MOVED * max(abs(now), abs(before)):
            return _already(rows, before, now)
    return None


def _already(rows: pl.DataFrame, before: float, now: float) -> Callable[[float], bool]:
    def suffering(moment: float) -> bool:
        just = _median(rows, moment - _JUST_BEFORE, moment)
        return just is None or (just - before) / (now - before) > _MOVED

    return suffering


def _median(rows: pl.DataFrame, start: float, end: float) -> float | None:
    found = rows.filter(pl.col("time").is_between(start, end))["value"].median()
    return found if isinstance(found, float) else None


_JUST_BEFORE = 12.0
_NOW = 4.0
_MOVED = 0.3


def _undone(sets: Sequence[ChangeSet], *, by: float) -> dict[str, Risk]:
    """Changes that undo an earlier one line by line, and those that were undone before a moment."""
    made: dict[tuple[frozenset[str], frozenset[str]], str] = {}
    found: dict[str, Risk] = {}
    for change in sorted(sets, key=lambda change: change.time):
        for edit in (edit_of(part.diff) for part in change.parts):
            removed, added = frozenset(edit.removed), frozenset(edit.added)
            undoes = made.get((added, removed))
            if undoes is not None and undoes != change.id:
                found[change.id] = _TAKES_BACK
                if change.time <= by:
                    found[undoes] = _TAKEN_BACK
            if removed or added:
                made[removed, added] = change.id
    return found


_TAKES_BACK = Risk(score=_NO_OP, harmless=("it takes back an earlier change",))
_TAKEN_BACK = Risk(score=_NO_OP, harmless=("it was taken back before the onset",))


def _risk(found: ChangeSet) -> Risk:
    best = max(
        (risk_of(part.diff, part.files, part.title) for part in found.parts if part.diff or part.files),
        key=lambda risk: risk.score,
        default=None,
    )
    if best is not None:
        return best
    return Risk(score=_BARE[found.kind], reasons=(f"a {found.kind} before the onset",))


_BARE = {
    ChangeKind.COMMIT: 0.2,
    ChangeKind.DEPLOY: 0.6,
    ChangeKind.CONFIG: 0.7,
    ChangeKind.FLAG: 0.45,
    ChangeKind.SCALE: 0.4,
    ChangeKind.RESTART: 0.3,
}
"""The risk of a change of which nothing but its kind is known."""


def _place(found: ChangeSet, scene: _Scene) -> tuple[float, str]:
    """How much the service that the change touches is blamed, and which service that is."""
    named = [part.entity for part in found.parts if part.entity]
    if named:
        best = max(named, key=lambda name: scene.blamed.get(name, 0.0))
        return scene.blamed.get(best, _ELSEWHERE), best
    paths = words_of(" ".join(path for part in found.parts for path in part.files))
    hits = {name: weight for name, weight in scene.blamed.items() if _names(name, paths)}
    if hits:
        best = max(sorted(hits), key=lambda name: hits[name])
        return 0.8 * hits[best], best
    return _ELSEWHERE, ""


_ELSEWHERE = 0.1


def _names(entity: str, words: set[str]) -> bool:
    parts = {part for part in re.split(r"[^a-z0-9]+", entity.lower()) if len(part) > len("svc")}
    return any(word in part or part in word for part in parts for word in words if len(word) > len("svc"))


def _talk(found: ChangeSet, scene: _Scene) -> float:
    """The rarest evidence words that the change itself uses, squashed to [0, 1)."""
    shared = sorted((scene.words[word] for word in words_of(found.text) & scene.words.keys()), reverse=True)
    return 1.0 - math.exp(-sum(shared[:4]) * 0.8)


def _refuted(risk: Risk, place: float, *, late: bool, idle: bool, load: float) -> tuple[str, ...]:
    reasons = [
        (late, "came after onset"),
        (place < _OWN, "its own service shows no symptom of its own"),
        (idle, "it was not deployed before the onset"),
        (load > _RELEVANT, "traffic itself rose and explains the symptom"),
    ]
    return (*(word for holds, word in reasons if holds), *risk.harmless)


_OWN = 0.3
