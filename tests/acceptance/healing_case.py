"""The shop of the attacks with honest people around it: they answer, stay silent, or stop everything."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import TypeVar

from tests.attacks.production import CULPRIT, Shop

from autoheal.domain.approval import Approval, Decision
from autoheal.domain.incident import Incident
from autoheal.domain.mitigation import ActionKind, Mitigation
from autoheal.integrations.memory.actuator import Effect
from autoheal.policy.policy import ApprovalRule, Policy
from autoheal.ports.runs import Json

T = TypeVar("T")
ASKS = Policy(approval=ApprovalRule(approvers=("ann", "bob")))
"""The default: everything waits for a person."""


@dataclass
class Case(Shop):
    """One fault and what people do about it; `heals` names the action that mends it."""

    breaks: bool = True
    heals: ActionKind | None = ActionKind.ROLLBACK
    people: Callable[[Case, Mitigation], None] | None = None
    before_step: Callable[[Case, str], None] | None = None
    twice: bool = False
    """Each step runs again, as after a kill between its effect and its checkpoint."""
    steps: list[tuple[str, datetime]] = field(default_factory=list)
    effects_at: list[tuple[Effect, datetime]] = field(default_factory=list)

    def sick(self, service: str, at: float) -> bool:
        """Whether a service answers with errors at a moment."""
        return self.breaks and super().sick(service, at)

    def heal(self) -> Incident:
        """Break, and let Autoheal bring the incident to its end."""
        self.begin()
        (incident,) = self.database.incidents.list()
        asyncio.run(self._healed(incident.id))
        return self.database.incidents.get(incident.id)

    def mitigations(self) -> list[Mitigation]:
        """What was proposed, in order."""
        (incident,) = self.database.incidents.list()
        return list(self.database.mitigations.of_incident(incident.id))

    def decide(
        self, mitigation: Mitigation, decision: Decision, *, actor: str = "ann", digest: str | None = None
    ) -> None:
        """A person answers, as every door stores it."""
        self.database.mitigations.add_approval(
            Approval(
                id=self.ids.new("apr"),
                mitigation_id=mitigation.id,
                digest=digest or mitigation.digest,
                decision=decision,
                actor=actor,
                channel="test",
                decided_at=self.clock.now(),
                expires_at=mitigation.expires_at,
            )
        )

    def done(self) -> list[str]:
        """What really happened to production, by its own log."""
        return [f"{effect.action.kind} {effect.action.target}" for effect in self.actuator.effects]

    async def _healed(self, incident_id: str) -> None:
        await self.loop.workflows()["heal"](_Run(self), incident_id)

    def _acted(self, effect: Effect) -> None:
        self.effects_at.append((effect, self.clock.now()))
        if effect.action.kind is self.heals and effect.action.target == CULPRIT:
            self.mended = True


@dataclass
class _Run:
    """A durable run without the durability: steps run once, or twice; waiting lets the shop live on."""

    case: Case

    async def step(self, do: Callable[..., T], *args: object) -> T:
        if self.case.before_step is not None:
            self.case.before_step(self.case, do.__name__)
        self.case.steps.append((do.__name__, self.case.clock.now()))
        if self.case.twice:
            await asyncio.to_thread(do, *args)
        return await asyncio.to_thread(do, *args)

    async def sleep(self, seconds: float) -> None:
        self.case.live(seconds)

    async def wait(self, topic: str, *, seconds: float) -> Json:
        if not topic.startswith("approval-"):
            self.case.mended, self.case.metrics.broken = True, None
            self.case.live(120.0)
            return None
        mitigation = self.case.database.mitigations.get(topic.removeprefix("approval-"))
        if self.case.people is None:
            self.case.live(seconds)
            return None
        self.case.live(1.0)
        self.case.people(self.case, mitigation)
        return None
