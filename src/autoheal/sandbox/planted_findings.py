"""False but plausible findings, planted by rule into a recorded case whose truth is known."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from random import Random

import polars as pl

from autoheal.diagnosis.finding import Diagnosis
from autoheal.diagnosis.telemetry import Telemetry
from autoheal.domain.change import Change, ChangeKind
from autoheal.domain.evidence import Claim, Reading, Statistic
from autoheal.domain.investigation import Hypothesis, HypothesisState, Mechanism
from autoheal.healing.check_claims import shown
from autoheal.healing.collect import CHANGES
from autoheal.healing.hypotheses import Material, hypotheses
from autoheal.healing.reach import callers_of

_COUNT = Statistic.COUNT
_BYSTANDERS = 10
_LONG_BEFORE = 300.0
_OTHER_MECHANISM = {
    Mechanism.RESOURCE_EXHAUSTION: Mechanism.NETWORK_DELAY,
    Mechanism.NETWORK_DELAY: Mechanism.RESOURCE_EXHAUSTION,
    Mechanism.ERRORS: Mechanism.RESOURCE_EXHAUSTION,
    Mechanism.CRASH: Mechanism.LOAD,
    Mechanism.LOAD: Mechanism.CRASH,
    Mechanism.DEPENDENCY_LATENCY: Mechanism.CRASH,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Ground:
    """A case whose first place is right: its true finding, everybody else, and what plants are made of."""

    telemetry: Telemetry
    diagnosis: Diagnosis
    material: Material
    true: Hypothesis
    decoys: tuple[str, ...]
    random: Random


@dataclass(frozen=True, slots=True, kw_only=True)
class Plant:
    """A finding that is false for the stated reason, said on what its author stored.

    authored and reviewed are what author and reviewer could measure, where it is not the case as it is.
    """

    kind: str
    finding: Callable[[Material], Hypothesis]
    authored: Telemetry | None = None
    reviewed: Telemetry | None = None
    change: Change | None = None


def _as_is(hypothesis: Hypothesis) -> Callable[[Material], Hypothesis]:
    return lambda material: hypothesis  # noqa: ARG005  it cites what the author stored anyway


def plants(ground: Ground) -> Iterator[Plant]:
    """One plant of each kind that the case allows."""
    rules: Sequence[Callable[[Ground], Iterator[Plant]]] = (
        _second_ranked,
        _symptomatic_caller,
        _busy_bystander,
        _decoy_change,
        _late_change,
        _late_effect,
        _recovered,
        _altered_number,
        _unsupported,
        _reversed,
        _wrong_mechanism,
    )
    for rule in rules:
        yield from rule(ground)


def blamed(ground: Ground, entity: str) -> Hypothesis | None:
    """The engine's own words for an entity, as sure as it was of the true one; None where nothing speaks."""
    causes = [cause for cause in ground.diagnosis.ranking if cause.entity == entity]
    if not causes:
        return None
    alone = replace(ground.diagnosis, ranking=(causes[0],), changes=(), remediation=None)
    found = hypotheses(alone, ground.material)[0]
    return replace(found, id="planted", state=HypothesisState.LEADING) if found.claims_for else None


def _others(ground: Ground) -> list[str]:
    return [c.entity for c in ground.diagnosis.ranking if c.entity != ground.true.entity and c.score > 0]


def _second_ranked(ground: Ground) -> Iterator[Plant]:
    for entity in _others(ground)[:1]:
        if found := blamed(ground, entity):
            yield Plant(kind="second-ranked", finding=_as_is(found))


def _symptomatic_caller(ground: Ground) -> Iterator[Plant]:
    callers = callers_of(ground.true.entity, ground.telemetry.topology)
    fitting = [entity for entity in _others(ground)[1:] if entity in callers]
    for entity in fitting[:1]:
        if found := blamed(ground, entity):
            yield Plant(kind="symptomatic caller", finding=_as_is(found))


def _busy_bystander(ground: Ground) -> Iterator[Plant]:
    others = _others(ground)[1:_BYSTANDERS]
    ground.random.shuffle(others)
    found = next((h for entity in others if (h := blamed(ground, entity))), None)
    if found is not None:
        yield Plant(kind="busy bystander", finding=_as_is(found))


