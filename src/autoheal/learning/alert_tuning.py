"""Alert tuning: fewer pages that nobody needed, refused wherever a true incident would be lost."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass

from autoheal.domain.errors import UnreachableError
from autoheal.domain.evidence import Failed
from autoheal.domain.incident import Outcome
from autoheal.domain.proposal import Proof, ProposalKind
from autoheal.learning.backtest import Span, firing, holding, series_of
from autoheal.learning.lessons import Lessons, content_key
from autoheal.learning.material import Material, past
from autoheal.learning.proposing import Draft, Plan, body_of
from autoheal.learning.rule_file import check_rules, find_rule, outcome, rule_files, with_for, with_threshold
from autoheal.ports.telemetry import AlertRule

_COMPARED = re.compile(
    r"^(?P<left>.+?)\s*(?P<sign>>=?|<=?)\s*(?P<number>-?\d+(?:\.\d+)?(?:e[+-]?\d+)?)\s*$", re.DOTALL
)
_SECURE = 0.9
"""How near to the mildest true incident a new threshold may come."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Condition:
    """A rule's expression as a signal compared with a number."""

    signal: str
    rises: bool
    number: str

    @property
    def threshold(self) -> float:
        """The number as a value."""
        return float(self.number)


@dataclass(frozen=True, slots=True, kw_only=True)
class Episode:
    """One incident in which the rule fired: the samples of its signal, and whether there was a fault."""

    incident_id: str
    true: bool
    samples: dict[str, list[tuple[float, float]]]

    def peak(self, *, rises: bool) -> float:
        """The most extreme value."""
        values = [value for series in self.samples.values() for _, value in series]
        return (max if rises else min)(values, default=math.nan)

    def fires(self, threshold: float, hold: float, *, rises: bool, gap: float) -> float | None:
        """When the rule would first fire, or None."""
        spans = (holding(series, threshold, rises=rises, gap=gap) for series in self.samples.values())
        starts = [fired.start for found in spans for fired in firing(found, hold)]
        return min(starts, default=None)


@dataclass(frozen=True, slots=True, kw_only=True)
class Tuning:
    """A milder rule with its backtest."""

    rule: AlertRule
    threshold: float
    hold: float
    pages_before: int
    pages_after: int
    caught: int
    delay: float

    def told(self) -> str:
        """What changes."""
        if self.hold != self.rule.for_seconds:
            return f"`for` of {self.rule.name} from {self.rule.for_seconds:.0f} s to {self.hold:.0f} s"
        return f"threshold of {self.rule.name} to {self.threshold:.4g}"


def plan_tuning(lessons: Lessons, material: Material) -> Plan | str:
    """A milder rule where an alert paged for nothing, or why the rules stay as they are."""
    if not material.noise:
        return f"{_named(material)} spoke of a true fault: nothing is to be made quieter"
    rules = {rule.name: rule for rule in lessons.metrics.alert_rules()}
    reasons: list[str] = []
    for name in dict.fromkeys(alert.name for alert in material.alerts):
        found = _tuned(lessons, material, rules.get(name))
        if isinstance(found, Tuning):
            content: dict[str, object] = {"rule": name, "threshold": found.threshold, "for": found.hold}
            key = content_key(ProposalKind.ALERT_TUNING, content)
            return Plan(key=key, write=lambda tuning=found: _write(lessons, material, tuning))  # type: ignore[misc]  # a default argument keeps this turn's value
        reasons.append(f"{name}: {found}")
    return "; ".join(reasons) or "no alert of the incident is known"


def _named(material: Material) -> str:
    return ", ".join(dict.fromkeys(alert.name for alert in material.alerts)) or "the alert"


def condition_of(expression: str) -> Condition | None:
    """The last comparison with a number; None where the expression is no such comparison."""
    match = _COMPARED.match(expression.strip())
    if match is None or re.search(r"\b(and|or|unless)\b", match["left"]):
        return None
    return Condition(signal=match["left"], rises=match["sign"].startswith(">"), number=match["number"])


