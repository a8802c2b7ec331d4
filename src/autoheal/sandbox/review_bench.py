"""How many planted false findings the reviewer catches on labelled cases, how many true ones it blocks."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from random import Random

from autoheal.diagnosis.finding import Diagnosis
from autoheal.diagnosis.telemetry import Telemetry
from autoheal.domain.change import Change
from autoheal.domain.investigation import Hypothesis, HypothesisState, Review, VerdictKind
from autoheal.healing.collect import CHANGES, LOGS, SPANS, Collection
from autoheal.healing.gather import Gatherer
from autoheal.healing.hypotheses import Material, hypotheses
from autoheal.healing.investigate import rank
from autoheal.healing.review import UnderReview, review
from autoheal.integrations.memory.incidents import MemoryIncidents
from autoheal.integrations.memory.machine import MemoryClock, MemoryIds
from autoheal.recording.case_folder import Case, case_folders, load_case
from autoheal.recording.recorded_sources import recorded_sources, selector
from autoheal.reports.rca_benchmark import Truth, read_truth
from autoheal.sandbox.planted_findings import Ground, plants

SAMPLE = 24
"""How many cases are reviewed where not all are asked for; the seed picks them."""

_INCIDENT = "inc_bench"
_EVERYTHING = 1_000_000
TRUE, OWN_ERROR = "true finding", "the engine's own error"


@dataclass(frozen=True, slots=True, kw_only=True)
class Reviewed:
    """One finding put before the reviewer: blocked_by names the tests that refuted it."""

    case: str
    system: str
    kind: str
    blocked_by: tuple[str, ...]


def sample(cases: Path, *, seed: int, every: bool) -> list[Path]:
    """A seeded sample of the labelled cases, or every one of them."""
    folders = list(case_folders(cases))
    return folders if every or len(folders) <= SAMPLE else sorted(Random(seed).sample(folders, SAMPLE))


def reviewed(folder: Path, *, seed: int = 7) -> Iterator[Reviewed]:
    """The engine's own finding and every plant of one case, each before a reviewer that knows no truth."""
    case, truth = load_case(folder), read_truth(folder)
    telemetry = case.telemetry
    diagnosis = rank(telemetry, _services(telemetry))
    author = _Author.of(telemetry)
    candidates = hypotheses(diagnosis, author.material)
    leading = candidates[0] if candidates else None
    true, own_error = _spoken_for(diagnosis, author.material, truth), ""
    if diagnosis.verdict is VerdictKind.CAUSE and leading is not None and leading.claims_for:
        change = author.material.changes.get(leading.change_id or "")
        found = author.reviewed(leading, diagnosis, candidates, change=change)
        right = _right(leading, truth)
        yield _told(case, TRUE if right else OWN_ERROR, found)
        true, own_error = (leading, "") if right else (true, leading.entity)
    if true is None:
        return
    ground = Ground(
        telemetry=telemetry,
        diagnosis=diagnosis,
        material=author.material,
        true=true,
        decoys=_decoys(folder),
        random=Random(f"{seed}/{folder.name}"),
    )
    for plant in plants(ground):
        by = _Author.of(plant.authored) if plant.authored is not None else author
        planted = plant.finding(by.material)
        if planted.entity == own_error:
            continue  # counted as the engine's own error
        found = by.reviewed(planted, diagnosis, candidates, change=plant.change, now=plant.reviewed)
        yield _told(case, plant.kind, found)


def figures(found: Sequence[Reviewed]) -> dict[str, object]:
    """Catch rate over the plants, false-block rate over the true findings, by kind of plant and by system."""
    systems: dict[str, list[Reviewed]] = defaultdict(list)
    kinds: dict[str, list[Reviewed]] = defaultdict(list)
    for one in found:
        systems[one.system].append(one)
        kinds[one.kind].append(one)
    own = kinds.pop(OWN_ERROR, [])
    kinds.pop(TRUE, None)
    return {
        "schema": "autoheal.bench-review/1",
        **_rates(found),
        "kinds": {name: _share(ones) for name, ones in sorted(kinds.items())},
        "systems": {name: _rates(ones) for name, ones in sorted(systems.items())},
        "own_errors": _share(own),
    }


def _rates(found: Sequence[Reviewed]) -> dict[str, object]:
    true = [one for one in found if one.kind == TRUE]
    planted = [one for one in found if one.kind not in (TRUE, OWN_ERROR)]
    return {
        "catch_rate": _rate(planted),
        "false_block_rate": _rate(true),
        "n": len(planted) + len(true),
        "planted": len(planted),
        "true": len(true),
    }


def _share(found: Sequence[Reviewed]) -> dict[str, object]:
    return {"n": len(found), "caught": sum(bool(one.blocked_by) for one in found)}


