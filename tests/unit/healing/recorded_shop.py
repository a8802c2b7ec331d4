"""A small recorded fault: gateway calls checkout, checkout breaks, gateway follows; it can be asked."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import UTC, datetime

import polars as pl

from autoheal.diagnosis.engine import diagnose
from autoheal.diagnosis.telemetry import METRIC_COLUMNS, Telemetry
from autoheal.domain.change import Change, ChangeKind
from autoheal.domain.evidence import Claim, Reading, Statistic
from autoheal.domain.investigation import Hypothesis, HypothesisState, Mechanism, Review
from autoheal.healing.collect import CHANGES, Collection
from autoheal.healing.gather import Gatherer
from autoheal.healing.hypotheses import Material, hypotheses
from autoheal.healing.review import UnderReview, review
from autoheal.integrations.memory.incidents import MemoryIncidents
from autoheal.integrations.memory.machine import MemoryClock, MemoryIds
from autoheal.recording.recorded_sources import recorded_sources, selector

START, ONSET, END = 1_000_000.0, 1_000_900.0, 1_001_080.0
METRIC = "error_rate"
DECOY = Change(id="dep-2", kind=ChangeKind.DEPLOY, entity="search", time=ONSET - 300, title="search 2")


def level(entity: str, time: float) -> float:
    """Errors per second: checkout breaks at the onset, gateway sees less of it, a late echo follows."""
    wobble = 0.01 * ((time // 10) % 3)
    broken = {"checkout": (ONSET, 8.0), "gateway": (ONSET + 10, 3.0), "echo": (ONSET + 90, 6.0)}
    since, height = broken.get(entity, (END + 1, 0.0))
    return 0.1 + wobble + (height if time >= since else 0.0)


def recorded() -> Telemetry:
    """Fifteen calm minutes and three broken ones, a sample each ten seconds."""
    times = [START + 10.0 * index for index in range(int((END - START) / 10) + 1)]
    entities = ("gateway", "checkout", "search", "echo")
    rows = [(time, entity, METRIC, level(entity, time)) for time in times for entity in entities]
    return Telemetry(
        start=START,
        end=END,
        alert_time=ONSET + 60,
        alert_entity="gateway",
        metrics=pl.DataFrame(rows, schema=METRIC_COLUMNS, orient="row"),
        topology=(("gateway", "checkout"), ("gateway", "search"), ("gateway", "echo")),
        changes=(DECOY,),
    )


@dataclass
class RecordedShop:
    """What an author asked of the recording, and a reviewer over the same recording."""

    telemetry: Telemetry = field(default_factory=recorded)
    incidents: MemoryIncidents = field(default_factory=MemoryIncidents)

    def __post_init__(self) -> None:
        self.gatherer = Gatherer(
            sources=recorded_sources(self.telemetry),
            incidents=self.incidents,
            clock=MemoryClock(at=datetime.fromtimestamp(END, tz=UTC)),
            ids=MemoryIds(),
            incident_id="inc",
            stage="investigate",
        )
        asked = self.gatherer.range(selector(METRIC), start=START, end=END, step=10.0)
        (changes,) = self.gatherer.changes(start=START, end=END)
        self.evidence = {METRIC: asked.evidence.id, f"{CHANGES}/{DECOY.id}": changes.evidence.id}
        self.diagnosis = diagnose(self.telemetry)
        self.candidates = hypotheses(self.diagnosis, self.material)

    @property
    def material(self) -> Material:
        """What the author stored."""
        rows = {item.id: self.incidents.rows(item.id) for item in self.incidents.evidence_of("inc")}
        changes = {DECOY.id: DECOY}
        return Material(investigation_id="inv", changes=changes, evidence=self.evidence, rows=rows)

    def blaming(self, entity: str, *, change_id: str | None = None) -> Hypothesis:
        """A hypothesis whose every number is true: errors of that entity went up."""
        first = self.reading(entity, START, ONSET - 1)
        last = self.reading(entity, ONSET + 95, END)
        text = f'"{METRIC}" of "{entity}" went up'
        return Hypothesis(
            id="h",
            entity=entity,
            mechanism=Mechanism.ERRORS,
            statement=f"{entity}: errors",
            score=1.0,
            confidence=0.9,
            author="engine",
            state=HypothesisState.LEADING,
            change_id=change_id,
            claims_for=(Claim(text=text, readings=(first, last), points=1.0),),
        )

    def reading(self, entity: str, start: float, end: float) -> Reading:
        """The median of the entity's errors in that time, as stored."""
        blank = Reading(
            evidence_id=self.evidence[METRIC],
            entity=entity,
            subject=METRIC,
            statistic=Statistic.MEDIAN,
            start=start,
            end=end,
            value=0.0,
        )
        value = blank.recompute(self.incidents.rows(blank.evidence_id))
        return replace(blank, value=value or 0.0)

    def reviewed(self, hypothesis: Hypothesis, gatherer: Gatherer | None = None) -> Review:
        """The reviewer's answer."""
        stored = {item.id: item for item in self.incidents.evidence_of("inc")}
        case = UnderReview(
            hypothesis=hypothesis,
            evidence=stored,
            rows=self.material.rows,
            change=self.material.changes.get(hypothesis.change_id or ""),
            onset=self.diagnosis.onset,
            now=END,
            services=("gateway",),
            calls=self.telemetry.topology,
            rivals=tuple(h for h in self.candidates if h.entity != hypothesis.entity),
            collection=Collection(
                telemetry=self.telemetry, evidence=self.evidence, changes=self.material.changes
            ),
        )
        return review((gatherer or self.gatherer).for_stage("inc", "review"), case)


def refuted(found: Review) -> dict[str, str]:
    """The tests that refuted, with their words."""
    return {o.test: o.text for o in found.objections if not o.passed}
