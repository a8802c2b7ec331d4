"""What a model was shown: each number with the stored rows behind it; it may claim nothing else."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace

from autoheal.domain.evidence import Claim, Reading, Row, Statistic
from autoheal.reasoning.answer import CitedClaim


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """One measurement before and since the onset; label is how its subject was written."""

    label: str
    after: Reading
    before: Reading | None = None

    @property
    def line(self) -> str:
        """The measurement as a model reads it."""
        was = f"{number(self.before.value)} before, " if self.before else ""
        unit = f" {self.after.unit}" if self.after.unit else ""
        name = f'"{self.label}" of "{self.after.entity}"'
        now = f"{self.after.statistic} {was}{number(self.after.value)} since{unit}"
        return f"[{self.after.evidence_id}] {name}: {now}"

    @property
    def shift(self) -> float:
        """How far it moved, as a share of the larger level; 1 where there was nothing before."""
        if self.before is None:
            return 1.0
        low, high = sorted((abs(self.before.value), abs(self.after.value)))
        return (high - low) / high if high else 0.0


@dataclass(slots=True)
class Told:
    """Everything measured that was shown in one conversation, in order."""

    shown: list[Shown] = field(default_factory=list)

    def show(self, measured: Iterable[Shown]) -> list[str]:
        """Remember measurements, and write them as lines."""
        new = list(measured)
        self.shown += new
        return [item.line for item in new]

    def claim(self, cited: CitedClaim) -> Claim | str:
        """The claim with its readings, its sentence written by us; or why it does not stand."""
        named = [item for item in self.shown if _names(item, cited)]
        if not named:
            what = f"{cited.statistic} of {cited.subject} of {cited.entity}"
            return f"{cited.evidence_id} was not shown with {what}"
        fitting = next((item for item in named if _agrees(item, cited)), None)
        if fitting is None:
            return f"{named[0].line}: not {_numbers(cited)}"
        return _claim(fitting)


def measure(template: Reading, rows: Sequence[Row], *, label: str, onset: float) -> Shown | None:
    """The reading's statistic before and since the onset, over its window; None where nothing came since."""
    since = replace(template, start=onset)
    value = since.recompute(rows)
    if value is None or not math.isfinite(value):
        return None
    earlier = replace(template, end=math.nextafter(onset, -math.inf))
    was = earlier.recompute(rows) if earlier.end > earlier.start else None
    before = replace(earlier, value=was) if was is not None and math.isfinite(was) else None
    return Shown(label=label, after=replace(since, value=value), before=before)


def number(value: float) -> str:
    """How a measured number is written: at most four significant digits."""
    text = f"{value:.4g}"
    return text if "e" not in text or abs(value) < 1 else f"{value:.0f}"


def _names(item: Shown, cited: CitedClaim) -> bool:
    said = (cited.evidence_id, cited.entity, cited.subject, cited.statistic)
    return said == (item.after.evidence_id, item.after.entity, item.label, item.after.statistic)


def _agrees(item: Shown, cited: CitedClaim) -> bool:
    if not _same(item.after.value, cited.after):
        return False
    return cited.before is None or (item.before is not None and _same(item.before.value, cited.before))


def _same(measured: float, said: float) -> bool:
    """The number as it was shown, or as it was measured."""
    return math.isclose(float(number(measured)), said, rel_tol=1e-9, abs_tol=1e-12) or math.isclose(
        measured, said, rel_tol=1e-6, abs_tol=1e-12
    )


def _numbers(cited: CitedClaim) -> str:
    was = "" if cited.before is None else f"{number(cited.before)} before, "
    return f"{was}{number(cited.after)} since"


def _claim(item: Shown) -> Claim:
    name = f'"{_bare(item.label)}" of "{_bare(item.after.entity)}"'
    counted = " lines" if item.after.statistic is Statistic.COUNT else ""
    if item.before is None:
        text = f"{name} is at {number(item.after.value)}{counted}"
        return Claim(text=text, readings=(item.after,), points=item.shift)
    text = f"{name} went from {number(item.before.value)} to {number(item.after.value)}{counted}"
    return Claim(text=text, readings=(item.before, item.after), points=item.shift)


def _bare(name: str) -> str:
    return name.replace('"', "'")[:160]
