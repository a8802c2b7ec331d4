"""Many vendors' words on one scale: severity, environment and status, the original word kept beside it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from enum import StrEnum
from types import MappingProxyType

from autoheal.domain.alert import AlertStatus, Severity

UNSTATED_START = datetime.min.replace(tzinfo=UTC)
"""The start of an alert whose source tells none; intake pins it to the occurrence that fires, or to now."""

UNKNOWN_ENVIRONMENT = "unknown"
_MAX_NAME = 100


class Scale(StrEnum):
    """Which way bare numbers run: rising to 5 (Zabbix), falling from 1 (priorities), or from 0 (syslog)."""

    RISING = "rising"
    FALLING = "falling"
    SYSLOG = "syslog"


_C, _H, _M, _L, _I = Severity
_WORDS: Mapping[Severity, str] = MappingProxyType(
    {
        _C: "critical crit fatal page paging emergency emerg disaster blocker urgent severe"
        " alert sev0 sev1 p0 p1",
        _H: "high error err major failure failed sev2 p2",
        _M: "medium warning warn average moderate minor degraded sev3 p3",
        _L: "low notice sev4 p4 ticket",
        _I: "info information informational debug none ok notclassified trace sev5 p5",
    }
)
_BY_WORD = {word: severity for severity, words in _WORDS.items() for word in words.split()}
_BY_NUMBER: Mapping[Scale, tuple[Severity, ...]] = MappingProxyType(
    {
        Scale.RISING: (_I, _I, _L, _M, _H, _C),
        Scale.FALLING: (_C, _C, _H, _M, _L, _I),
        Scale.SYSLOG: (_C, _C, _C, _H, _M, _L, _I, _I),
    }
)
_ENVIRONMENT_LABELS = (
    "environment",
    "env",
    "deployment_environment_name",
    "deployment_environment",
    "deployment.environment.name",
    "deployment.environment",
    "stage",
)
_ENVIRONMENTS = {
    "prod": "production",
    "prd": "production",
    "live": "production",
    "stg": "staging",
    "dev": "development",
}
_BREAK = re.compile(r"[^a-z0-9]+")
_FIRING = frozenset(
    (
        "firing",
        "alerting",
        "alarm",
        "open",
        "opened",
        "triggered",
        "trigger",
        "active",
        "problem",
        "fire",
        "created",
    )
)
_RESOLVED = frozenset(
    ("resolved", "ok", "closed", "close", "recovered", "recovery", "inactive", "normal", "resolve", "cleared")
)


def severity(word: str, scale: Scale = Scale.RISING) -> Severity:
    """The vendor's word on our scale; medium when the word is missing or unknown, for that hides nothing."""
    plain = word.strip().lower()
    if plain.isascii() and plain.isdigit():
        numbers = _BY_NUMBER[scale]
        return numbers[min(int(plain[:3]), len(numbers) - 1)]
    joined = plain.replace("-", "").replace(" ", "")
    first = _BREAK.split(plain, maxsplit=1)[0]
    return _BY_WORD.get(joined) or _BY_WORD.get(first, Severity.MEDIUM)


def status(word: str) -> AlertStatus | None:
    """Firing or resolved in any vendor's word; None when the word says neither."""
    plain = word.strip().lower()
    if plain in _FIRING:
        return AlertStatus.FIRING
    return AlertStatus.RESOLVED if plain in _RESOLVED else None


def environment(labels: Mapping[str, str]) -> str:
    """The environment that the labels name, in its long form; `unknown` when they name none."""
    named = (labels[label].strip().lower() for label in _ENVIRONMENT_LABELS if labels.get(label, "").strip())
    word = next(named, UNKNOWN_ENVIRONMENT)
    return _ENVIRONMENTS.get(word, word[:_MAX_NAME])