def _decoy_change(ground: Ground) -> Iterator[Plant]:
    """A labelled decoy; where none is labelled, a deploy of somebody else well before the onset."""
    known = [c for c in ground.material.changes.values() if c.id in ground.decoys]
    if known:
        change = ground.random.choice(known)
        yield Plant(kind="decoy change", finding=lambda m: _by(ground.true, change, m), change=change)
        return
    onset = ground.diagnosis.onset
    if onset is None or ground.material.changes:
        return
    for entity in _others(ground)[:1]:
        if found := blamed(ground, entity):
            change = _deploy(entity, onset - _LONG_BEFORE)
            yield _changed(ground, "decoy change", found, change)


def _late_change(ground: Ground) -> Iterator[Plant]:
    """A deploy of the true entity while it is already failing."""
    onset, end = ground.diagnosis.onset, ground.telemetry.end
    if onset is not None and end - onset > _LONG_BEFORE / 10:
        late = _deploy(ground.true.entity, onset + 0.6 * (end - onset))
        yield _changed(ground, "late change", replace(ground.true, change_id=None), late)


def _late_effect(ground: Ground) -> Iterator[Plant]:
    """Somebody who echoes the strongest metric of the true entity, but later than it: an effect, no cause."""
    claim, onset, end = _metric_claim(ground), ground.diagnosis.onset, ground.telemetry.end
    echo = next(iter(_silent(ground)), None)
    if claim is None or onset is None or echo is None:
        return
    delay = 0.6 * (end - onset)
    subject = claim.readings[-1].subject
    table = ground.telemetry.metrics
    theirs = (pl.col("entity") == ground.true.entity) & (pl.col("metric") == subject)
    copy = table.filter(theirs).with_columns(
        pl.col("time") + delay, pl.lit(echo, dtype=pl.String).alias("entity")
    )
    copy = copy.filter(pl.col("time") <= end)
    kept = table.filter(~((pl.col("entity") == echo) & (pl.col("metric") == subject)))
    telemetry = replace(ground.telemetry, metrics=pl.concat([kept, copy.select(table.columns)]).sort("time"))
    rows = copy.select("time", "value").rows()
    before = [value for time, value in rows if time < onset + delay]
    after = [value for time, value in rows if time >= onset + delay]
    if not before or not after:
        return
    late = replace(
        ground.true, id="planted", entity=echo, change_id=None, statement=f"{echo}: {ground.true.mechanism}"
    )
    yield Plant(
        kind="late effect",
        finding=lambda material: _moved(late, subject, (onset, onset + delay, end), material),
        authored=telemetry,
        reviewed=telemetry,
    )


def _moved(
    hypothesis: Hypothesis, subject: str, times: tuple[float, float, float], material: Material
) -> Hypothesis:
    """The hypothesis, resting on one metric of its entity from the onset to the split and from there on."""
    onset, split, end = times
    evidence_id = material.evidence[subject]
    blank = Reading(
        evidence_id=evidence_id,
        entity=hypothesis.entity,
        subject=subject,
        statistic=Statistic.MEDIAN,
        start=onset,
        end=split - 0.001,
        value=0.0,
    )
    rows = material.rows[evidence_id]
    pair = (blank, replace(blank, start=split, end=end))
    before, after = (replace(r, value=r.recompute(rows) or 0.0) for r in pair)
    text = f'"{subject}" of "{hypothesis.entity}" went from {shown(before.value)} to {shown(after.value)}'
    return replace(hypothesis, claims_for=(Claim(text=text, readings=(before, after), points=1.0),))


def _recovered(ground: Ground) -> Iterator[Plant]:
    """The true finding, but everything the entity does is as before again since the author looked."""
    claim, onset, end = _metric_claim(ground), ground.diagnosis.onset, ground.telemetry.end
    if claim is None or onset is None:
        return
    length = max(end - onset, 1.0)
    table = ground.telemetry.metrics
    calm = table.filter(pl.col("time").is_between(onset - length, onset, closed="left"))
    later = calm.with_columns(pl.col("time") + (end - onset) + length + 1.0)
    telemetry = replace(ground.telemetry, end=end + length + 1.0, metrics=pl.concat([table, later]))
    mine = later.filter(
        pl.col("entity") == ground.true.entity, pl.col("metric") == claim.readings[-1].subject
    )
    if mine.height:
        yield Plant(kind="already recovered", finding=_as_is(ground.true), reviewed=telemetry)


