"""Memory first: a reviewed skill answers, if its own diagnosis holds on what is measured now."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType

from autoheal.domain.errors import ConfigError
from autoheal.domain.investigation import Hypothesis, HypothesisState, Mechanism
from autoheal.domain.mitigation import ActionKind
from autoheal.domain.skill import DecisionRule, Skill, Trust
from autoheal.graph.skills import Fit, candidates, deepest, fitting
from autoheal.graph.tried import FAILURES
from autoheal.healing.settings import HealingSettings
from autoheal.healing.skill_run import Asker, Diagnosed, Moment, OutOfBudgetError, Watch, diagnose_with

MAX_CANDIDATES = 12


@dataclass(frozen=True, slots=True, kw_only=True)
class Situation:
    """What is known when an alert group is fresh: labels of its alerts, where it hurts, who calls whom."""

    incident_id: str
    alerts: Sequence[Mapping[str, str]]
    services: Sequence[str]
    origin: str | None
    signature: str
    calls: Sequence[tuple[str, str]]
    moment: Moment
    failed: Mapping[str, int] = field(default_factory=dict)
    """Skills by name whose diagnosis did not hold for such alerts, with how often in a row."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Recalled:
    """A skill's diagnosis held for one service: what it says, what to do, and how we got there."""

    skill: Skill
    service: str
    hypothesis: Hypothesis
    mitigation: ActionKind | None
    path: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class NotRecalled:
    """Memory did not serve; contradicted names the skills whose match fitted but whose diagnosis did not."""

    path: tuple[str, ...]
    contradicted: tuple[str, ...] = ()
    shadows: tuple[Recalled, ...] = ()
    """What skills that have yet to earn an answer would have said."""


def recall(
    situation: Situation, skills: Sequence[Skill], gatherer: Asker, settings: HealingSettings
) -> Recalled | NotRecalled:
    """The first fitting skill whose diagnosis holds for exactly one service; evidence wins over memory."""
    watch = Watch(gatherer, settings, situation.moment)
    fits = fitting(skills, alerts=situation.alerts, signature=situation.signature)
    path: list[str] = [] if fits else ["recall: no skill is known for these alerts"]
    fits = _what_failed_last(fits, situation.failed, path)
    contradicted: list[str] = []
    for fit in (fit for fit in fits if usable(fit.skill)):
        found = _try(fit, situation, watch, path)
        if found is not None:
            return _recalled(fit.skill, found, situation, path)
        contradicted.append(fit.skill.reference)
    shadows = _shadows([fit for fit in fits if not usable(fit.skill)], situation, watch, path)
    return NotRecalled(path=tuple(path), contradicted=tuple(contradicted), shadows=shadows)


def _what_failed_last(fits: list[Fit], failed: Mapping[str, int], path: list[str]) -> list[Fit]:
    """Skills in the order to try them: those that failed again and again on such alerts come last."""
    worn = [fit for fit in fits if failed.get(fit.skill.name, 0) >= FAILURES]
    path += [
        f"recall: {fit.skill.reference} is tried later: its diagnosis did not hold the last"
        f" {failed[fit.skill.name]} times for such alerts"
        for fit in worn
    ]
    return [fit for fit in fits if fit not in worn] + worn


def usable(skill: Skill) -> bool:
    """Whether the skill may answer; below that it runs beside the investigation and has to agree."""
    return skill.trust.rung >= Trust.ASSISTED.rung


def _shadows(
    fits: Sequence[Fit], situation: Situation, watch: Watch, path: list[str]
) -> tuple[Recalled, ...]:
    found: list[Recalled] = []
    for fit in fits:
        path.append(f"recall: {fit.skill.reference} ({fit.skill.trust}) is not trusted enough to answer")
        said = _try(fit, situation, watch, path) if fit.skill.trust is Trust.SHADOW else None
        found += [_recalled(fit.skill, said, situation, path)] if said is not None else []
    return tuple(found)


def _try(fit: Fit, situation: Situation, watch: Watch, path: list[str]) -> Diagnosed | None:
    skill = fit.skill
    stale = ", stale" if skill.stale else ""
    path.append(f"recall: {skill.reference} fits by {fit.why} (trust: {skill.trust}{stale})")
    watch.allow(skill)
    asked = candidates(
        situation.services, situation.calls, origin=situation.origin, max_hops=skill.match.max_hops
    )
    holding: list[Diagnosed] = []
    suffering: list[str] = []
    try:
        for service in asked[:MAX_CANDIDATES]:
            diagnosed = _diagnosed(skill, service, watch)
            path.append(f"recall: {skill.reference} on {service}: {diagnosed.why}")
            holding += [diagnosed] if diagnosed.rule else []
            suffering += [service] if diagnosed.suffers else []
    except OutOfBudgetError:
        path.append(f"recall: {skill.reference} needs more queries than it may ask: not used")
        return None
    return _single(holding, suffering, situation.calls, path)


def _diagnosed(skill: Skill, service: str, watch: Watch) -> Diagnosed:
    """What the skill finds there; of a service whose name no query may hold, that it was not asked."""
    try:
        return diagnose_with(skill, service, watch)
    except ConfigError as error:
        return Diagnosed(service=service, rule=None, why=f"not asked: {error}")


def _single(
    holding: Sequence[Diagnosed],
    suffering: Sequence[str],
    calls: Sequence[tuple[str, str]],
    path: list[str],
) -> Diagnosed | None:
    """The one service that the diagnosis holds for, once a caller's pain is explained by its callee's."""
    names = [found.service for found in holding]
    left = [name for name in deepest([*names, *suffering], calls) if name in names]
    path += [f"recall: the pain of {n} is explained by what it calls" for n in names if n not in left]
    if len(left) > 1:
        path.append(f"recall: it holds for {', '.join(left)} and does not tell them apart")
    return next((found for found in holding if left == [found.service]), None)


def _recalled(skill: Skill, found: Diagnosed, situation: Situation, path: Sequence[str]) -> Recalled:
    rule = found.rule
    assert rule is not None  # noqa: S101  _single picks only services whose rule held
    mitigation = ActionKind(skill.mitigations[rule.mitigate]) if rule.mitigate else None
    hypothesis = Hypothesis(
        id=f"{situation.incident_id}.recall",
        entity=found.service,
        mechanism=mechanism_of(rule),
        statement=f"{found.service}: {rule.failure_mode.replace('_', ' ')}, known from {skill.reference}",
        score=rule.confidence,
        confidence=rule.confidence,
        author=f"skill:{skill.reference}",
        state=HypothesisState.LEADING,
        change_id=found.change_id,
        remediations=(mitigation,) if mitigation else (),
        claims_for=found.claims,
        shows_as=shown_by(rule),
    )
    return Recalled(
        skill=skill, service=found.service, hypothesis=hypothesis, mitigation=mitigation, path=tuple(path)
    )


def mechanism_of(rule: DecisionRule) -> Mechanism:
    """The mechanism of a failure mode: the kind of change that it blames, else how it shows."""
    change = rule.failure_mode.partition("/")[2]
    return _CHANGED.get(change) or shown_by(rule)


def shown_by(rule: DecisionRule) -> Mechanism:
    """How a failure mode shows, which is what it begins with, as in `errors` or `errors/deploy`."""
    word = rule.failure_mode.partition("/")[0]
    return Mechanism(word) if word in set(Mechanism) else Mechanism.UNKNOWN


_CHANGED: Mapping[str, Mechanism] = MappingProxyType(
    {
        "deploy": Mechanism.DEPLOY,
        "config": Mechanism.CONFIGURATION,
        "flag": Mechanism.CONFIGURATION,
    }
)
