"""The decision trace of an investigation: five parts from which the verdict can be rebuilt offline."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType

from autoheal.domain.decision_trace import PARTS
from autoheal.domain.evidence import Claim, Evidence, Failed, Found
from autoheal.domain.investigation import Hypothesis, Investigation, VerdictKind

NO_FACTS: Mapping[str, Sequence[str]] = MappingProxyType({})


def compose(
    investigation: Investigation,
    evidence: Sequence[Evidence],
    *,
    facts: Mapping[str, Sequence[str]] = NO_FACTS,
) -> dict[str, object]:
    """The five parts as plain JSON values, beside the verdict they lead to.

    facts are the ids of what memory gave, by the evidence that holds it.
    """
    return {
        "investigation": investigation.id,
        "attempt": investigation.attempt,
        "sources": [{**_source(e), **_cited(facts.get(e.id))} for e in evidence],
        "hypotheses": [_hypothesis(h) for h in investigation.hypotheses],
        "arguments": [_arguments(h) for h in investigation.hypotheses],
        "path": [*investigation.path, *_review(investigation)],
        "confidence": {
            "value": round(investigation.verdict.confidence.value, 4),
            "reason": investigation.verdict.confidence.reason,
            "missing": list(investigation.verdict.missing),
        },
        "verdict": verdict_text(investigation),
    }


def verdict_text(investigation: Investigation) -> str:
    """The verdict in one sentence."""
    leading = investigation.leading
    return _sentence(investigation.verdict.kind, leading.statement if leading else None)


def rebuild_verdict(body: Mapping[str, object]) -> str:
    """The verdict that follows from the recorded parts alone, with network and model off."""
    hypotheses = body["hypotheses"]
    recorded = hypotheses if isinstance(hypotheses, list) else []
    chosen = [h for h in recorded if h["state"] in ("accepted", "leading")]
    if chosen:
        return _sentence(VerdictKind.CAUSE, str(chosen[0]["statement"]))
    path = body["path"]
    noise = isinstance(path, list) and f"verdict: {VerdictKind.NOISE}" in path
    return _sentence(VerdictKind.NOISE if noise else VerdictKind.INCONCLUSIVE, None)


def render(body: Mapping[str, object]) -> str:
    """The trace as Markdown for people, from the recorded parts alone."""
    lines = [f"# Verdict: {rebuild_verdict(body)}", ""]
    for part in PARTS:
        content = body[part]
        items = content if isinstance(content, list) else [content]
        lines += [f"## {part.capitalize()}", "", *(f"- {_plain(item)}" for item in items), ""]
    return "\n".join(lines)


def _plain(item: object) -> str:
    if isinstance(item, Mapping):
        return "; ".join(f"{key}: {value}" for key, value in item.items() if value not in ("", [], None))
    return str(item)


def _sentence(kind: VerdictKind, statement: str | None) -> str:
    return f"{kind}: {statement}" if statement else str(kind)


def _source(evidence: Evidence) -> dict[str, object]:
    answer = evidence.answer
    said: dict[str, object] = {"answer": answer.kind}
    if isinstance(answer, Found):
        said |= {"rows": answer.rows, "digest": answer.digest}
    if isinstance(answer, Failed):
        said["reason"] = answer.reason
    return {
        "id": evidence.id,
        "stage": evidence.stage,
        "source": evidence.source,
        "query": evidence.expression,
        "window": [evidence.start.isoformat(), evidence.end.isoformat()],
        **said,
    }


def _cited(facts: Sequence[str] | None) -> dict[str, object]:
    return {} if facts is None else {"facts": list(facts)}


def _hypothesis(hypothesis: Hypothesis) -> dict[str, object]:
    return {
        "id": hypothesis.id,
        "statement": hypothesis.statement,
        "entity": hypothesis.entity,
        "mechanism": hypothesis.mechanism,
        "change": hypothesis.change_id,
        "author": hypothesis.author,
        "score": round(hypothesis.score, 4),
        "confidence": round(hypothesis.confidence, 4),
        "state": hypothesis.state,
    }


def _arguments(hypothesis: Hypothesis) -> dict[str, object]:
    return {
        "hypothesis": hypothesis.id,
        "for": [_claim(claim) for claim in hypothesis.claims_for],
        "against": [_claim(claim) for claim in hypothesis.claims_against],
        "not_tested_because": hypothesis.not_tested_because,
    }


def _claim(claim: Claim) -> dict[str, object]:
    return {"text": claim.text, "evidence": list(claim.evidence_ids), "points": round(claim.points, 4)}


def _review(investigation: Investigation) -> list[str]:
    review = investigation.review
    tests = (
        [
            f"review {o.test}: {'held' if o.passed else 'refuted'}: {o.text}{_seen_in(o.evidence_ids)}"
            for o in review.objections
        ]
        if review
        else []
    )
    doubt = [f"not reviewed: {investigation.unreviewed}"] if investigation.unreviewed else []
    return [*tests, *doubt, f"verdict: {investigation.verdict.kind}"]


def _seen_in(evidence_ids: Sequence[str]) -> str:
    return f" [{', '.join(evidence_ids)}]" if evidence_ids else ""
