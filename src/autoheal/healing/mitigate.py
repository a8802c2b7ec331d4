"""Acts at most once per decision: intent row, brake, fence, compare-and-set, and a record of the result.

A step may be repeated after a crash, so a mitigation that is already intended is never simply sent again:
the target is fenced and asked what became of the key first. What cannot be known goes to a person.
"""

from __future__ import annotations

from dataclasses import replace

from autoheal.domain.approval import Decision
from autoheal.domain.errors import (
    ConflictError,
    NotFoundError,
    RefusedError,
    StaleTargetError,
    UnreachableError,
)
from autoheal.domain.mitigation import Action, Mitigation, MitigationEvent, MitigationState
from autoheal.healing.responder import Responder
from autoheal.ports.production import EffectResult

NOTHING_TO_UNDO = "nothing_to_undo"


def mitigate(responder: Responder, mitigation_id: str) -> str:
    """Carry out an approved mitigation; returns its state: executed, failed, expired or unknown."""
    mitigation = responder.mitigations.get(mitigation_id)
    if mitigation.state is MitigationState.APPROVED:
        try:
            mitigation = _intend(responder, mitigation)
        except (RefusedError, ConflictError) as refusal:
            return _call_off(responder, mitigation, str(refusal))
    if mitigation.state is MitigationState.INTENDED:
        return _carry_out(responder, mitigation, mitigation.action, MitigationEvent.EXECUTE).state
    return mitigation.state


def undo(responder: Responder, mitigation_id: str) -> str:
    """Take the way back of an executed mitigation; returns undone, failed, unknown or nothing_to_undo."""
    mitigation = responder.mitigations.get(mitigation_id)
    way_back = mitigation.way_back
    if way_back is None and mitigation.state is MitigationState.EXECUTED:
        text = "did not help, and leaves nothing to undo"
        _record(responder, mitigation, MitigationEvent.FAIL, text)
        return NOTHING_TO_UNDO
    if way_back is None:
        return NOTHING_TO_UNDO
    if mitigation.state is MitigationState.EXECUTED:
        moved = mitigation.move(MitigationEvent.BEGIN_UNDO)
        if responder.mitigations.transition(moved, expected_state=mitigation.state):
            mitigation = moved
    if mitigation.state is MitigationState.UNDOING:
        return _carry_out(responder, mitigation, way_back, MitigationEvent.UNDO).state
    return mitigation.state


def _intend(responder: Responder, mitigation: Mitigation) -> Mitigation:
    now = responder.clock.now()
    reason = responder.stopped()
    if reason is not None:
        raise RefusedError("kill_switch", f"everything is stopped: {reason}")
    if now >= mitigation.expires_at:
        raise RefusedError("approval.expired", f"{mitigation.id} expired")
    intended = replace(mitigation.move(MitigationEvent.INTEND), executed_at=now)
    with responder.whole():
        _use_approvals(responder, mitigation)
        if not responder.mitigations.transition(intended, expected_state=MitigationState.APPROVED):
            raise ConflictError(f"{mitigation.id} was taken up elsewhere")
        _audit(responder, intended, "effect.intended", str(intended.action))
    return intended


def _use_approvals(responder: Responder, mitigation: Mitigation) -> None:
    """Use up one unused yes per needed approver; stored together with the intent row."""
    given = responder.mitigations.approvals(mitigation.id)
    yes = {a.actor: a for a in given if a.decision is Decision.APPROVED and a.digest == mitigation.digest}
    if len(yes) < mitigation.approvals_needed:
        missing = mitigation.approvals_needed - len(yes)
        raise RefusedError("approval.needed", f"{missing} approval(s) of this very action are missing")
    for approval in yes.values():
        if approval.used_at is None:
            used = approval.use(digest=mitigation.digest, now=responder.clock.now())
            responder.mitigations.use_approval(used)


def _call_off(responder: Responder, mitigation: Mitigation, why: str) -> str:
    called_off = replace(mitigation.move(MitigationEvent.EXPIRE), result=why)
    with responder.whole():
        if responder.mitigations.transition(called_off, expected_state=mitigation.state):
            _audit(responder, called_off, "effect.refused", why)
            responder.note(mitigation.incident_id, "action", f"not carried out: {why}")
    return responder.mitigations.get(mitigation.id).state


def _carry_out(
    responder: Responder, mitigation: Mitigation, action: Action, success: MitigationEvent
) -> Mitigation:
    key = f"{mitigation.id}:{success}:{mitigation.digest[:16]}"
    try:
        result = _outcome_or_act(responder, mitigation, action, key)
    except UnreachableError as error:
        return _reconcile(responder, mitigation, key, success, str(error))
    except (StaleTargetError, NotFoundError, RefusedError) as error:
        return _record(responder, mitigation, MitigationEvent.FAIL, str(error))
    return _record(responder, mitigation, success if result.done else MitigationEvent.FAIL, result.text)


def _outcome_or_act(responder: Responder, mitigation: Mitigation, action: Action, key: str) -> EffectResult:
    # First shut out whoever else may still be on the way (a paused worker, ourselves before a crash),
    # only then look: what the target says now can no longer change behind our back.
    epoch = responder.mitigations.next_epoch(action.target)
    responder.actuator.fence(action.target, epoch)
    already = responder.actuator.outcome(key)
    if already is not None:
        return already
    reason = responder.stopped()
    if reason is not None:
        raise RefusedError("kill_switch", f"everything is stopped: {reason}")
    version = _version(responder, mitigation, action)
    return responder.actuator.execute(action, key=key, version=version, epoch=epoch)


def _version(responder: Responder, mitigation: Mitigation, action: Action) -> int:
    """What was approved acts on the version that was looked at; the way back on the one we left behind."""
    if action == mitigation.action:
        return mitigation.target_version
    return responder.actuator.state(action.target).version


def _reconcile(
    responder: Responder, mitigation: Mitigation, key: str, success: MitigationEvent, why: str
) -> Mitigation:
    try:
        result = responder.actuator.outcome(key)
    except UnreachableError:
        text = f"{why}; the target cannot be asked what became of it"
        return _record(responder, mitigation, MitigationEvent.LOSE_TRACK, text)
    if result is None:
        # It may still be on its way: only a person can rule that out.
        text = f"{why}; the target has not seen it yet"
        return _record(responder, mitigation, MitigationEvent.LOSE_TRACK, text)
    return _record(responder, mitigation, success if result.done else MitigationEvent.FAIL, result.text)


def _record(responder: Responder, mitigation: Mitigation, event: MitigationEvent, text: str) -> Mitigation:
    moved = replace(mitigation.move(event), result=text)
    verb = "undid" if moved.state is MitigationState.UNDONE else moved.state
    with responder.whole():
        if responder.mitigations.transition(moved, expected_state=mitigation.state):
            _audit(responder, moved, f"effect.{moved.state}", text)
            responder.note(mitigation.incident_id, "action", f"{verb}: {mitigation.action}. {text}")
    return moved


def _audit(responder: Responder, mitigation: Mitigation, kind: str, text: str) -> None:
    responder.audit.append(
        incident_id=mitigation.incident_id,
        kind=kind,
        actor="autoheal",
        body={
            "mitigation": mitigation.id,
            "digest": mitigation.digest,
            "action": str(mitigation.action),
            "rule": mitigation.rule,
            "policy": mitigation.policy_version,
            "text": text,
        },
    )
