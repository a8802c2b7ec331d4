"""Turns the engine's ranking into hypotheses whose every number is read back from stored evidence. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from autoheal.diagnosis.finding import Diagnosis, Modality, RankedCause, RankedChange, Term, Window
from autoheal.diagnosis.mechanism import mechanism_of
from autoheal.domain.change import Change
from autoheal.domain.evidence import Claim, Reading, Row, Statistic
from autoheal.domain.investigation import Hypothesis, HypothesisState, Mechanism
from autoheal.healing.check_claims import shown
from autoheal.healing.collect import CHANGES, LOGS, SPANS

KEPT = 5
"""How many candidates become hypotheses; the engine's ranking itself is longer."""

CULPRIT = 0.5
"""The score from which a change is named as the culprit."""

_PLACEHOLDER = re.compile(r"<[^<>]*>|\*")


@dataclass(frozen=True, slots=True, kw_only=True)
class Material:
    """What sentences are made of: the changes, where each subject's evidence lies, and the stored rows."""

    investigation_id: str
    changes: Mapping[str, Change]
    evidence: Mapping[str, str]
    rows: Mapping[str, Sequence[Row]]


def hypotheses(diagnosis: Diagnosis, material: Material) -> list[Hypothesis]:
    """The best candidates, best first, then the changes that were refuted as decoys."""
    causes = [
        _of_cause(rank, cause, diagnosis, material)
        for rank, cause in enumerate(diagnosis.ranking[:KEPT], start=1)
    ]
    return [*causes, *_decoys(diagnosis, material)]


def _of_cause(rank: int, cause: RankedCause, diagnosis: Diagnosis, material: Material) -> Hypothesis:
    culprit = _culprit(cause, diagnosis.changes, material) if rank == 1 else None
    pairs = [(term, claim_of(term, material)) for term in cause.terms]
    speaking = [(term, claim) for term, claim in pairs if claim is not None]
    speaking_for = tuple(claim for term, claim in speaking if term.points > 0)
    against = tuple(claim for term, claim in speaking if term.points < 0)
    if culprit is not None:
        speaking_for += (change_claim(culprit, "was made there before it began", material),)
    best = diagnosis.ranking[0].score
    weaker = f"its evidence weighs {cause.score:.2f}, the leading one's {best:.2f}" if rank > 1 else ""
    state = HypothesisState.LEADING if rank == 1 else HypothesisState.UNTESTED
    return Hypothesis(
        id=f"{material.investigation_id}.h{rank}",
        entity=cause.entity,
        mechanism=cause.mechanism,
        statement=statement_of(cause.entity, cause.mechanism, culprit),
        score=cause.score,
        confidence=min(max(diagnosis.confidence if rank == 1 else cause.confidence, 0.0), 1.0),
        author="engine",
        state=HypothesisState.REJECTED if against and rank > 1 else state,
        change_id=culprit.id if culprit else None,
        remediations=(diagnosis.remediation,) if rank == 1 and diagnosis.remediation else (),
        claims_for=speaking_for,
        claims_against=against,
        not_tested_because=weaker,
        shows_as=mechanism_of(cause.terms),
    )


def statement_of(entity: str, mechanism: str, culprit: Change | None) -> str:
    """A cause as one sentence in our own words: where, how, since which change."""
    what = mechanism.replace("_", " ")
    if culprit is None:
        return f"{entity}: {what}"
    return f'{entity}: {what}, since {culprit.kind} "{_name(culprit)}"'


def _name(change: Change) -> str:
    return " ".join((change.title or change.id).replace('"', "'").split())[:120]


def _culprit(cause: RankedCause, ranked: Sequence[RankedChange], material: Material) -> Change | None:
    """The best unrefuted change of the entity; a deploy rather than the commit that it brought."""
    fitting = [
        material.changes[change.id]
        for change in sorted(ranked, key=lambda change: -change.score)
        if change.score >= CULPRIT and change.id in material.changes
    ]
    fitting = [change for change in fitting if change.entity in ("", cause.entity)]
    deployed = [change for change in fitting if change.entity == cause.entity]
    return next(iter(deployed or fitting), None)


