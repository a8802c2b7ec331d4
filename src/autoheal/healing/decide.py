"""Choose one action for the leading hypothesis, put it before policy, and collect the yes it needs."""

from __future__ import annotations

import hashlib
from contextlib import suppress
from dataclasses import replace
from datetime import timedelta

from autoheal.domain.approval import Decision
from autoheal.domain.errors import NotFoundError, UnreachableError, WorldError
from autoheal.domain.incident import Incident, IncidentEvent, IncidentState
from autoheal.domain.investigation import Hypothesis, Investigation
from autoheal.domain.mitigation import (
    Mitigation,
    MitigationEvent,
    MitigationState,
)
from autoheal.domain.skill import Trust
from autoheal.healing.changes import change_of
from autoheal.healing.options import Option, options
from autoheal.healing.responder import Responder
from autoheal.healing.rules import expressions_now
from autoheal.healing.skill_credit import live_skills
from autoheal.healing.symptom import check_of
from autoheal.healing.verify import PENDING, severity_score
from autoheal.policy.ruling import Permission, Ruling, Situation, rule_on
from autoheal.ports.production import TargetState

AUTOMATIC, NEEDS_APPROVAL, DENIED = Permission.AUTOMATIC, Permission.NEEDS_APPROVAL, Permission.DENIED


def decide(responder: Responder, incident_id: str, attempt: int) -> str:
    """Propose the best action that policy does not deny: `<permission> <mitigation id>`, or `denied `."""
    investigation = current(responder, incident_id)
    incident = _deciding(responder, incident_id)
    proposed = _already(responder, incident_id, investigation)
    if proposed is not None:
        return f"{AUTOMATIC if proposed.approvals_needed == 0 else NEEDS_APPROVAL} {proposed.id}"
    hypothesis = investigation.leading
    if hypothesis is None:
        return f"{DENIED} "
    for option, state in _options(responder, incident, hypothesis):
        situation = _situation(responder, incident, hypothesis, state)
        situation = replace(situation, unreviewed=investigation.unreviewed)
        ruling = rule_on(responder.policy(), option.action, situation)
        _log_ruling(responder, incident_id, option, ruling)
        if ruling.permission is not DENIED:
            mitigation = _propose(responder, incident, hypothesis, (option, state, ruling))
            return f"{ruling.permission} {mitigation.id}"
    responder.note(incident_id, "decision", f"attempt {attempt}: no action is possible and allowed")
    return f"{DENIED} "


def settle(responder: Responder, mitigation_id: str) -> str:
    """What the people said so far: pending, approved, rejected or expired."""
    mitigation = responder.mitigations.get(mitigation_id)
    if mitigation.state is not MitigationState.PROPOSED:
        return mitigation.state
    _await_approval(responder, mitigation.incident_id)
    event = _answer(responder, mitigation)
    if event is None:
        return PENDING
    moved = mitigation.move(event)
    with responder.whole():
        responder.mitigations.transition(moved, expected_state=mitigation.state)
        responder.note(mitigation.incident_id, "human", f"{mitigation.action}: {moved.state}")
    return moved.state


def remind(responder: Responder) -> None:
    """Tell the runs again of every answer they may not have heard: a kill may have come before the first."""
    for group in responder.alerts.open_groups():
        for mitigation in responder.mitigations.of_incident(group.incident_id):
            if mitigation.state is MitigationState.PROPOSED:
                for said in responder.mitigations.approvals(mitigation.id):
                    topic = f"approval-{mitigation.id}"
                    with suppress(WorldError):  # one run that cannot hear keeps no other from hearing
                        responder.runs.tell(
                            "heal", group.incident_id, topic, said.decision.value, once=said.id
                        )


def _answer(responder: Responder, mitigation: Mitigation) -> MitigationEvent | None:
    said = [a for a in responder.mitigations.approvals(mitigation.id) if a.digest == mitigation.digest]
    if any(a.decision is Decision.REJECTED for a in said):
        return MitigationEvent.REJECT
    if len({a.actor for a in said}) >= mitigation.approvals_needed:
        return MitigationEvent.APPROVE
    expired = responder.clock.now() >= mitigation.expires_at
    return MitigationEvent.EXPIRE if expired else None


def current(responder: Responder, incident_id: str) -> Investigation:
    """The latest investigation; raises NotFoundError before the first."""
    found = responder.incidents.investigations(incident_id)
    if not found:
        raise NotFoundError(f"incident {incident_id} was not investigated yet")
    return found[-1]


def _deciding(responder: Responder, incident_id: str) -> Incident:
    incident = responder.incidents.get(incident_id)
    if incident.state is IncidentState.INVESTIGATING:
        incident = responder.move(incident, IncidentEvent.DECIDE)
    return incident


def _await_approval(responder: Responder, incident_id: str) -> None:
    incident = responder.incidents.get(incident_id)
    if incident.state is IncidentState.DECIDING:
        responder.move(incident, IncidentEvent.ASK_APPROVAL)


