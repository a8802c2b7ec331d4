"""The way from telemetry to a diagnosis, in the order of the evidence."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from autoheal.diagnosis.broken_contract import broken_contract_terms
from autoheal.diagnosis.change_evidence import SUSPECT, ranked_changes
from autoheal.diagnosis.confidence import Signs, Trust, confidence_of, confidences
from autoheal.diagnosis.edge_gaps import metric_gap_terms
from autoheal.diagnosis.finding import Diagnosis, RankedCause, RankedChange, Term
from autoheal.diagnosis.kinds import Kind
from autoheal.diagnosis.log_evidence import LogTable, log_table, missing_line_terms, novelty_terms, own_onset
from autoheal.diagnosis.mechanism import mechanism_of, with_culprit
from autoheal.diagnosis.metric_evidence import SYMPTOMS, metric_shifts, metric_terms, shown
from autoheal.diagnosis.noise_floor import noise_floor
from autoheal.diagnosis.onset import Onset, find_onset
from autoheal.diagnosis.rank import ranked, weighed
from autoheal.diagnosis.remediation import culprit_kind, remediation_for
from autoheal.diagnosis.rollouts import without_rollouts
from autoheal.diagnosis.series import SeriesMatrix, series_matrix
from autoheal.diagnosis.span_evidence import (
    calm_entities,
    error_terms,
    network_terms,
    own_time_terms,
    split_at,
    structure_terms,
    unanswered_terms,
)
from autoheal.diagnosis.span_table import SpanTable, span_table
from autoheal.diagnosis.telemetry import Telemetry
from autoheal.diagnosis.topology import (
    call_edges,
    callers_agree_terms,
    explaining_terms,
    partial_view_terms,
    passed_on_terms,
)
from autoheal.diagnosis.volume import entity_volumes
from autoheal.domain.change import ChangeKind
from autoheal.domain.investigation import VerdictKind

LISTED = 25
"""How many entities the ranking names at most."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """All terms by entity, and what they were read from."""

    onset: Onset
    terms: Mapping[str, list[Term]]
    entities: frozenset[str]
    signs: Signs


def diagnose(telemetry: Telemetry) -> Diagnosis:
    """Rank the entities and the changes that could explain what the telemetry shows."""
    evidence = gather_evidence(telemetry)
    found = _found(telemetry, evidence)
    reached = _onset(evidence.onset.time, found.changes, telemetry)
    if reached is not None and reached > evidence.onset.time + evidence.onset.resolution:
        # The culprit came later than the first guess: what lies before it is no part of this fault.
        return _found(telemetry, gather_evidence(telemetry, onset=replace(evidence.onset, time=reached)))
    return found


def _found(telemetry: Telemetry, evidence: Evidence) -> Diagnosis:
    rows = ranked(evidence.terms)
    trust = confidence_of(rows, telemetry, evidence.signs)
    causes = _causes(rows, evidence, trust)
    changes = ranked_changes(telemetry, causes, evidence.onset)
    causes = _blaming(causes, changes, telemetry)
    is_cause = trust.verdict is VerdictKind.CAUSE
    return Diagnosis(
        verdict=trust.verdict,
        confidence=trust.confidence,
        reason=trust.reason,
        ranking=causes,
        changes=changes,
        remediation=remediation_for(causes, changes, telemetry) if causes and is_cause else None,
        onset=_onset(evidence.onset.time, changes, telemetry),
        missing=trust.missing,
    )


def _onset(earliest: float | None, changes: Sequence[RankedChange], telemetry: Telemetry) -> float | None:
    """The earliest disturbance, but not before the change that is blamed for it reached production."""
    if earliest is None or not changes or changes[0].score < SUSPECT:
        return earliest
    reached = [c.time for c in telemetry.changes if c.id == changes[0].id and c.kind is not ChangeKind.COMMIT]
    return max(earliest, min(reached, default=earliest))


def _blaming(
    causes: tuple[RankedCause, ...], changes: Sequence[RankedChange], telemetry: Telemetry
) -> tuple[RankedCause, ...]:
    """The causes, the first one's mechanism told by the culprit change where there is one."""
    if not causes or not changes or changes[0].score < SUSPECT:
        return causes
    kind, config = culprit_kind(changes[0].id, telemetry)
    first = replace(causes[0], mechanism=with_culprit(causes[0].mechanism, kind, config=config))
    return (first, *causes[1:])


