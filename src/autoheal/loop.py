"""THE LOOP. Alerts in, healing, pull requests out: the whole product on one screen."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from autoheal.alerts.intake import Intake
from autoheal.healing.impact import ASK, answer_impact
from autoheal.healing.responder import Responder
from autoheal.healing.theory import WEIGH, weigh
from autoheal.healing.workflow import heal
from autoheal.learning.lessons import Lessons
from autoheal.learning.workflow import learn
from autoheal.ports.runs import Run, Workflow


@dataclass(frozen=True, slots=True, kw_only=True)
class Loop:
    """An alert opens an incident (intake), the incident is healed, the healed incident teaches."""

    intake: Intake
    responder: Responder
    lessons: Lessons

    def workflows(self) -> Mapping[str, Workflow]:
        """The durable runs by name: intake starts the first, that the second, a person the others."""

        async def heal_incident(run: Run, incident_id: str) -> None:
            await heal(run, self.responder, incident_id)

        async def learn_from(run: Run, incident_id: str) -> None:
            await learn(run, self.lessons, incident_id)

        async def weigh_theory(run: Run, subject: str) -> None:
            def weighed(subject: str) -> str:
                return weigh(self.responder, subject)

            await run.step(weighed, subject)

        async def answer_who(run: Run, subject: str) -> None:
            def answered(subject: str) -> str:
                return answer_impact(self.responder, subject.partition("|")[0])

            await run.step(answered, subject)

        return MappingProxyType(
            {"heal": heal_incident, "learn": learn_from, WEIGH: weigh_theory, ASK: answer_who}
        )