def _tuned(lessons: Lessons, material: Material, rule: AlertRule | None) -> Tuning | str:
    condition = condition_of(rule.expression) if rule else None
    if rule is None or condition is None:
        return "its rule is unknown, or compares nothing with a number"
    involved = [m for m in past(lessons, material) if any(a.name == rule.name for a in m.alerts)]
    episodes = [_quiet(lessons, material, condition), *(_episode(lessons, m, condition) for m in involved)]
    return tune(rule, condition, episodes, step=lessons.settings.backtest_step_seconds)


def _quiet(lessons: Lessons, material: Material, condition: Condition) -> Episode:
    """The false alarm with all history around it, without the times of true incidents."""
    settings = lessons.settings
    end = min(material.ended + settings.margin_seconds, lessons.clock.now().timestamp())
    window = Span(start=end - settings.history_seconds, end=end)
    busy = [_span(lessons, other) for other in past(lessons, material) if _true(other)]
    samples = _samples(lessons, material, condition, window)
    quiet = {
        name: [(t, v) for t, v in series if not any(b.start <= t <= b.end for b in busy)]
        for name, series in samples.items()
    }
    return Episode(incident_id=material.incident.id, true=False, samples=quiet)


def _episode(lessons: Lessons, material: Material, condition: Condition) -> Episode:
    samples = _samples(lessons, material, condition, _span(lessons, material))
    return Episode(incident_id=material.incident.id, true=_true(material), samples=samples)


def _span(lessons: Lessons, material: Material) -> Span:
    margin = lessons.settings.margin_seconds
    return Span(start=material.alerted - 2 * margin, end=material.ended + margin)


def _samples(
    lessons: Lessons, material: Material, condition: Condition, span: Span
) -> dict[str, list[tuple[float, float]]]:
    step = lessons.settings.backtest_step_seconds
    asked = lessons.metrics.range(condition.signal, start=span.start, end=span.end, step=step)
    if isinstance(asked.answer, Failed):
        raise UnreachableError(f"the backtest got no answer: {asked.answer.reason}")
    services = {alert.service for alert in material.alerts if alert.service}
    series = series_of(asked.rows)
    return {name: samples for name, samples in series.items() if name in services} or series


def _true(material: Material) -> bool:
    """Anything but a clear verdict of noise counts as a true incident: doubt keeps the alert."""
    return material.incident.outcome is not Outcome.NOISE or not material.noise


def tune(rule: AlertRule, condition: Condition, episodes: Sequence[Episode], *, step: float) -> Tuning | str:
    """The mildest change that drops this false alarm and loses nothing; else the reason."""
    false, *_ = episodes
    if not any(false.samples.values()):
        return "the series of the false alarm are no longer there: nothing can be backtested"
    lost: list[str] = []
    for threshold, hold in _options(rule, condition, episodes, step):
        tuning = _judged(rule, condition, episodes, (threshold, hold), step)
        if isinstance(tuning, Tuning):
            return tuning
        lost.append(tuning)
    why = "; ".join(dict.fromkeys(lost)) or "no milder threshold and no longer `for` would have kept quiet"
    return f"refused: {why}"


def _options(
    rule: AlertRule, condition: Condition, episodes: Sequence[Episode], step: float
) -> list[tuple[float, float]]:
    """A threshold between the false alarm and the mildest true incident, then a longer `for`."""
    false, *others = episodes
    peak = false.peak(rises=condition.rises)
    room = 1.1 if condition.rises == (peak >= 0) else 1 / 1.1
    mildest = [e.peak(rises=condition.rises) for e in others if e.true]
    limit = (min if condition.rises else max)(mildest, default=math.nan)
    raised = float(f"{peak * room:.3g}")
    secure = limit * (_SECURE if condition.rises == (limit >= 0) else 1 / _SECURE)
    milder = (raised, rule.for_seconds)
    longer = _longer(rule, condition, false, step)
    if math.isnan(limit):
        return [
            *longer,
            milder,
        ]  # no true incident tells how high is too high; one that lasts is still caught
    apart = raised <= secure if condition.rises else raised >= secure
    return [*([milder] if apart else []), *longer]