def _rate(found: Sequence[Reviewed]) -> float | None:
    return round(sum(bool(one.blocked_by) for one in found) / len(found), 4) if found else None


def _told(case: Case, kind: str, found: Review) -> Reviewed:
    refuted = tuple(objection.test for objection in found.objections if not objection.passed)
    return Reviewed(case=case.id, system=case.system, kind=kind, blocked_by=refuted)


def _right(leading: Hypothesis, truth: Truth) -> bool:
    """The entity is right, and so is the change where one is labelled and one is blamed."""
    change = truth.change in (None, leading.change_id) or leading.change_id is None
    return leading.entity == truth.entity and change


def _spoken_for(diagnosis: Diagnosis, material: Material, truth: Truth) -> Hypothesis | None:
    """What the engine has for the true entity where it names none or another: a ground for plants too."""
    causes = tuple(cause for cause in diagnosis.ranking if cause.entity == truth.entity)
    found = hypotheses(replace(diagnosis, ranking=causes[:1]), material) if causes else []
    return found[0] if found and found[0].claims_for else None


def _decoys(folder: Path) -> tuple[str, ...]:
    body = json.loads((folder / "truth.json").read_text(encoding="utf-8"))
    listed = body.get("decoys", [])
    return tuple(str(item) for item in listed) if isinstance(listed, list) else ()


def _services(telemetry: Telemetry) -> tuple[str, ...]:
    return (telemetry.alert_entity,) if telemetry.alert_entity else ()


@dataclass(frozen=True, slots=True, kw_only=True)
class _Author:
    """What an author stored of a recording; its reviewer asks the same recording, or a later state of it."""

    telemetry: Telemetry
    gatherer: Gatherer
    incidents: MemoryIncidents
    material: Material

    @classmethod
    def of(cls, telemetry: Telemetry) -> _Author:
        incidents = MemoryIncidents()
        gatherer = Gatherer(
            sources=recorded_sources(telemetry),
            incidents=incidents,
            clock=MemoryClock(at=datetime.fromtimestamp(telemetry.end, tz=UTC)),
            ids=MemoryIds(),
            incident_id=_INCIDENT,
            stage="investigate",
        )
        evidence = _stored(gatherer, telemetry)
        rows = {item.id: incidents.rows(item.id) for item in incidents.evidence_of(_INCIDENT)}
        material = Material(
            investigation_id="bench",
            changes=_changes(telemetry),
            evidence=evidence,
            rows=rows,
        )
        return cls(telemetry=telemetry, gatherer=gatherer, incidents=incidents, material=material)

    def reviewed(
        self,
        hypothesis: Hypothesis,
        diagnosis: Diagnosis,
        candidates: Sequence[Hypothesis],
        *,
        change: Change | None,
        now: Telemetry | None = None,
    ) -> Review:
        """Put a finding before the reviewer, who has the author's citations and candidates, and no truth."""
        later = now or self.telemetry
        clock = MemoryClock(at=datetime.fromtimestamp(later.end, tz=UTC))
        gatherer = replace(self.gatherer, sources=recorded_sources(later), clock=clock)
        stored = {item.id: item for item in self.incidents.evidence_of(_INCIDENT)}
        collection = Collection(
            telemetry=self.telemetry, evidence=self.material.evidence, changes=self.material.changes
        )
        case = UnderReview(
            hypothesis=replace(hypothesis, state=HypothesisState.LEADING),
            evidence=stored,
            rows=self.material.rows,
            change=change,
            onset=diagnosis.onset,
            now=later.end,
            services=_services(self.telemetry),
            calls=self.telemetry.topology,
            rivals=tuple(c for c in candidates if c.entity != hypothesis.entity),
            collection=collection,
        )
        return review(gatherer.for_stage(_INCIDENT, "review"), case)


def _stored(gatherer: Gatherer, telemetry: Telemetry) -> Mapping[str, str]:
    """Everything that the author could ask, under its subject."""
    start, end = telemetry.start, telemetry.end
    known = sorted(telemetry.metrics["metric"].unique().to_list())
    evidence = {
        subject: gatherer.range(selector(subject), start=start, end=end, step=1.0).evidence.id
        for subject in known
    }
    lines = gatherer.lines(services=(), start=start, end=end, limit=_EVERYTHING)
    spans = gatherer.spans(services=(), start=start, end=end, limit=_EVERYTHING)
    evidence |= {name: got.evidence.id for name, got in ((LOGS, lines), (SPANS, spans)) if got is not None}
    for answer in gatherer.changes(start=0.0, end=end):
        evidence |= {f"{CHANGES}/{change.id}": answer.evidence.id for change in answer.changes}
    return evidence


def _changes(telemetry: Telemetry) -> Mapping[str, Change]:
    return {change.id: change for change in telemetry.changes}
