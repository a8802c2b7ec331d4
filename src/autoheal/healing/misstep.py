"""Where an investigation first went wrong, told from its stored trace and evidence alone. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from autoheal.domain.evidence import Claim, Evidence, Failed, NoData
from autoheal.domain.investigation import Hypothesis, HypothesisState, Investigation, VerdictKind
from autoheal.domain.judgment import Misstep, Stage, Truth

_SHOWN = 6
"""Ids of evidence that a misstep names."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """What is stored of an incident's investigations: evidence in the order it was asked, and whom it names.

    entities are the names in the rows of each evidence; changes the ids that any source told of.
    """

    investigations: Sequence[Investigation]
    evidence: Sequence[Evidence]
    entities: Mapping[str, frozenset[str]]
    changes: frozenset[str] = frozenset()


def first_misstep(record: Record, truth: Truth) -> Misstep | None:
    """The first wrong step of the first attempt that missed; None where the last verdict is right."""
    if not record.investigations or agrees(record.investigations[-1], truth):
        return None
    missed = next(i for i in record.investigations if not agrees(i, truth))
    return _misstep(missed, record, truth)


def agrees(investigation: Investigation, truth: Truth) -> bool:
    """Whether a verdict says what was really there, as far as the truth says it."""
    leading = investigation.leading
    if truth.entity is None:
        return investigation.verdict.kind is VerdictKind.NOISE
    return leading is not None and _names(leading, truth)


def _names(hypothesis: Hypothesis, truth: Truth) -> bool:
    mechanisms = (hypothesis.mechanism, hypothesis.shows_as)
    return (
        hypothesis.entity == truth.entity
        and (truth.mechanism is None or truth.mechanism in mechanisms)
        and (truth.change_id is None or truth.change_id == hypothesis.change_id)
    )


def _misstep(investigation: Investigation, record: Record, truth: Truth) -> Misstep:
    leading = investigation.leading
    word, _, name = (leading.author if leading else "").partition(":")
    stage = {"skill": Stage.RECALL, "person": Stage.ASK, "model": Stage.REASON}.get(word)
    if leading is not None and stage is not None:
        followed = f"{word} {name} was followed, who blamed {_blame(leading)}"
        return _at(stage, investigation, followed, _cited(leading.claims_for))
    if truth.entity is None:
        return _false_alarm(investigation)
    return _missed(investigation, record, truth, truth.entity)


def _false_alarm(investigation: Investigation) -> Misstep:
    """There was no fault, and one was found or could not be ruled out."""
    leading = investigation.leading
    if leading is None:
        text = f"it was not called noise: {'; '.join(investigation.verdict.missing)}"
        return _at(Stage.CONCLUDE, investigation, text)
    text = f"there was no fault, and {_blame(leading)} came first with {_points(leading)}"
    return _at(Stage.RANK, investigation, text, _cited(leading.claims_for))


def _missed(investigation: Investigation, record: Record, truth: Truth, entity: str) -> Misstep:
    about = [h for h in investigation.hypotheses if h.entity == entity]
    named = [h for h in about if _names(h, truth)]
    if not about and not _measured(record, entity):
        return _not_seen(investigation, record, entity)
    if not about:
        asked = [e.id for e in record.evidence if entity in record.entities.get(e.id, ())]
        text = f"{entity} was measured, and no hypothesis named it: nothing of it stood out"
        return _at(Stage.HYPOTHESES, investigation, text, asked)
    if not named:
        return _otherwise(investigation, record, about[0], truth)
    ahead = [h for h in investigation.hypotheses if h.score > named[0].score and h.entity != entity]
    return _outranked(investigation, named[0], ahead[0]) if ahead else _dropped(investigation, named[0])


def _not_seen(investigation: Investigation, record: Record, entity: str) -> Misstep:
    silent = [e for e in record.evidence if isinstance(e.answer, Failed | NoData)]
    why = f"; {len(silent)} queries failed or had no data" if silent else ""
    text = f"nothing that was asked told anything of {entity}{why}"
    return _at(Stage.COLLECT, investigation, text, [e.id for e in silent])


def _otherwise(investigation: Investigation, record: Record, nearest: Hypothesis, truth: Truth) -> Misstep:
    """The right service, but another change or another way of failing."""
    if truth.change_id is not None and nearest.change_id != truth.change_id:
        if truth.change_id not in record.changes:
            text = f"no source told of the change {truth.change_id}"
            return _at(Stage.COLLECT, investigation, text)
        text = f"{nearest.entity} was blamed with {nearest.change_id or 'no change'}, not {truth.change_id}"
        return _at(Stage.HYPOTHESES, investigation, text, _cited(nearest.claims_for))
    text = f"{nearest.entity} was blamed for {nearest.mechanism}, not for {truth.mechanism}"
    return _at(Stage.HYPOTHESES, investigation, text, _cited(nearest.claims_for))


def _outranked(investigation: Investigation, right: Hypothesis, first: Hypothesis) -> Misstep:
    text = (
        f"{_blame(first)} came before {_blame(right)}: {_points(first)} against {_points(right)}; "
        f"it weighed most that {_heaviest(first)}"
    )
    return _at(Stage.RANK, investigation, text, [*_cited(first.claims_for), *_cited(right.claims_for)])


def _dropped(investigation: Investigation, right: Hypothesis) -> Misstep:
    """It came first, and was not believed."""
    review = investigation.review
    if review is not None and review.hypothesis_id == right.id and review.refutations:
        refuting = [i for o in review.objections if not o.passed for i in o.evidence_ids]
        text = f"the review refuted {_blame(right)}: {'; '.join(review.refutations)}"
        return _at(Stage.REVIEW, investigation, text, refuting)
    if right.state is HypothesisState.REJECTED:
        text = f"{_blame(right)} was set aside: {right.not_tested_because or 'the evidence against it'}"
        return _at(Stage.ASK, investigation, text, _cited(right.claims_against))
    verdict = investigation.verdict
    text = f"{_blame(right)} came first and the verdict was {verdict.kind}: {verdict.confidence.reason}"
    return _at(Stage.CONCLUDE, investigation, text, _cited(right.claims_for))


def _measured(record: Record, entity: str) -> bool:
    return any(entity in names for names in record.entities.values())


def _at(stage: Stage, investigation: Investigation, text: str, evidence: Sequence[str] = ()) -> Misstep:
    cited = tuple(dict.fromkeys(evidence))[:_SHOWN]
    return Misstep(stage=stage, investigation_id=investigation.id, text=text, evidence_ids=cited)


def _cited(claims: Sequence[Claim]) -> list[str]:
    return [evidence_id for claim in claims for evidence_id in claim.evidence_ids]


def _blame(hypothesis: Hypothesis) -> str:
    return f"{hypothesis.entity} ({hypothesis.mechanism})"


def _points(hypothesis: Hypothesis) -> str:
    return f"{hypothesis.score:.2f} points"


def _heaviest(hypothesis: Hypothesis) -> str:
    heaviest = max(hypothesis.claims_for, key=lambda claim: claim.points, default=None)
    return heaviest.text if heaviest else "nothing was claimed for it"
