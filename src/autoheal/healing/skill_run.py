"""Runs a skill's diagnosis on live evidence for one service: every number is stored and can be recomputed."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Protocol

from autoheal.domain.change import Change, ChangeKind
from autoheal.domain.evidence import Claim, Empty, Reading, Row, Statistic
from autoheal.domain.skill import MOST_QUERIES, DecisionRule, DiagnosisStep, Skill
from autoheal.graph.expression import parse
from autoheal.graph.skill_tools import bound
from autoheal.healing.check_claims import shown
from autoheal.healing.gather import Gathered
from autoheal.healing.settings import HealingSettings
from autoheal.ports.runs import Json

OURSELVES = "autoheal"
"""The author of our own mitigations: what we undid yesterday is not what broke today."""

_WINDOW = 60.0
_SECONDS = {"s": 1, "m": 60, "h": 3600}


class OutOfBudgetError(Exception):
    """The recall has asked all it may."""


class Asker(Protocol):
    """What a diagnosis may ask: live production by the gatherer, or a recording of it."""

    def range(self, expression: str, *, start: float, end: float, step: float, subject: str = "") -> Gathered:
        """A PromQL range query."""
        ...

    def instant(self, expression: str, *, at: float) -> Gathered:
        """A PromQL instant query."""
        ...

    def lines(self, *, services: Sequence[str], start: float, end: float, limit: int) -> Gathered | None:
        """Log lines; None without a log backend."""
        ...

    def changes(self, *, start: float, end: float) -> list[Gathered]:
        """Changes of every source."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Moment:
    """When it alarmed and when we look, in unix seconds."""

    alerted: float
    now: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """What one step saved: values now, the same before the alarm, and the sentence that cites them."""

    now: Json
    before: Json
    claim: Claim | None = None
    change_id: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Diagnosed:
    """What a skill concluded about one service: the rule that held, or why none did."""

    service: str
    rule: DecisionRule | None
    why: str
    claims: tuple[Claim, ...] = ()
    change_id: str | None = None
    suffers: bool = False
    """Whether no step stopped and something was measured: it hurts here, whoever is the cause."""


@dataclass(slots=True)
class Watch:
    """Asks each question once per recall, whichever skill or service needs it, within the budget."""

    gatherer: Asker
    settings: HealingSettings
    moment: Moment
    asked: int = 0
    allowed: int = MOST_QUERIES
    _answers: dict[str, Gathered | None] = field(default_factory=dict)
    _changes: list[Gathered] | None = None

    @property
    def quiet(self) -> tuple[float, float]:
        """The time before the alarm that healthy values are read from."""
        alerted = self.moment.alerted
        return alerted - self.settings.baseline_seconds, alerted - self.settings.rate_window_seconds

    def series(self, expression: str, subject: str) -> Gathered | None:
        """A range query from the quiet time until now."""
        start, now = self.quiet[0], self.moment.now
        step = max((now - start) / self.settings.max_points, 1.0)
        return self._once(
            f"series {subject} {expression}",
            lambda: self.gatherer.range(expression, start=start, end=now, step=step, subject=subject),
        )

    def instant(self, expression: str, at: float) -> Gathered | None:
        """An instant query."""
        return self._once(f"instant {at} {expression}", lambda: self.gatherer.instant(expression, at=at))

    def lines(self, service: str) -> Gathered | None:
        """The service's log lines from the quiet time until now; None without a log backend."""
        start, limit = self.quiet[0], self.settings.max_log_lines
        return self._once(
            f"lines {service}",
            lambda: self.gatherer.lines(services=[service], start=start, end=self.moment.now, limit=limit),
        )

    def changes(self) -> list[Gathered]:
        """Changes before the alarm, of every source."""
        if self._changes is None:
            self._spend()
            alerted = self.moment.alerted
            since = alerted - self.settings.change_lookback_seconds
            self._changes = self.gatherer.changes(start=since, end=alerted)
        return self._changes

    def _once(self, key: str, ask: Callable[[], Gathered | None]) -> Gathered | None:
        if key not in self._answers:
            self._spend()
            self._answers[key] = ask()
        return self._answers[key]

    def allow(self, skill: Skill) -> None:
        """From here on the skill's own budget holds, within that of the whole recall."""
        self.allowed = min(self.asked + skill.max_queries, MOST_QUERIES)

    def _spend(self) -> None:
        if self.asked >= self.allowed:
            raise OutOfBudgetError
        self.asked += 1


