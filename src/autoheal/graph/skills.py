"""Which skills may apply, to which services, and how far each one is trusted. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import sqrt

from autoheal.domain.skill import Matcher, Skill, Trust
from autoheal.graph.matchers import holds, without_service

LADDER: Mapping[Trust, tuple[float, int]] = {
    Trust.AUTO: (0.78, 10),
    Trust.TRUSTED: (0.6, 5),
    Trust.ASSISTED: (0.5, 3),
    Trust.SHADOW: (0.0, 1),
}
"""Least Wilson lower bound and number of verified outcomes for each rung, highest first."""

_Z = 1.645
"""One-sided 95 %."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Fit:
    """A skill that may apply, why, and how much its match asks for."""

    skill: Skill
    why: str
    specificity: int


def fitting(skills: Sequence[Skill], *, alerts: Sequence[Mapping[str, str]], signature: str) -> list[Fit]:
    """Skills that may apply to a group's alerts: stale ones last, exact keys first, then the specific."""
    fits = [fit for skill in skills if (fit := _fit(skill, alerts, signature)) is not None]
    return sorted(
        fits, key=lambda fit: (fit.skill.stale, -fit.specificity, -fit.skill.trust.rung, fit.skill.name)
    )


def _fit(skill: Skill, alerts: Sequence[Mapping[str, str]], signature: str) -> Fit | None:
    match = skill.match
    if any(_all_hold(block, labels) for block in match.none for labels in alerts):
        return None
    if signature and signature in match.signatures:
        return Fit(skill=skill, why=f"signature {signature}", specificity=1_000)
    named = [one for labels in alerts for one in (labels, _generic(labels))]
    found = [(b, labels) for b in match.alerts for labels in named if _all_hold(b, labels)]
    if not found:
        return None
    block, labels = max(found, key=lambda pair: _asked(pair[0]))
    return Fit(skill=skill, why=f"alert {labels.get('alertname', '')}", specificity=_asked(block))


def _generic(labels: Mapping[str, str]) -> Mapping[str, str]:
    """The same alert as a team that does not name its rules after itself would call it."""
    name = without_service(labels.get("alertname", ""), labels.get("service", ""))
    return {**labels, "alertname": name}


def _all_hold(block: Sequence[Matcher], labels: Mapping[str, str]) -> bool:
    return bool(block) and all(holds(matcher, labels) for matcher in block)


def _asked(block: Sequence[Matcher]) -> int:
    return sum(3 if m.operator == "=" else 2 if m.operator == "=~" else 1 for m in block)


def candidates(
    hurting: Sequence[str], calls: Sequence[tuple[str, str]], *, origin: str | None, max_hops: int
) -> list[str]:
    """Services that `$service` may stand for: where it hurts, what those call, then who calls them."""
    found = list(dict.fromkeys((*([origin] if origin else ()), *hurting)))
    below: dict[str, list[str]] = {name: [] for pair in calls for name in pair}
    above: dict[str, list[str]] = {name: [] for name in below}
    for caller, callee in calls:
        below[caller].append(callee)
        above[callee].append(caller)
    return list(dict.fromkeys((*_reached(found, below, max_hops), *_reached(found, above, 1))))


def _reached(start: Sequence[str], onward: Mapping[str, Sequence[str]], hops: int) -> list[str]:
    reached = list(start)
    frontier = reached
    for _ in range(hops):
        frontier = [n for name in frontier for n in onward.get(name, ()) if n not in reached]
        reached += dict.fromkeys(frontier)
    return reached


def deepest(holding: Sequence[str], calls: Sequence[tuple[str, str]]) -> list[str]:
    """Those that no other holding service explains: a caller's pain follows from its callee's."""
    below: dict[str, list[str]] = {}
    for caller, callee in calls:
        below.setdefault(caller, []).append(callee)

    def explained(name: str) -> bool:
        reach = [n for n in _reached([name], below, len(below) + 1) if n != name]
        return any(
            other in reach and name not in _reached([other], below, len(below) + 1) for other in holding
        )

    return [name for name in holding if not explained(name)]


def wilson_lower_bound(good: int, all_of_them: int) -> float:
    """The share of good outcomes that we may count on, at 95 % one-sided."""
    if all_of_them == 0:
        return 0.0
    share, square = good / all_of_them, _Z * _Z
    middle = share + square / (2 * all_of_them)
    margin = _Z * sqrt((share * (1 - share) + square / (4 * all_of_them)) / all_of_them)
    return (middle - margin) / (1 + square / all_of_them)


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcomes:
    """What came of a skill's uses, counted by incident; harmful means that it made things worse."""

    good: int = 0
    bad: int = 0
    harmful: int = 0


def merged_trust() -> Trust:
    """Where a skill starts when a person merges it: assisted.

    The incident it comes from was verified in production, its replay is green on that incident's recording,
    and the merge is a person's yes to exactly this text: the digest would change with one byte. That is what
    `assisted` asks for, which may only *propose*. Whether a proposal of that rung is carried out without a
    further yes is for policy to say: the sandbox's allows it for reversible actions, the default does not.
    """
    return Trust.ASSISTED


def trust_after(outcomes: Outcomes, *, start: Trust) -> Trust:
    """The rung that outcomes earn; none is lost by being unused, two by each harmful outcome."""
    total = outcomes.good + outcomes.bad + outcomes.harmful
    bound = wilson_lower_bound(outcomes.good, total)
    earned = (rung for rung, (least, count) in LADDER.items() if bound >= least and outcomes.good >= count)
    reached = max(start, next(earned, Trust.CANDIDATE), key=lambda trust: trust.rung)
    if outcomes.bad > outcomes.good:
        reached = Trust.SHADOW if reached.rung > Trust.SHADOW.rung else reached
    return lowered(reached, rungs=2 * outcomes.harmful)


def lowered(trust: Trust, *, rungs: int) -> Trust:
    """Some rungs further down, never below candidate."""
    return list(Trust)[max(trust.rung - rungs, 0)]


def after_change(trust: Trust) -> Trust:
    """When the text or what the skill binds to changed: back to shadow, never up."""
    return min(trust, Trust.SHADOW, key=lambda t: t.rung)
