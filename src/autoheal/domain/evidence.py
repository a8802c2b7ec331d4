"""One query, its window, its result; no data is not zero."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from statistics import median
from typing import Literal, TypeAlias


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """The source answered with rows; digest is the SHA-256 of the stored rows."""

    rows: int
    digest: str
    kind: Literal["found"] = "found"


@dataclass(frozen=True, slots=True, kw_only=True)
class Empty:
    """The source knows the thing and says that nothing matched: zero is the measured value."""

    kind: Literal["empty"] = "empty"


@dataclass(frozen=True, slots=True, kw_only=True)
class NoData:
    """The source does not know the thing at all: nothing may be concluded."""

    kind: Literal["no_data"] = "no_data"


@dataclass(frozen=True, slots=True, kw_only=True)
class Failed:
    """The source did not answer in time or refused; reason is its word or ours."""

    reason: str
    kind: Literal["failed"] = "failed"


Answer: TypeAlias = Found | Empty | NoData | Failed


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """A stored query and what came back; its rows are kept apart, under the same id."""

    id: str
    incident_id: str
    stage: str
    source: str
    expression: str
    start: datetime
    end: datetime
    asked_at: datetime
    seconds: float
    answer: Answer
    delayed_seconds: float = 0.0

    @property
    def usable(self) -> bool:
        """Whether a finding may cite it for a number."""
        return isinstance(self.answer, Found | Empty)


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One stored observation: a sample, or with text a log line, span or change; time in unix seconds."""

    time: float
    entity: str
    subject: str
    value: float
    text: str = ""


def digest_of(rows: Iterable[Row]) -> str:
    """SHA-256 over the rows as canonical JSON, so that a changed row is noticed."""
    digest = hashlib.sha256()
    for row in rows:
        line = json.dumps([row.time, row.entity, row.subject, row.value, row.text], ensure_ascii=False)
        digest.update(line.encode("utf-8", "surrogatepass") + b"\n")
    return digest.hexdigest()


class Statistic(StrEnum):
    """How rows become one number."""

    MEDIAN = "median"
    MAX = "max"
    COUNT = "count"
    LAST = "last"


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """A number that a claim states, and the exact rows it is computed from.

    An empty subject means any; with text only rows whose text contains it count.
    """

    evidence_id: str
    entity: str
    subject: str
    statistic: Statistic
    start: float
    end: float
    value: float
    unit: str = ""
    text: str = ""

    def recompute(self, rows: Iterable[Row]) -> float | None:
        """The number that the stored rows really give; None where no row is in the window."""
        picked = [r for r in rows if self._covers(r)]
        if self.statistic is Statistic.COUNT:
            return float(len(picked))
        return _summarize(self.statistic, picked) if picked else None

    def _covers(self, row: Row) -> bool:
        named = row.entity == self.entity and self.subject in ("", row.subject)
        return named and self.start <= row.time <= self.end and self.text in row.text


def _summarize(statistic: Statistic, rows: Sequence[Row]) -> float:
    if statistic is Statistic.LAST:
        return max(rows, key=lambda row: row.time).value
    values = [row.value for row in rows]
    return max(values) if statistic is Statistic.MAX else median(values)


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    """One factual sentence; each number in it is one of its readings."""

    text: str
    readings: tuple[Reading, ...]
    points: float = 0.0

    def __post_init__(self) -> None:
        if not self.readings:
            raise ValueError(f"a claim cites nothing: {self.text}")

    @property
    def evidence_ids(self) -> tuple[str, ...]:
        """The evidence it rests on, each once, in order."""
        return tuple(dict.fromkeys(reading.evidence_id for reading in self.readings))
