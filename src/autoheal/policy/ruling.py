"""May this action run now? A pure function of policy, situation and action; doubt means no."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from fnmatch import fnmatchcase

from autoheal.domain.mitigation import Action, ActionKind, Mitigation, MitigationState, Tier
from autoheal.domain.skill import Trust
from autoheal.policy.policy import ActionRule, Mode, Policy

_UNDER_WAY = frozenset({MitigationState.INTENDED, MitigationState.EXECUTED, MitigationState.UNDOING})
_RAN = _UNDER_WAY | {
    MitigationState.VERIFIED,
    MitigationState.UNDONE,
    MitigationState.FAILED,
    MitigationState.UNKNOWN,
}
_DID_NOT_HELP = frozenset({MitigationState.UNDONE, MitigationState.FAILED, MitigationState.UNKNOWN})


class Permission(StrEnum):
    """What policy says."""

    AUTOMATIC = "automatic"
    NEEDS_APPROVAL = "needs_approval"
    DENIED = "denied"


@dataclass(frozen=True, slots=True, kw_only=True)
class Ruling:
    """The decision with the rule that made it."""

    permission: Permission
    rule: str
    reason: str
    tier: Tier
    policy_version: str
    approvals_needed: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Situation:
    """All that a ruling may depend on; recent are the mitigations of the last 24 hours, of all incidents."""

    now: datetime
    environment: str
    incident_id: str
    killed: str | None
    recent: Sequence[Mitigation]
    open_incidents: int
    confidence: float
    signals: int
    trust: Trust | None
    healthy_peers: int
    replicas: int
    change_in_progress: bool
    author: str = "engine"
    unreviewed: str = ""
    """Why the finding does not count as reviewed; empty where it does."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Question:
    policy: Policy
    action: Action
    situation: Situation

    @property
    def rule(self) -> ActionRule:
        return self.policy.actions[self.action.kind]

    @property
    def others_on_target(self) -> list[Mitigation]:
        return [m for m in self.situation.recent if m.action.target == self.action.target]


def rule_on(policy: Policy, action: Action, situation: Situation) -> Ruling:
    """The first rule that objects decides; without objection the environment's mode does."""
    question = _Question(policy=policy, action=action, situation=situation)
    for name, objection in _OBJECTIONS:
        reason = objection(question)
        if reason is not None:
            return _ruling(question, Permission.DENIED, name, reason)
    return _permission(question)


def _permission(question: _Question) -> Ruling:
    for name, doubt in _DOUBTS:
        reason = doubt(question)
        if reason is not None:
            return _ruling(question, Permission.NEEDS_APPROVAL, name, reason)
    return _ruling(question, Permission.AUTOMATIC, "mode.auto", "nothing in the policy objects")


def _ruling(question: _Question, permission: Permission, name: str, reason: str) -> Ruling:
    policy = question.policy
    listed = policy.actions.get(question.action.kind)
    tier = listed.tier if listed else Tier.HIGH
    wanted = policy.approval.needed_high_tier if tier is Tier.HIGH else policy.approval.needed
    return Ruling(
        permission=permission,
        rule=name,
        reason=reason,
        tier=tier,
        policy_version=policy.version,
        approvals_needed=wanted if permission is Permission.NEEDS_APPROVAL else 0,
    )


# ---------------------------------------------------------------- objections: the answer is no


def _killed(q: _Question) -> str | None:
    return f"everything is stopped: {q.situation.killed}" if q.situation.killed is not None else None


def _observe_only(q: _Question) -> str | None:
    mode = q.policy.environment(q.situation.environment).mode
    return f"{q.situation.environment} is in observe mode" if mode is Mode.OBSERVE else None


def _unlisted(q: _Question) -> str | None:
    return None if q.action.kind in q.policy.actions else f"{q.action.kind} is not in the allow-list"


def _protected(q: _Question) -> str | None:
    hit = next((p for p in q.policy.protected if fnmatchcase(q.action.target, p)), None)
    return f"{q.action.target} is protected by {hit}" if hit else None


def _frozen(q: _Question) -> str | None:
    for freeze in q.policy.freeze:
        if freeze.active(q.situation.now) and q.action.kind not in freeze.allow:
            return f"freeze {freeze.name} allows only {', '.join(freeze.allow)}"
    return None


def _human_at_work(q: _Question) -> str | None:
    return f"a change of {q.action.target} is in progress" if q.situation.change_in_progress else None


def _no_healthy_peer(q: _Question) -> str | None:
    if q.rule.require_healthy_peer and q.situation.healthy_peers < 1:
        return f"{q.action.target} has no healthy peer to carry the load meanwhile"
    return None


def _scale_out_of_bounds(q: _Question) -> str | None:
    if q.action.kind is not ActionKind.SCALE:
        return None
    wanted = q.action.parameters.get("replicas")
    if not isinstance(wanted, int) or wanted < 1:
        return "scale needs a whole number of replicas of at least 1"
    highest = min(q.rule.max_replicas, int(max(q.situation.replicas, 1) * q.rule.max_factor))
    return f"{wanted} replicas are more than the {highest} allowed" if wanted > highest else None


def _flag_not_allowed(q: _Question) -> str | None:
    if q.action.kind is not ActionKind.SET_FLAG:
        return None
    flag = str(q.action.parameters.get("flag", ""))
    allowed = any(fnmatchcase(flag, pattern) for pattern in q.rule.flags_allow)
    return None if flag and allowed else f"flag {flag!r} is not in flags_allow"