def _already(responder: Responder, incident_id: str, investigation: Investigation) -> Mitigation | None:
    """What this step proposed before a crash made it run again."""
    leading = investigation.leading
    for mitigation in responder.mitigations.of_incident(incident_id):
        fits = leading is not None and mitigation.hypothesis_id == leading.id
        if fits and mitigation.state in (MitigationState.PROPOSED, MitigationState.APPROVED):
            return mitigation
    return None


def _options(
    responder: Responder, incident: Incident, hypothesis: Hypothesis
) -> list[tuple[Option, TargetState]]:
    try:
        state = responder.actuator.state(hypothesis.entity)
    except (NotFoundError, UnreachableError) as error:
        text = f"{hypothesis.entity} cannot be acted on: {error}"
        responder.note(incident.id, "decision", text)
        return []
    change = change_of(responder.incidents, incident.id, hypothesis.change_id)
    tried = tuple(m.action for m in responder.mitigations.of_incident(incident.id) if m.executed_at)
    return [(option, state) for option in options(hypothesis, state, change, tried=tried)]


def _situation(
    responder: Responder, incident: Incident, hypothesis: Hypothesis, state: TargetState
) -> Situation:
    now = responder.clock.now()
    return Situation(
        now=now,
        environment=incident.environment,
        incident_id=incident.id,
        killed=responder.stopped(),
        recent=responder.mitigations.since(now - timedelta(hours=24)),
        open_incidents=sum(not other.settled for other in responder.incidents.list()),
        confidence=hypothesis.confidence,
        signals=signals(hypothesis),
        trust=_trust(responder, hypothesis),
        healthy_peers=state.healthy_peers,
        replicas=state.replicas,
        change_in_progress=state.change_in_progress,
        author=hypothesis.author,
    )


def signals(hypothesis: Hypothesis) -> int:
    """How many different sources, by their evidence, speak for the hypothesis."""
    return len({reading.subject for claim in hypothesis.claims_for for reading in claim.readings})


def _trust(responder: Responder, hypothesis: Hypothesis) -> Trust | None:
    """What the skill behind it has earned as it stands now; none where it stands there no more."""
    kind, _, reference = hypothesis.author.partition(":")
    if kind != "skill":
        return None
    known = {skill.reference: skill for skill in live_skills(responder, expressions_now(responder))}
    return known[reference].trust if reference in known else Trust.CANDIDATE


def _propose(
    responder: Responder,
    incident: Incident,
    hypothesis: Hypothesis,
    choice: tuple[Option, TargetState, Ruling],
) -> Mitigation:
    option, state, ruling = choice
    now = responder.clock.now()
    mitigation = Mitigation(
        id=responder.ids.new("mit"),
        incident_id=incident.id,
        hypothesis_id=hypothesis.id,
        action=option.action,
        way_back=option.way_back,
        tier=ruling.tier,
        expected_effect=option.expected_effect,
        blast_radius=_blast_radius(incident, state),
        check=check_of(responder, incident.id),
        target_version=state.version,
        baseline_score=_baseline(responder, incident),
        evidence_digest=_digest(hypothesis),
        policy_version=ruling.policy_version,
        proposed_by=hypothesis.author,
        proposed_at=now,
        expires_at=now + responder.policy().approval.ttl,
        state=MitigationState.PROPOSED if ruling.approvals_needed else MitigationState.APPROVED,
        rule=ruling.rule,
        approvals_needed=ruling.approvals_needed,
        skill=hypothesis.author.removeprefix("skill:") if hypothesis.author.startswith("skill:") else None,
        plan=responder.actuator.plan(option.action),
    )
    with responder.whole():
        responder.mitigations.save(mitigation)
        text = f"proposed: {option.action}; {ruling.permission} ({ruling.rule})"
        responder.note(incident.id, "decision", text)
    return mitigation


def _blast_radius(incident: Incident, state: TargetState) -> str:
    others = [service for service in incident.services if service != state.target]
    through = f"; callers {', '.join(others)} notice a pause" if others else ""
    return f"{state.target}, {state.replicas} replica(s), {state.healthy_peers} healthy peer(s){through}"


def _baseline(responder: Responder, incident: Incident) -> float:
    gatherer = responder.gatherer.for_stage(incident.id, "decide")
    now = responder.clock.now().timestamp()
    return severity_score(gatherer, incident.services, at=now, label=responder.settings.entity_label)


def _digest(hypothesis: Hypothesis) -> str:
    cited = sorted({i for claim in hypothesis.claims_for for i in claim.evidence_ids})
    return hashlib.sha256("\n".join(cited).encode()).hexdigest()


def _log_ruling(responder: Responder, incident_id: str, option: Option, ruling: Ruling) -> None:
    body = {
        "action": str(option.action),
        "permission": ruling.permission,
        "rule": ruling.rule,
        "reason": ruling.reason,
        "policy": ruling.policy_version,
    }
    responder.audit.append(incident_id=incident_id, kind="ruling", actor="policy", body=body)