def _decoys(diagnosis: Diagnosis, material: Material) -> Iterator[Hypothesis]:
    for number, ranked in enumerate(
        (c for c in diagnosis.changes if c.refuted and c.score < CULPRIT), start=1
    ):
        change = material.changes.get(ranked.id)
        if change is None or f"{CHANGES}/{change.id}" not in material.evidence:
            continue
        yield Hypothesis(
            id=f"{material.investigation_id}.c{number}",
            entity=change.entity or "unknown",
            mechanism=Mechanism.UNKNOWN,
            statement=f'{change.kind} "{_name(change)}" is the cause',
            score=0.0,
            confidence=min(max(ranked.score, 0.0), 1.0),
            author="engine",
            state=HypothesisState.REJECTED,
            change_id=change.id,
            claims_against=tuple(
                change_claim(change, f'refuted: "{why}"', material) for why in ranked.refuted
            ),
        )


def change_claim(change: Change, text: str, material: Material) -> Claim:
    """That a change was made, resting on the row that tells of it."""
    reading = Reading(
        evidence_id=material.evidence[f"{CHANGES}/{change.id}"],
        entity=change.entity,
        subject=change.kind,
        statistic=Statistic.COUNT,
        start=change.time,
        end=change.time,
        value=1.0,
        text=change.id,
    )
    return Claim(text=f'{change.kind} "{_name(change)}" {text}', readings=(reading,))


def claim_of(term: Term, material: Material) -> Claim | None:
    """The term as a sentence; None where no stored row can be cited for it."""
    template = _reading(term, material)
    if template is None or term.after_window is None:
        return None
    after = _read(template, term.after_window, material)
    before = _read(template, term.before_window, material) if term.before_window else None
    if after is None:
        return None
    if before is not None and shown(before.value) == shown(after.value):
        return None  # a value that reads the same before and after argues for nothing
    moved = f"from {shown(before.value)} to {shown(after.value)}" if before else f"at {shown(after.value)}"
    where = f'"{term.seen_at}", which calls "{term.entity}",' if term.seen_at else f'"{term.entity}"'
    told = f'"{term.subject[:160]}" of {where} went {moved}{_unit(term, after)} ("{_measure(term)}")'
    return Claim(text=told, readings=(before, after) if before else (after,), points=term.points)


def _unit(term: Term, reading: Reading) -> str:
    if reading.statistic is Statistic.COUNT:
        return " lines"
    return f" {term.unit}" if term.unit and not any(c.isdigit() for c in term.unit) else ""


def _measure(term: Term) -> str:
    """What is read back: of a span its whole duration, of everything else what the term is called."""
    return "duration" if term.modality is Modality.SPANS else term.name


def _reading(term: Term, material: Material) -> Reading | None:
    """What to read for a term, without its window."""
    keys = {Modality.LOGS: LOGS, Modality.SPANS: SPANS, Modality.METRICS: term.subject}
    evidence_id = material.evidence.get(keys.get(term.modality, ""))
    if evidence_id is None:
        return None
    blank = Reading(
        evidence_id=evidence_id,
        entity=term.seen_at or term.entity,
        subject=term.subject,
        statistic=Statistic.MEDIAN,
        start=0.0,
        end=0.0,
        value=0.0,
    )
    if term.modality is Modality.SPANS and term.unit != "ms":
        return None  # shares of calls are no rows: only durations can be read back
    if term.modality is Modality.LOGS:
        literal = max(_PLACEHOLDER.split(term.subject), key=len).strip()
        return replace(blank, subject="", statistic=Statistic.COUNT, text=literal) if literal else None
    return blank


def _read(reading: Reading, window: Window, material: Material) -> Reading | None:
    placed = replace(reading, start=window.start, end=window.end)
    value = placed.recompute(material.rows.get(reading.evidence_id, ()))
    return None if value is None else replace(placed, value=value)