def _rate_per_incident(q: _Question) -> str | None:
    ran = [m for m in q.situation.recent if m.incident_id == q.situation.incident_id and m.state in _RAN]
    limit = (q.policy.environment(q.situation.environment).rates or q.policy.rates).per_incident
    return f"{len(ran)} mitigations already ran in this incident" if len(ran) >= limit else None


def _rate_per_target(q: _Question) -> str | None:
    ran = [m for m in q.others_on_target if m.state in _RAN]
    limit = (q.policy.environment(q.situation.environment).rates or q.policy.rates).per_target_24h
    return f"{len(ran)} mitigations of {q.action.target} in 24 hours" if len(ran) >= limit else None


def _rate_global(q: _Question) -> str | None:
    hour_ago = q.situation.now - timedelta(hours=1)
    ran = [m for m in q.situation.recent if m.state in _RAN and (m.executed_at or m.proposed_at) >= hour_ago]
    limit = (q.policy.environment(q.situation.environment).rates or q.policy.rates).global_1h
    return f"{len(ran)} mitigations in the last hour" if len(ran) >= limit else None


def _cooling_down(q: _Question) -> str | None:
    cooldown = q.policy.environment(q.situation.environment).cooldown or q.policy.cooldown
    for other in q.others_on_target:
        if other.executed_at is None:
            continue
        rest = cooldown.after_failed_verify if other.state in _DID_NOT_HELP else cooldown.same_target
        if other.action == q.action and q.situation.now < other.executed_at + rest:
            return f"the same action ran at {other.executed_at.isoformat(timespec='seconds')}"
    return None


def _lost_track(q: _Question) -> str | None:
    lost = [m for m in q.others_on_target if m.state is MitigationState.UNKNOWN]
    return f"what became of {lost[0].id} is unknown: a person must look first" if lost else None


def _busy_target(q: _Question) -> str | None:
    busy = [m for m in q.others_on_target if m.state in _UNDER_WAY]
    limit = q.policy.concurrency.per_target
    return f"{busy[0].id} is under way on {q.action.target}" if busy and len(busy) >= limit else None


def _busy_everywhere(q: _Question) -> str | None:
    busy = [m for m in q.situation.recent if m.state in _UNDER_WAY]
    return f"{len(busy)} mitigations are under way" if len(busy) >= q.policy.concurrency.total else None


_Rule = Callable[[_Question], str | None]
_OBJECTIONS: tuple[tuple[str, _Rule], ...] = (
    ("kill_switch", _killed),
    ("mode.observe", _observe_only),
    ("actions.unlisted", _unlisted),
    ("protected", _protected),
    ("freeze", _frozen),
    ("concurrency.human_change", _human_at_work),
    ("actions.require_healthy_peer", _no_healthy_peer),
    ("actions.scale", _scale_out_of_bounds),
    ("actions.flags_allow", _flag_not_allowed),
    ("unknown_outcome", _lost_track),
    ("cooldown", _cooling_down),
    ("rates.per_incident", _rate_per_incident),
    ("rates.per_target_24h", _rate_per_target),
    ("rates.global_1h", _rate_global),
    ("concurrency.per_target", _busy_target),
    ("concurrency.total", _busy_everywhere),
)


# ---------------------------------------------------------------- doubts: a person decides


def _not_automatic_here(q: _Question) -> str | None:
    mode = q.policy.environment(q.situation.environment).mode
    return None if mode is Mode.AUTO else f"{q.situation.environment} is in {mode} mode"


def _high_tier(q: _Question) -> str | None:
    return f"{q.action.kind} is of high tier" if q.rule.tier is Tier.HIGH else None


def _storm(q: _Question) -> str | None:
    limit, count = q.policy.storm.open_incidents, q.situation.open_incidents
    return f"{count} incidents are open at once" if count > limit else None


def _weak_evidence(q: _Question) -> str | None:
    wanted = q.policy.evidence.independent_signals
    if q.situation.signals < wanted:
        return f"{q.situation.signals} independent kinds of evidence, {wanted} are needed"
    return None


def _unsure(q: _Question) -> str | None:
    if q.situation.trust is not None:
        return None
    wanted, confidence = q.policy.evidence.min_confidence, q.situation.confidence
    return f"confidence {confidence:.2f} is below {wanted:.2f}" if confidence < wanted else None


def _word_alone(q: _Question) -> str | None:
    """A finding that rests on the word of a model or person may have been put in its mouth."""
    author = q.situation.author.partition(":")[0]
    allowed = author in q.policy.evidence.automatic_authors
    return None if allowed else f"it is the finding of {q.situation.author}: a person decides"


def _not_reviewed(q: _Question) -> str | None:
    why = q.situation.unreviewed
    return f"the finding is not reviewed ({why}): a person decides" if why else None


def _untrusted_skill(q: _Question) -> str | None:
    trust, wanted = q.situation.trust, q.policy.environment(q.situation.environment).min_trust
    if trust is None or trust.rung >= wanted.rung:
        return None
    return f"the skill is {trust}, {wanted} is needed to act alone"


_DOUBTS: tuple[tuple[str, _Rule], ...] = (
    ("mode", _not_automatic_here),
    ("tier.high", _high_tier),
    ("storm", _storm),
    ("evidence.independent_signals", _weak_evidence),
    ("evidence.min_confidence", _unsure),
    ("review", _not_reviewed),
    ("evidence.automatic_authors", _word_alone),
    ("trust", _untrusted_skill),
)
