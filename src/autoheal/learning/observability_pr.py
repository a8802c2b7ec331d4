"""The Observability PR: an alert on the signal that would have shown the cause sooner."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from autoheal.diagnosis.kinds import meaning_of
from autoheal.diagnosis.metric_evidence import SYMPTOMS
from autoheal.domain.errors import UnreachableError
from autoheal.domain.evidence import Failed
from autoheal.domain.proposal import Proof, ProposalKind
from autoheal.learning.backtest import Span, firing, first_in, holding, outside, quiet_seconds, series_of
from autoheal.learning.lessons import Lessons, content_key
from autoheal.learning.material import Material, Signal, past, signals
from autoheal.learning.proposing import Draft, Plan, body_of
from autoheal.learning.rule_file import NewAlert, check_rules, outcome, run_rule_tests
from autoheal.learning.skill_draft import EARLY
from autoheal.learning.trial import ROOM

_HOLDS = (0.0, 5.0, 10.0, 15.0, 30.0, 60.0)
_MAX_SIGNALS = 6


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """A rule on a signal with its backtest: how much sooner, and how often for nothing."""

    signal: Signal
    alert: NewAlert
    gained: float
    quiet_seconds: float


def plan_observability(lessons: Lessons, material: Material) -> Plan | str:
    """The rule that would have fired earliest without a false page, or why there is none."""
    if material.noise:
        return "there was no fault: an alert that fires sooner would only be a false page"
    found = signals(material)[:_MAX_SIGNALS]
    if not found:
        return "no metric of the culprit moved before the alert: there is no signal to watch"
    fresh = [signal for signal in found if not _watched(lessons, signal)]
    if not fresh:
        return f"{found[0].subject} of {found[0].entity} is already watched by a rule in the repository"
    tried = [c for signal in fresh if (c := _candidate(lessons, material, signal)) is not None]
    least = lessons.settings.min_gain_seconds
    best = max(tried, key=lambda c: (c.gained >= least, _is_symptom(c.signal), c.gained), default=None)
    if best is None or best.gained < least:
        sooner = f"{best.gained:.0f} s sooner" if best else "never without firing on quiet history"
        return (
            f"of {len(fresh)} signal(s) none would have shown it at least {least:.0f} s before the alert: "
            f"the best {sooner}"
        )
    key = content_key(
        ProposalKind.OBSERVABILITY, {"record": best.alert.record, "service": best.alert.service}
    )
    return Plan(key=key, write=lambda: _write(lessons, material, best))


def _is_symptom(signal: Signal) -> bool:
    """What users feel pages rightly; a resource that is merely busy also does so at every deploy."""
    return meaning_of(signal.subject).kind in SYMPTOMS


def _watched(lessons: Lessons, signal: Signal) -> bool:
    return lessons.forge.read(lessons.settings.code_repository, _path(lessons, _name(signal))) is not None


def _candidate(lessons: Lessons, material: Material, signal: Signal) -> Candidate | None:
    """The lowest hold that stays silent on quiet history, with what it gains; None where none does."""
    settings = lessons.settings
    window = Span(start=_onset(material) - settings.margin_seconds, end=material.ended)
    closed_at = material.incident.closed_at
    settled = max(material.ended, closed_at.timestamp() if closed_at else material.ended)
    history = Span(start=material.ended - settings.history_seconds, end=settled)
    busy = [window, *(_busy(other, settings.margin_seconds) for other in past(lessons, material))]
    samples = _samples(lessons, signal, history)
    if not samples:
        return None
    step = settings.backtest_step_seconds
    threshold = signal.before + 0.3 * (signal.after - signal.before)
    spans = holding(samples, threshold, rises=signal.rises, gap=3 * step)
    for hold in _HOLDS:
        fired = firing(spans, hold)
        first = first_in(fired, window)
        if first is None:
            return None
        if settled > material.ended + step and any(one.end >= settled - step for one in fired):
            return None  # it would still fire on the production that recovered
        if not outside(fired, busy):
            alert = _alert(lessons, signal, (threshold, hold), material.incident.environment)
            quiet = quiet_seconds(samples, busy, gap=3 * step)
            gained = material.alerted - first
            if quiet < settings.min_quiet_seconds:
                return None  # silence on hardly any quiet history proves nothing
            return Candidate(signal=signal, alert=alert, gained=gained, quiet_seconds=quiet)
    return None


def _onset(material: Material) -> float:
    onset = material.investigation.onset if material.investigation else None
    told = material.incident.onset_at.timestamp() if material.incident.onset_at else None
    return min(moment for moment in (onset, told, material.alerted) if moment is not None)


def _busy(material: Material, margin: float) -> Span:
    return Span(start=_onset(material) - margin, end=material.ended + margin)


def _samples(lessons: Lessons, signal: Signal, span: Span) -> Sequence[tuple[float, float]]:
    step = lessons.settings.backtest_step_seconds
    asked = lessons.metrics.range(signal.expression, start=span.start, end=span.end, step=step)
    if isinstance(asked.answer, Failed):
        raise UnreachableError(f"the backtest of {signal.subject} got no answer: {asked.answer.reason}")
    return series_of(asked.rows).get(signal.entity, [])


def _alert(lessons: Lessons, signal: Signal, condition: tuple[float, float], environment: str) -> NewAlert:
    threshold, hold = condition
    return NewAlert(
        name=_name(signal),
        record=f"autoheal:{_word(signal.entity)}:{_word(signal.subject)}",
        expression=signal.expression,
        service=signal.entity,
        label=lessons.settings.entity_label,
        environment=environment,
        rises=signal.rises,
        threshold=float(f"{threshold:.4g}"),
        hold=hold,
        interval=max(lessons.settings.backtest_step_seconds, 1.0),
        summary=f"{signal.subject[:80]} of {signal.entity} is where a recorded fault began to show",
    )


def _name(signal: Signal) -> str:
    words = re.findall(r"[A-Za-z0-9]+", f"{signal.entity} {signal.subject}")
    return EARLY + "".join(word[:1].upper() + word[1:] for word in words)[:80]


def _word(subject: str) -> str:
    return re.sub(r"[^a-zA-Z0-9_]+", "_", subject).strip("_")[:80]


def _path(lessons: Lessons, name: str) -> str:
    return f"{lessons.settings.alerts_folder}/{name}.yml"


def _write(lessons: Lessons, material: Material, found: Candidate) -> Draft | str:
    alert, signal = found.alert, found.signal
    path = _path(lessons, alert.name)
    rules, tests = {path: alert.text()}, {"tests.yml": alert.test(path, signal.before, signal.after)}
    checked = check_rules(lessons.prover, rules)
    tested = run_rule_tests(lessons.prover, {**rules, **tests}, list(tests))
    if not (checked.passed and tested.passed):
        return f"the drafted rule does not pass promtool: {outcome(checked)}; {outcome(tested)}"
    proof = Proof(
        summary=(
            f"On the recorded series the rule fires {found.gained:.0f} s before the alert that detected the "
            f"incident, and never in {found.quiet_seconds:.0f} s of quiet history."
        ),
        checks={
            "backtest on the incident": f"passed: {found.gained:.0f} s sooner",
            "backtest on quiet history": f"passed: 0 extra pages in {found.quiet_seconds:.0f} s",
            "promtool check rules": outcome(checked),
            "promtool test rules": outcome(tested),
            ROOM: lessons.prover.isolation,
        },
    )
    title = f"Watch {signal.subject[:60]} of {signal.entity}"
    branch = lessons.forge.commit(
        lessons.settings.code_repository,
        branch=f"autoheal/{material.incident.id.lower().replace('_', '-')}/observability",
        files=rules,
        message=f"{title}\n\nWould have shown incident {material.incident.id} {found.gained:.0f} s sooner.",
    )
    why = (
        f"`{signal.subject}` of `{signal.entity}` moved from {signal.before:.4g} to {signal.after:.4g} early."
    )
    what = f"`{path}`: `{alert.name}` on `{alert.condition}`, for {alert.hold:.0f} s."
    body = body_of(why=why, what=what, proof=proof, material=material)
    return Draft(title=title, body=body, branch=branch, proof=proof)