def _longer(rule: AlertRule, condition: Condition, false: Episode, step: float) -> list[tuple[float, float]]:
    """A `for` longer than the false alarm; none where the condition holds as far as history reaches."""
    longest = 0.0
    for samples in false.samples.values():
        for span in holding(samples, condition.threshold, rises=condition.rises, gap=3 * step):
            if span.start <= samples[0][0] + step or span.end >= samples[-1][0] - step:
                return []
            longest = max(longest, span.end - span.start)
    held = math.ceil((longest + 2 * step) / 5) * 5.0
    return [(condition.threshold, max(held, rule.for_seconds + 5))]


def _judged(
    rule: AlertRule,
    condition: Condition,
    episodes: Sequence[Episode],
    option: tuple[float, float],
    step: float,
) -> Tuning | str:
    threshold, hold = option
    before, after = (
        {e.incident_id: e.fires(limit, held, rises=condition.rises, gap=3 * step) for e in episodes}
        for limit, held in ((condition.threshold, rule.for_seconds), (threshold, hold))
    )
    told = f"`for` {hold:.0f} s, threshold {threshold:.4g}"
    true = [e.incident_id for e in episodes if e.true and before[e.incident_id] is not None]
    hidden = [i for i in true if after[i] is None]
    if hidden:
        return f"{told} would have hidden the true incident(s) {', '.join(hidden)}"
    if after[episodes[0].incident_id] is not None:
        return f"{told} would have paged for this false alarm all the same"
    delays = [(after[i] or 0.0) - (before[i] or 0.0) for i in true]
    return Tuning(
        rule=rule,
        threshold=threshold,
        hold=hold,
        pages_before=sum(v is not None for v in before.values()),
        pages_after=sum(v is not None for v in after.values()),
        caught=len(true),
        delay=max(delays, default=hold - rule.for_seconds),
    )


def _write(lessons: Lessons, material: Material, tuning: Tuning) -> Draft | str:
    files = rule_files(lessons)
    found = find_rule(files, tuning.rule.name)
    if found is None:
        return f"{tuning.rule.name} does not stand exactly once in the rule files of the code repository"
    condition = condition_of(tuning.rule.expression)
    text: str | None = files[found.path]
    if tuning.hold != tuning.rule.for_seconds:
        text = with_for(files[found.path], found, tuning.hold)
    elif condition is not None:
        text = with_threshold(files[found.path], found, condition.threshold, f"{tuning.threshold:.4g}")
    if text is None:
        return f"the threshold of {tuning.rule.name} cannot be found in {found.path} as it runs"
    checked = check_rules(lessons.prover, {found.path: text})
    if not checked.passed:
        return f"the tuned rule does not pass promtool: {outcome(checked)}"
    proof = _proof(tuning, outcome(checked))
    title = f"Raise the {tuning.told().replace('`', '')}"
    branch = lessons.forge.commit(
        lessons.settings.code_repository,
        branch=f"autoheal/{material.incident.id.lower().replace('_', '-')}/alert-tuning",
        files={found.path: text},
        message=f"{title}\n\nIncident {material.incident.id} was a false alarm; backtested on history.",
    )
    why = f"`{tuning.rule.name}` paged for incident `{material.incident.id}`, where there was no fault."
    body = body_of(why=why, what=f"`{found.path}`: {tuning.told()}.", proof=proof, material=material)
    return Draft(title=title, body=body, branch=branch, proof=proof)


def _proof(tuning: Tuning, checked: str) -> Proof:
    return Proof(
        summary=(
            f"On recorded history {tuning.pages_before} page(s) become {tuning.pages_after}; each of the "
            f"{tuning.caught} true incident(s) that this rule caught is still caught."
        ),
        checks={
            "pages": f"{tuning.pages_before} before, {tuning.pages_after} after",
            "true incidents still caught": f"passed: {tuning.caught} of {tuning.caught}",
            "change of delay": f"{tuning.delay:+.0f} s at most",
            "promtool check rules": checked,
        },
    )
