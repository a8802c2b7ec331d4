"""A skill written from an incident's discriminating evidence, never from free text. Pure."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from autoheal.diagnosis.kinds import Kind, meaning_of
from autoheal.diagnosis.metric_evidence import KIND_WEIGHTS, SYMPTOMS
from autoheal.domain.alert import Alert
from autoheal.domain.investigation import Mechanism
from autoheal.domain.mitigation import Mitigation
from autoheal.domain.skill import DecisionRule, DiagnosisStep, Match, Matcher, Skill
from autoheal.graph.matchers import without_service
from autoheal.graph.signature import class_of
from autoheal.graph.skill_text import quoted
from autoheal.graph.skill_tools import SERVICE, SERVICE_PATTERN
from autoheal.learning.material import Material, Signal, change_kind, family_of, signals

MAX_SIGNALS = 3
EARLY = "Early"
"""How the alerts begin that Observability PRs add; they may fire first the next time."""

CONFIDENCE = 0.9
"""A prior; outcomes move the trust in the skill, and policy weighs both."""

_SHARE = 0.15
"""How much of the recorded move counts as the same failure: another service fails on another scale."""
_NEAR = 0.5
_LEAST_AGE, _MOST_AGE = 60.0, 3_600.0


def drafts(material: Material) -> list[Skill] | str:
    """Skills for the family of a healed incident, the most telling first, or why there is none.

    Two signals tell a failure better than one; but one that moved late in this incident, or by chance, would
    keep the skill from knowing it again, so each alone is a candidate too.
    """
    helped = material.helped
    if material.cause is None or helped is None:
        return "no mitigation of a named cause was verified: there is nothing that may be repeated"
    if not material.alerts:
        return "the incident was opened by no alert: nothing tells when the skill applies"
    chosen = _telling(material, signals(material))
    if not chosen:
        return "no metric of the culprit moved clearly: nothing measurable would tell the failure again"
    sets = [chosen, *([signal] for signal in chosen if len(chosen) > 1)]
    if material.culprit is None:
        sets = [some for some in sets if not all(map(_mere_symptom, some))]
    if not sets:
        return "only requests suffered and no change is to blame: any failure looks so, nothing tells this"
    return [_skill(material, some, helped) for some in sets]


def _skill(material: Material, chosen: Sequence[Signal], helped: Mitigation) -> Skill:
    steps = _with_saves(chosen)
    change_step, on_change = _change(material)
    conditions = [
        *(_condition(step.save, signal) for step, signal in zip(steps, chosen, strict=True)),
        on_change,
    ]
    mitigation = helped.action.kind
    family = family_of(material)
    names = tuple(dict.fromkeys(alert.name for alert in _spoken(material)))
    return Skill(
        name=_slug(" ".join((family, *map(class_of, _spoken(material)[:1])))),
        version=1,
        description=_description(family, names),
        family=family,
        match=Match(
            signatures=(material.incident.signature,) if material.incident.signature else (),
            alerts=tuple(
                (Matcher(label="alertname", operator=operator, value=value),)
                for operator, value in (*_asked(material.alerts), ("=~", f"{EARLY}.*"))
            ),
        ),
        inputs={"service": SERVICE_PATTERN},
        diagnose=(*steps, change_step),
        decide=(
            DecisionRule(
                when=" && ".join(conditions),
                failure_mode=family,
                mitigate=mitigation.value,
                confidence=CONFIDENCE,
            ),
        ),
        mitigations={mitigation.value: mitigation.value},
        verify_expression=helped.check.expression.replace(f'"{helped.action.target}"', f'"{SERVICE}"'),
        verify_stable_seconds=max(helped.check.stable_seconds, 1.0),
        verify_within_seconds=max(helped.check.within_seconds, 1.0),
        incidents=(material.incident.id,),
    )


def _spoken(material: Material) -> list[Alert]:
    """The alerts of the rules that people wrote: our own early ones name no kind of failure."""
    return [alert for alert in material.alerts if not alert.name.startswith(EARLY)]


def _telling(material: Material, found: Sequence[Signal]) -> list[Signal]:
    """What sets the failure apart comes first: most failures raise errors or latency, few a certain queue.

    Where a change is to blame, it sets the failure apart, and the clearest signals are enough. What the
    failure is by its very name (a load, a crash) is asked however little it moved; and of a process that is
    gone nothing else, since it no longer measures itself.
    """
    if material.culprit is not None:
        return list(found[: MAX_SIGNALS - 1])
    named = [signal for signal in found if _is_the_failure(signal, material)]
    if any(meaning_of(signal.subject).kind is Kind.CRASH for signal in named):
        return named[:1]
    others = _apart([signal for signal in found if signal not in named])
    return [*named[:1], *others][:MAX_SIGNALS]


def _is_the_failure(signal: Signal, material: Material) -> bool:
    cause = material.cause
    shown = (cause.shows_as or cause.mechanism) if cause else None
    return shown is _NAMED_BY.get(meaning_of(signal.subject).kind)


def _apart(found: Sequence[Signal]) -> list[Signal]:
    strongest = max(map(_loudness, found), default=0.0)
    own = [signal for signal in found if not _mere_symptom(signal)]
    loud = [signal for signal in own if _loudness(signal) >= _LOUD * strongest]
    far = sorted((signal for signal in own if signal.factor >= _FAR), key=lambda signal: -signal.factor)
    apart = loud[: MAX_SIGNALS - 1] or far[:1]
    symptoms = [signal for signal in found if _mere_symptom(signal)]
    return [*apart, *symptoms[: MAX_SIGNALS - max(len(apart), 1)]]


_NAMED_BY = {Kind.LOAD: Mechanism.LOAD, Kind.CRASH: Mechanism.CRASH}
"""The failures that one kind of signal is the very measure of."""
_LOUD = 0.25
"""A signal this much weaker than the strongest moved by the way, and may not do so the next time."""
_FAR = 5.0
"""Where nothing of its own is loud, what moved by this factor tells it: the ranking weighed it low."""
_OF_REQUESTS = frozenset(
    {
        "request",
        "requests",
        "response",
        "responses",
        "http",
        "https",
        "grpc",
        "rpc",
        "call",
        "calls",
        "server",
    }
    | {"client", "handler", "endpoint", "route", "api", "service", "error", "errors", "failed", "failure"}
    | {"failures", "exception", "exceptions", "status", "availability", "apdex", "slo"}
)
_OF_MEASURE = frozenset(
    {"latency", "duration", "time", "elapsed", "rate", "ratio", "percent", "total", "sum", "count", "bucket"}
    | {
        "seconds",
        "milliseconds",
        "ms",
        "s",
        "avg",
        "average",
        "mean",
        "median",
        "max",
        "min",
        "quantile",
        "p",
    }
)


def _loudness(signal: Signal) -> float:
    """How far it moved, whatever its kind weighs: what no list knows may be the very failure."""
    return signal.points / KIND_WEIGHTS[meaning_of(signal.subject).kind]


def _mere_symptom(signal: Signal) -> bool:
    """Slow or failing requests; a time or an error of something that has a name of its own tells more."""
    words = set(re.findall(r"[a-z]+", signal.subject.lower())) - _OF_MEASURE
    return meaning_of(signal.subject).kind in SYMPTOMS and (not words or bool(words & _OF_REQUESTS))


def _asked(alerts: Sequence[Alert]) -> list[tuple[str, str]]:
    """A matcher for each alert's name; a name that holds its service's matches those of others too.

    A name that hides something, or is no name by its length, is matched by the signature alone.
    """
    named = [alert for alert in alerts if alert.name.isprintable() and len(alert.name) <= _LONGEST_NAME]
    found = [_nameless(alert.name, alert.service) for alert in named if not alert.name.startswith(EARLY)]
    return list(dict.fromkeys(found))


_LONGEST_NAME = 500


def _nameless(name: str, service: str | None) -> tuple[str, str]:
    plain = without_service(name, service or "")
    safe = re.fullmatch(r"[A-Za-z0-9_ :-]*", plain) is not None
    if plain == name or not safe or not name.endswith(plain):
        return "=", name
    return "=~", f".*{plain}"


def _with_saves(chosen: Sequence[Signal]) -> list[DiagnosisStep]:
    steps: list[DiagnosisStep] = []
    for number, signal in enumerate(chosen, start=1):
        word = re.sub(r"[^a-z0-9]+", "_", signal.subject.lower()).strip("_")[:36].strip("_") or "signal"
        taken = any(step.save == word for step in steps) or not word[0].isalpha()
        save = f"signal{number}_{word}"[:36] if taken or word in ("true", "false") else word
        arguments = {"query": signal.expression, "service": SERVICE}
        steps.append(
            DiagnosisStep(id=save.replace("_", "-"), tool="metrics.range", arguments=arguments, save=save)
        )
    first = replace(steps[0], stop_if=_stop(steps[0].save, chosen[0]))
    return [first, *steps[1:]]


def _condition(save: str, signal: Signal) -> str:
    """Between before and after, on its own scale where there is one."""
    if signal.rises:
        floor = signal.before + _SHARE * (signal.after - signal.before)
        absolute = f"{save} > {_number(_floor(signal, floor))}"
        return f"{absolute} && {save} > {_number(_factor(signal))} * {save}_before"
    ceiling = signal.after + (1 - _SHARE) * (signal.before - signal.after) / 2
    return f"{save} < {_number(ceiling)} && {save} < {save}_before"


def _floor(signal: Signal, floor: float) -> float:
    """Where the measure has a scale of its own (a time, a count), the factor decides and the floor is low."""
    return floor if signal.before <= 0 else min(floor, signal.after / 4)


def _factor(signal: Signal) -> float:
    return 1.0 if signal.before <= 0 else min(max(signal.factor**0.5, 1.2), 4.0)


def _stop(save: str, signal: Signal) -> str:
    """A clear no ends the diagnosis after one query."""
    return f"!({_condition(save, signal)})"


def _change(material: Material) -> tuple[DiagnosisStep, str]:
    kind = change_kind(material.culprit)
    age = material.alerted - material.culprit.time if material.culprit else 0.0
    within = min(max(3 * age, _LEAST_AGE), _MOST_AGE)
    arguments = {"service": SERVICE, "kind": kind or "deploy|config|flag", "within": f"{within:.0f}s"}
    step = DiagnosisStep(id="recent-change", tool="changes.recent", arguments=arguments, save="change")
    return step, "change.found" if kind else "!change.found"


def _number(value: float) -> str:
    return f"{value:.4g}" if "e" not in f"{value:.4g}" else f"{value:.10f}".rstrip("0")


def _description(family: str, alertnames: Sequence[str]) -> str:
    how = quoted(family.replace("_", " ").replace("/", " after a change of kind "), at_most=120)
    named = quoted(", ".join(alertnames) or "one of the early alerts", at_most=300)
    when = f"Use this skill when an alert like {named} fires, on any service."
    return f"Diagnose and mitigate a service that fails by {how}. {when}"


def _slug(text: str) -> str:
    words = re.sub(r"([a-z0-9])([A-Z])", r"\1-\2", text).lower()
    once = dict.fromkeys(re.findall(r"[a-z0-9]+", words))
    return "-".join(once)[:60].strip("-") or "unnamed"


def named_apart(skill: Skill, taken: Callable[[str], bool]) -> Skill:
    """Under a name that no other skill has: two failures may share a family and the name of an alert."""
    names = (skill.name, *(f"{skill.name}-{number}" for number in range(2, _MOST_ALIKE)))
    return replace(skill, name=next((name for name in names if not taken(name)), names[-1]))


_MOST_ALIKE = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class Merged:
    """A draft folded into a skill that already handles nearly the same; changed tells what is wider now."""

    skill: Skill
    into: str
    changed: tuple[str, ...]


def nearest(new: Skill, known: Sequence[Skill]) -> Skill | None:
    """The skill that handles nearly the same, if there is one."""
    near = [(likeness(new, other), other) for other in known]
    best = max(near, key=lambda pair: pair[0], default=None)
    return best[1] if best is not None and best[0] >= _NEAR else None


def merged(old: Skill, new: Skill, *, covered: bool) -> Merged:
    """The draft folded into its near-duplicate; where the old diagnosis covers it, only the match widens."""
    signatures = tuple(dict.fromkeys((*old.match.signatures, *new.match.signatures)))
    alerts = tuple(dict.fromkeys((*old.match.alerts, *new.match.alerts)))
    widened = replace(
        old,
        version=old.version + 1,
        match=replace(old.match, signatures=signatures, alerts=alerts),
        incidents=tuple(dict.fromkeys((*old.incidents, *new.incidents))),
    )
    changed = ("alerts",) if set(alerts) != set(old.match.alerts) else ()
    if not covered:
        widened, changed = _with_rules(widened, new), (*changed, "rules")
    return Merged(skill=widened, into=old.reference, changed=changed)


def _with_rules(old: Skill, new: Skill) -> Skill:
    """Both diagnoses one after the other: each asks its own questions, the first rule that holds wins."""
    steps = [replace(step, stop_if="") for step in old.diagnose]
    rules = list(new.decide)
    for step in new.diagnose:
        same = next((s for s in steps if (s.tool, s.arguments) == (step.tool, step.arguments)), None)
        save = same.save if same else _free(step.save, steps)
        rules = [replace(rule, when=_renamed(rule.when, step.save, save)) for rule in rules]
        if same is None:
            steps.append(replace(step, id=save.replace("_", "-"), save=save, stop_if=""))
    return replace(old, diagnose=tuple(steps), decide=(*old.decide, *rules))


def _free(save: str, steps: Sequence[DiagnosisStep]) -> str:
    taken = {step.save for step in steps}
    names = (save, *(f"{save[:34]}_{number}" for number in range(2, 2 + len(taken))))
    return next(name for name in names if name not in taken)


def _renamed(when: str, old: str, new: str) -> str:
    return re.sub(rf"\b{old}(_before)?\b", rf"{new}\1", when)


def likeness(one: Skill, other: Skill) -> float:
    """0 to 1: the same failure and the same act, told by the same questions."""
    if _said(one) & _said(other) == frozenset() or set(one.mitigations.values()) != set(
        other.mitigations.values()
    ):
        return 0.0
    mine, theirs = _questions(one), _questions(other)
    return len(mine & theirs) / min(len(mine), len(theirs))


def _said(skill: Skill) -> frozenset[str]:
    return frozenset(rule.failure_mode for rule in skill.decide if rule.failure_mode)


def _questions(skill: Skill) -> frozenset[str]:
    return frozenset(
        f"{step.tool} {step.arguments.get('query') or step.arguments.get('kind', '')}"
        for step in skill.diagnose
    )
