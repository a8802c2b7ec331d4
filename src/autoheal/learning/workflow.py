"""The learning run of one closed incident: five lessons in order, each with its proof or a reason."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps

from autoheal.domain.proposal import ProposalKind
from autoheal.learning.alert_tuning import plan_tuning
from autoheal.learning.decision_trace import plan_decision
from autoheal.learning.fix_pr import plan_fix
from autoheal.learning.lessons import Lessons
from autoheal.learning.model_watch import plan_watch
from autoheal.learning.proposing import propose
from autoheal.learning.prose import write_account
from autoheal.learning.skill_pr import plan_skill
from autoheal.learning.thinking import mind_of
from autoheal.ports.reasoning import Stage
from autoheal.ports.runs import Run


async def learn(run: Run, lessons: Lessons, incident_id: str) -> None:
    """The five proposals of an incident, and its account; each step looks whether it was already done."""

    async def step(do: Callable[[Lessons, str], str]) -> str:
        return await run.step(_bound(do, lessons), incident_id)

    await step(fix)
    await step(observability)
    await step(alert_tuning)
    await step(decision_trace)
    await step(skill)
    if mind_of(lessons, Stage.WRITE) is not None:
        await step(write_account)


def fix(lessons: Lessons, incident_id: str) -> str:
    """The cause itself, undone or restored, with a test that failed before."""
    return propose(lessons, incident_id, ProposalKind.FIX, plan_fix)


def observability(lessons: Lessons, incident_id: str) -> str:
    """An alert on the signal that would have shown it sooner."""
    return propose(lessons, incident_id, ProposalKind.OBSERVABILITY, plan_watch)


def alert_tuning(lessons: Lessons, incident_id: str) -> str:
    """Fewer pages that nobody needed, and no true incident lost."""
    return propose(lessons, incident_id, ProposalKind.ALERT_TUNING, plan_tuning)


def decision_trace(lessons: Lessons, incident_id: str) -> str:
    """What was net new to what is known of production."""
    return propose(lessons, incident_id, ProposalKind.DECISION_TRACE, plan_decision)


def skill(lessons: Lessons, incident_id: str) -> str:
    """How to handle the next one of the family."""
    return propose(lessons, incident_id, ProposalKind.SKILL, plan_skill)


def _bound(do: Callable[[Lessons, str], str], lessons: Lessons) -> Callable[[str], str]:
    @wraps(do)
    def bound(incident_id: str) -> str:
        return do(lessons, incident_id)

    return bound
