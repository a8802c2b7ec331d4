"""What the healing run works with: its sources, its memory, its one door to production, its limits."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field

from autoheal.diagnosis.telemetry import Telemetry
from autoheal.domain.incident import Incident, IncidentEvent, TimelineEntry
from autoheal.healing.gather import Gatherer
from autoheal.healing.settings import HealingSettings
from autoheal.healing.tool_belt import ToolBelt
from autoheal.policy.policy import Policy
from autoheal.policy.untrusted import fit
from autoheal.ports.audit import Audit
from autoheal.ports.machine import Clock, Ids
from autoheal.ports.production import Actuator, Brake, Pager
from autoheal.ports.reasoning import Minds
from autoheal.ports.runs import Runs
from autoheal.ports.stores import (
    AlertStore,
    GraphStore,
    IncidentStore,
    MitigationStore,
    QuestionStore,
    SkillLibrary,
)
from autoheal.reasoning.settings import ReasoningSettings

Record = Callable[[Incident, Telemetry, Sequence[str]], None]
"""Keeps what an investigation saw of an incident and of the services that alarm, to be replayed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Responder:
    """Everything a stage may touch; policy is a function, so that a changed file counts at once."""

    settings: HealingSettings
    clock: Clock
    ids: Ids
    gatherer: Gatherer
    alerts: AlertStore
    incidents: IncidentStore
    mitigations: MitigationStore
    audit: Audit
    graph: GraphStore
    skills: SkillLibrary
    actuator: Actuator
    pager: Pager
    runs: Runs
    policy: Callable[[], Policy]
    brakes: tuple[Brake, ...]
    questions: QuestionStore | None = None
    minds: Minds | None = None
    reasoning: ReasoningSettings = field(default_factory=ReasoningSettings)
    record: Record | None = None
    belt: ToolBelt | None = None

    def stopped(self) -> str | None:
        """Why nothing may be changed just now, by any of the kill switches."""
        reasons = (brake.engaged() for brake in self.brakes)
        return next((reason for reason in reasons if reason is not None), None)

    def whole(self) -> AbstractContextManager[None]:
        """What is stored inside is stored whole or not at all; nothing inside may wait for the world."""
        return self.alerts.exclusively()

    def move(self, incident: Incident, event: IncidentEvent) -> Incident:
        """Move the incident and store it."""
        moved = incident.move(event)
        self.incidents.save(moved)
        return moved

    def note(
        self,
        incident_id: str,
        kind: str,
        text: str,
        *,
        evidence: tuple[str, ...] = (),
        actor: str = "autoheal",
    ) -> None:
        """Add a line to the timeline, now."""
        entry = TimelineEntry(at=self.clock.now(), kind=kind, text=fit(text), actor=actor, evidence=evidence)
        self.incidents.add_timeline(incident_id, entry)