def diagnose_with(skill: Skill, service: str, watch: Watch) -> Diagnosed:
    """Run the steps for one service and decide; raises OutOfBudgetError."""
    now: dict[str, Json] = {}
    before: dict[str, Json] = {}
    steps: list[Measured] = []
    for step in skill.diagnose:
        measured = measure(step, service, watch)
        steps.append(measured)
        now |= {step.save: measured.now, f"{step.save}_before": measured.before}
        before |= {step.save: measured.before, f"{step.save}_before": measured.before}
        if step.stop_if and parse(step.stop_if).holds(now):
            return Diagnosed(service=service, rule=None, why=f"stops at {step.id}: {_told(now)}")
    rule = next((rule for rule in skill.decide if parse(rule.when).holds(now)), None)
    if rule is None:
        hurts = any(m.claim is not None for m in steps)
        return Diagnosed(service=service, rule=None, why=f"no rule holds: {_told(now)}", suffers=hurts)
    if rule.escalate:
        return Diagnosed(service=service, rule=None, why=f"hands over: {rule.escalate}")
    # What held in the quiet time as well does not speak of this fault: an over-broad skill ends here.
    if parse(rule.when).holds(before):
        return Diagnosed(service=service, rule=None, why=f"held before the alarm too: {_told(before)}")
    claims = tuple(m.claim for m in steps if m.claim is not None)
    change_id = next((m.change_id for m in steps if m.change_id), None)
    return Diagnosed(service=service, rule=rule, why=_told(now), claims=claims, change_id=change_id)


def measure(step: DiagnosisStep, service: str, watch: Watch) -> Measured:
    """What one step saves for one service."""
    if step.tool == "changes.recent":
        return _recent_change(step, service, watch)
    if step.tool == "logs.count":
        return _log_count(step, service, watch)
    expression = bound(step.arguments["query"], service)
    if step.tool == "metrics.instant":
        return _instant(step, service, expression, watch)
    return _series(step, service, expression, watch)


def _series(step: DiagnosisStep, service: str, expression: str, watch: Watch) -> Measured:
    answer = watch.series(expression, step.save)
    window = _seconds(step.arguments.get("window"), _WINDOW)
    now = watch.moment.now
    wanted = Statistic(step.arguments.get("statistic", "last"))
    after = _read(answer, service, step.save, wanted, (now - window, now))
    before = _read(answer, service, step.save, Statistic.MEDIAN, watch.quiet)
    return _measured(step.save, service, after, before)


def _instant(step: DiagnosisStep, service: str, expression: str, watch: Watch) -> Measured:
    moment = watch.moment
    found = [watch.instant(expression, at) for at in (moment.now, watch.quiet[1])]
    after, before = (
        _read(answer, service, "", Statistic.MAX, (-math.inf, math.inf)) if answer else None
        for answer in found
    )
    return _measured(step.save, service, after, before)


def _log_count(step: DiagnosisStep, service: str, watch: Watch) -> Measured:
    answer = watch.lines(service)
    if answer is None or not answer.evidence.usable:
        return Measured(now=None, before=None)
    window = _seconds(step.arguments.get("window"), _WINDOW)
    ends = (watch.moment.now, watch.quiet[1])
    readings = [_counted(answer, service, step.arguments["contains"], (end - window, end)) for end in ends]
    return _measured(step.save, service, readings[0], readings[1])


def _counted(answer: Gathered, service: str, contains: str, window: tuple[float, float]) -> Reading:
    reading = Reading(
        evidence_id=answer.evidence.id,
        entity=service,
        subject="",
        statistic=Statistic.COUNT,
        start=window[0],
        end=window[1],
        value=0.0,
        text=contains,
    )
    return replace(reading, value=reading.recompute(answer.rows) or 0.0)