def _altered_number(ground: Ground) -> Iterator[Plant]:
    claim = ground.random.choice(ground.true.claims_for)
    reading = claim.readings[-1]
    value = reading.value * 1.5 + 1.0
    text = claim.text.replace(shown(reading.value), shown(value))
    altered = replace(claim, text=text, readings=(*claim.readings[:-1], replace(reading, value=value)))
    yield Plant(kind="altered number", finding=_as_is(_with(ground.true, claim, altered)))


def _unsupported(ground: Ground) -> Iterator[Plant]:
    """The sentence of the true entity with the numbers and the citation of somebody else."""
    mine = _metric_claim(ground)
    theirs = [
        claim
        for entity in _others(ground)
        if (found := blamed(ground, entity))
        for claim in found.claims_for
        if len(claim.readings) > 1
    ]
    if mine is None or not theirs:
        return
    foreign = ground.random.choice(theirs)
    first, last = foreign.readings[0], foreign.readings[-1]
    subject = mine.readings[-1].subject
    text = f'"{subject}" of "{ground.true.entity}" went from {shown(first.value)} to {shown(last.value)}'
    unsupported = Claim(text=text, readings=foreign.readings, points=mine.points)
    yield Plant(kind="citation of something else", finding=_as_is(_with(ground.true, mine, unsupported)))


def _reversed(ground: Ground) -> Iterator[Plant]:
    claim = _metric_claim(ground)
    if claim is None:
        return
    first, last = shown(claim.readings[0].value), shown(claim.readings[-1].value)
    text = claim.text.replace(f"from {first} to {last}", f"from {last} to {first}")
    yield Plant(kind="wrong direction", finding=_as_is(_with(ground.true, claim, replace(claim, text=text))))


def _wrong_mechanism(ground: Ground) -> Iterator[Plant]:
    other = _OTHER_MECHANISM.get(ground.true.shows_as or ground.true.mechanism)
    if other is not None:
        wrong = replace(ground.true, mechanism=other, shows_as=other, change_id=None)
        yield Plant(kind="wrong mechanism", finding=_as_is(wrong))


def _metric_claim(ground: Ground) -> Claim | None:
    """The heaviest claim of the true finding on a metric, with a value before and after."""
    subjects = set(ground.telemetry.metrics["metric"].unique().to_list())
    pairs = [c for c in ground.true.claims_for if len(c.readings) > 1 and c.readings[-1].subject in subjects]
    return max(pairs, key=lambda claim: claim.points, default=None)


def _silent(ground: Ground) -> list[str]:
    """Entities whom nobody suspects."""
    suspected = {*_others(ground), ground.true.entity, ground.telemetry.alert_entity}
    everyone = set(ground.telemetry.metrics["entity"].unique().to_list())
    silent = sorted(everyone - suspected)
    ground.random.shuffle(silent)
    return silent


def _with(hypothesis: Hypothesis, old: Claim, new: Claim) -> Hypothesis:
    claims = tuple(new if claim is old else claim for claim in hypothesis.claims_for)
    return replace(hypothesis, claims_for=claims)


def _by(hypothesis: Hypothesis, change: Change, material: Material) -> Hypothesis:
    """The hypothesis, blaming that change with a true citation of it."""
    reading = Reading(
        evidence_id=material.evidence[f"{CHANGES}/{change.id}"],
        entity=change.entity,
        subject=change.kind,
        statistic=_COUNT,
        start=change.time,
        end=change.time,
        value=1.0,
        text=change.id,
    )
    kept = [
        c for c in hypothesis.claims_for if not any(r.statistic is _COUNT and r.subject for r in c.readings)
    ]
    claim = Claim(text=f"the {change.kind} was made before it began", readings=(reading,))
    return replace(
        hypothesis, id="planted", change_id=change.id, mechanism=Mechanism.DEPLOY, claims_for=(*kept, claim)
    )


def _changed(ground: Ground, kind: str, hypothesis: Hypothesis, change: Change) -> Plant:
    telemetry = replace(ground.telemetry, changes=(*ground.telemetry.changes, change))
    planted = replace(hypothesis, id="planted", change_id=change.id)
    return Plant(
        kind=kind,
        finding=lambda material: _by(planted, change, material),
        authored=telemetry,
        reviewed=telemetry,
        change=change,
    )


def _deploy(entity: str, time: float) -> Change:
    return Change(
        id=f"deploy-{entity}",
        kind=ChangeKind.DEPLOY,
        entity=entity,
        time=time,
        author="",
        title="a new version",
        diff="",
        files=(),
    )