def gather_evidence(telemetry: Telemetry, *, onset: Onset | None = None) -> Evidence:
    """Every term of every modality that the telemetry has, weighed, with callers explained away."""
    series = series_matrix(telemetry.metrics, end=telemetry.end)
    onset = onset or find_onset(series, alert_time=telemetry.alert_time, not_before=telemetry.earliest_onset)
    spans = span_table(telemetry.spans, end=telemetry.end) if telemetry.spans is not None else None
    logs = (
        log_table(telemetry.logs, end=telemetry.end, since=telemetry.logs_from)
        if telemetry.logs is not None
        else None
    )
    shifts = without_rollouts(metric_shifts(series, onset=onset.time), telemetry)
    found = list(metric_terms(shifts, telemetry.alert_entity))
    entities = {*series.entities, *(spans.entities if spans else ()), *(logs.entities if logs else ())}
    found += metric_gap_terms(series, onset.time, entities.union(*telemetry.topology))
    found = _confirmed(found, spans, onset)
    skew = own_onset(logs, onset.time, telemetry.end) - onset.time if logs else 0.0
    found += [*_span_terms(spans, onset.time + skew), *_log_terms(logs, spans, onset.time + skew)]
    terms = weighed(found)
    edges = call_edges(telemetry.topology, spans)
    volumes = entity_volumes(series)
    telling = _telling(series, spans)
    agreed = callers_agree_terms(terms, edges, telling)
    broken = broken_contract_terms(terms, telemetry.changes, edges, end=telemetry.end)
    for term in [*agreed, *broken]:
        terms.setdefault(term.entity, []).append(term)
    views = partial_view_terms(terms, edges, volumes)
    for term in [*explaining_terms(terms, edges), *passed_on_terms(terms, edges), *views]:
        terms[term.entity].append(term)
    signs = Signs(
        floor=noise_floor(series, onset=onset.time, end=telemetry.end, alert_entity=telemetry.alert_entity),
        symptom=max(shown(shifts, telemetry.alert_entity, SYMPTOMS | {Kind.CRASH}).values()),
        seen=telemetry.alert_entity in entities,
    )
    return Evidence(onset=onset, terms=terms, entities=frozenset(entities), signs=signs)


def _confirmed(terms: list[Term], spans: SpanTable | None, onset: Onset) -> list[Term]:
    """Latency that the metrics report and well-covering spans of the same calls do not counts half."""
    split = split_at(spans, onset.time) if spans else None
    if spans is None or split is None:
        return terms
    calm = calm_entities(spans, split)
    return [
        replace(term, points=term.points * _UNCONFIRMED)
        if term.name == "latency_shift" and term.entity in calm
        else term
        for term in terms
    ]


_UNCONFIRMED = 0.4


def _telling(series: SeriesMatrix, spans: SpanTable | None) -> frozenset[str]:
    """Entities that measure their own requests, by metrics or by spans."""
    measured = {
        entity
        for entity, meaning in zip(series.entities, series.meanings, strict=True)
        if meaning.kind in SYMPTOMS
    }
    return frozenset(measured | set(spans.entities if spans else ()))


def _span_terms(spans: SpanTable | None, onset: float) -> Iterator[Term]:
    if spans is None or (split := split_at(spans, onset)) is None:
        return
    for read in (own_time_terms, network_terms, error_terms, unanswered_terms, structure_terms):
        yield from read(spans, split)


def _log_terms(logs: LogTable | None, spans: SpanTable | None, onset: float) -> Iterator[Term]:
    if logs is None:
        return
    yield from novelty_terms(logs, onset)
    yield from missing_line_terms(logs, spans, onset)


def _causes(
    rows: list[tuple[str, float, tuple[Term, ...]]], evidence: Evidence, trust: Trust
) -> tuple[RankedCause, ...]:
    quiet = sorted(evidence.entities - {entity for entity, _, _ in rows})
    everyone = [*rows, *((entity, 0.0, ()) for entity in quiet)][:LISTED]
    shares = confidences([score for _, score, _ in everyone], trust.confidence)
    return tuple(
        RankedCause(
            entity=entity,
            score=score,
            confidence=share,
            mechanism=mechanism_of(terms),
            terms=terms,
        )
        for (entity, score, terms), share in zip(everyone, shares, strict=True)
    )