def _read(
    answer: Gathered | None, service: str, subject: str, statistic: Statistic, window: tuple[float, float]
) -> Reading | None:
    """The reading over a service's rows; `empty` means that zero was measured, no data means nothing."""
    if answer is None or not answer.evidence.usable:
        return None
    entity = _entity(answer.rows, service)
    reading = Reading(
        evidence_id=answer.evidence.id,
        entity=entity,
        subject=subject,
        statistic=Statistic.COUNT if isinstance(answer.evidence.answer, Empty) else statistic,
        start=max(window[0], -1e12),
        end=min(window[1], 1e12),
        value=0.0,
    )
    value = reading.recompute(answer.rows)
    return replace(reading, value=value) if value is not None and math.isfinite(value) else None


def _entity(rows: Sequence[Row], service: str) -> str:
    """A query bound to one service may have summed its label away."""
    entities = {row.entity for row in rows}
    return "" if entities == {""} else service


def _measured(save: str, service: str, after: Reading | None, before: Reading | None) -> Measured:
    if after is None:
        return Measured(now=None, before=before.value if before else None)
    earlier = f", {shown(before.value)} before" if before else ""
    text = f'"{save}" of "{service}" is {shown(after.value)}{earlier}'
    claim = Claim(text=text, readings=(before, after) if before else (after,))
    return Measured(now=after.value, before=before.value if before else None, claim=claim)


def _recent_change(step: DiagnosisStep, service: str, watch: Watch) -> Measured:
    answers = watch.changes()
    if not any(answer.evidence.usable for answer in answers):
        return Measured(now=None, before=None)
    kinds = _kinds(step.arguments.get("kind", ""))
    within = _seconds(step.arguments.get("within"), watch.settings.change_lookback_seconds)
    alerted = watch.moment.alerted
    found = [
        (change, answer)
        for answer in answers
        for change in answer.changes
        if change.entity == service and change.kind in kinds and alerted - within <= change.time <= alerted
        if change.author.lower() != OURSELVES
    ]
    if not found:
        nothing: dict[str, Json] = {"found": False, "kind": "", "age": None, "id": ""}
        return Measured(now=nothing, before=nothing)
    change, answer = max(found, key=lambda pair: pair[0].time)
    about: dict[str, Json] = {
        "found": True,
        "kind": change.kind.value,
        "age": alerted - change.time,
        "id": change.id,
    }
    return Measured(now=about, before=about, claim=_change_claim(change, answer), change_id=change.id)


def _kinds(word: str) -> frozenset[ChangeKind]:
    wanted = {part.strip() for part in word.split("|") if part.strip()}
    kinds = frozenset(kind for kind in ChangeKind if kind.value in wanted)
    return kinds or frozenset({ChangeKind.DEPLOY, ChangeKind.CONFIG, ChangeKind.FLAG})


def _change_claim(change: Change, answer: Gathered) -> Claim:
    reading = Reading(
        evidence_id=answer.evidence.id,
        entity=change.entity,
        subject=change.kind,
        statistic=Statistic.COUNT,
        start=change.time,
        end=change.time,
        value=1.0,
        text=change.id,
    )
    name = " ".join((change.title or change.id).replace('"', "'").split())[:120]
    return Claim(text=f'{change.kind} "{name}" was made there before it alarmed', readings=(reading,))


def _told(names: dict[str, Json]) -> str:
    """The saved values on one line, for the trace."""
    return ", ".join(
        f"{name}={_short(value)}" for name, value in names.items() if not name.endswith("_before")
    )


def _short(value: Json) -> str:
    if isinstance(value, dict):
        return " ".join(str(part) for part in (value.get("kind"), value.get("id")) if part) or "none"
    return shown(value) if isinstance(value, float) else "no data" if value is None else str(value)


def _seconds(text: str | None, otherwise: float) -> float:
    return float(int(text[:-1]) * _SECONDS[text[-1]]) if text else otherwise
