"""The healing run of one incident, from first look to hand-over, as straight-line code.

Every step may be repeated after a crash; each one reads what is stored before it does anything again.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from functools import wraps

from autoheal.domain.investigation import VerdictKind
from autoheal.domain.mitigation import MitigationState, VerificationResult
from autoheal.healing.ask import ask, take_answer
from autoheal.healing.close import close, hand_over, note_recovery
from autoheal.healing.correct import CORRECTED, was_corrected
from autoheal.healing.decide import AUTOMATIC, DENIED, decide, settle
from autoheal.healing.dispute import disputed
from autoheal.healing.escalate import escalate
from autoheal.healing.investigate import investigate
from autoheal.healing.last_look import RECOVERED, last_look
from autoheal.healing.mitigate import NOTHING_TO_UNDO, mitigate, undo
from autoheal.healing.recall_first import recall_first
from autoheal.healing.responder import Responder
from autoheal.healing.triage import triage
from autoheal.healing.verify import PENDING, verify
from autoheal.ports.runs import Run

Stage = Callable[..., str]
Step = Callable[..., Awaitable[str]]

CAUSE, NOISE, NOTHING = VerdictKind.CAUSE, VerdictKind.NOISE, VerdictKind.INCONCLUSIVE
HELPED, NEXT, STOP = "helped", "next", "stop"
UNDONE = MitigationState.UNDONE


async def heal(run: Run, responder: Responder, incident_id: str) -> None:
    """Bring one incident to its end: mitigated, dismissed as noise, or in the hands of a person."""

    async def step(do: Stage, *args: object) -> str:
        return await run.step(_bound(do, responder), *args)

    await run.sleep(responder.settings.settle_seconds)
    await step(triage, incident_id)
    why_a_person = await _stop_the_pain(run, step, responder, incident_id)
    if why_a_person:
        await step(escalate, incident_id, why_a_person)
        await _await_recovery(run, step, incident_id)
    await step(close, incident_id)
    await step(hand_over, incident_id)


async def _stop_the_pain(run: Run, step: Step, responder: Responder, incident_id: str) -> str:
    """Try cause after cause; returns why a person is needed, or nothing when none is."""
    for attempt in range(1, responder.settings.max_attempts + 1):
        found = await _find_cause(run, step, responder, incident_id, attempt)
        if found == RECOVERED or (found == NOISE and attempt == 1):
            return ""
        if found != CAUSE and await _asked(run, step, incident_id) != CAUSE:
            return await step(disputed, incident_id) or "no cause could be established"
        acted = await _act(run, step, responder, incident_id, attempt)
        if acted in (HELPED, RECOVERED):
            return ""
        if acted == STOP:
            return "no mitigation that policy allows is left"
    return "no mitigation helped"


async def _find_cause(run: Run, step: Step, responder: Responder, incident_id: str, attempt: int) -> str:
    """Ask memory first; investigate when it does not serve; look again while nothing is clear yet."""
    if attempt == 1 and await step(recall_first, incident_id) == CAUSE:
        return CAUSE
    found: str = NOTHING
    for looked in range(responder.settings.max_looks):
        if looked:
            await run.sleep(responder.settings.second_look_seconds)
        found = await step(investigate, incident_id, attempt, looked)
        if found in (CAUSE, RECOVERED):
            return found
    return found


async def _asked(run: Run, step: Step, incident_id: str) -> str:
    """Ask one person who may know, and wait as long as the pain allows; silence leaves it to a page."""
    patience, _, question_id = (await step(ask, incident_id)).partition(" ")
    if not question_id:
        return NOTHING
    if float(patience):
        await run.wait(f"answer-{question_id}", seconds=float(patience))
    return await step(take_answer, question_id)


async def _act(run: Run, step: Step, responder: Responder, incident_id: str, attempt: int) -> str:
    """Decide, get the yes where one is needed, mitigate, verify, and undo what did not help."""
    ruling, _, mitigation_id = (await step(decide, incident_id, attempt)).partition(" ")
    if ruling == DENIED:
        return STOP
    if ruling != AUTOMATIC and not await _approved(run, step, responder, mitigation_id):
        return NEXT if await step(was_corrected, mitigation_id) == CORRECTED else STOP
    if await step(last_look, incident_id, mitigation_id) == RECOVERED:
        return RECOVERED
    if await step(mitigate, mitigation_id) != MitigationState.EXECUTED:
        return STOP
    while (result := await step(verify, mitigation_id)) == PENDING:
        await run.sleep(responder.settings.verify_poll_seconds)
    if result == VerificationResult.HELPED:
        return HELPED
    return NEXT if await step(undo, mitigation_id) in (UNDONE, NOTHING_TO_UNDO) else STOP


async def _approved(run: Run, step: Step, responder: Responder, mitigation_id: str) -> bool:
    """Wait for the people; silence is a no."""
    limit = responder.policy().approval.ttl.total_seconds()
    while (said := await step(settle, mitigation_id)) == PENDING:
        await run.wait(f"approval-{mitigation_id}", seconds=limit)
    return said == MitigationState.APPROVED


async def _await_recovery(run: Run, step: Step, incident_id: str) -> None:
    """Wait, for days if need be, until the sources say that it is over."""
    while await step(note_recovery, incident_id) == PENDING:
        await run.wait("resolved", seconds=86_400)


def _bound(do: Stage, responder: Responder) -> Stage:
    """The stage as a step: its name stays, so that a run finds it again after a restart."""

    @wraps(do)
    def bound(*args: object) -> str:
        return do(responder, *args)

    return bound
