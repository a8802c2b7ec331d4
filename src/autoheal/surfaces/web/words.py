"""How values read on a page: times in UTC, three digits, a sign and a word instead of color alone."""

from __future__ import annotations

import math
from collections.abc import Mapping
from datetime import UTC, datetime
from types import MappingProxyType

from markupsafe import Markup

NOTHING = "-"
_MINUTES_FROM, _HOURS_FROM = 90, 5400
_PREFIXES = ((1e9, "G"), (1e6, "M"), (1e3, "k"))
_SIGNS: Mapping[str, str] = MappingProxyType(
    {
        **dict.fromkeys(("critical", "high", "firing", "failed", "fail", "unknown", "worse"), "▲"),
        **dict.fromkeys(("medium", "warn", "proposed", "awaiting_approval", "escalated", "undone"), "◆"),
        **dict.fromkeys(("resolved", "mitigated", "verified", "merged", "accepted", "ok", "helped"), "✔"),
        **dict.fromkeys(("approved", "executed", "mitigated_by_us", "recovered_alone", "deployed"), "✔"),
        **dict.fromkeys(("rejected", "dismissed", "expired", "still_failing", "denied"), "✘"),
        **dict.fromkeys(("leading", "investigating", "deciding", "mitigating", "verifying"), "▶"),
    }
)
_TONES: Mapping[str, str] = MappingProxyType({"▲": "bad", "◆": "wait", "✔": "good", "✘": "off", "▶": "busy"})


def moment(at: datetime | None) -> Markup:
    """A time element in UTC, or a dash."""
    if at is None:
        return Markup("-")
    return Markup('<time datetime="{}">{} <small>UTC</small></time>').format(
        at.isoformat(timespec="seconds"), at.strftime("%Y-%m-%d %H:%M:%S")
    )


def clock(at: datetime) -> Markup:
    """A time element with the time of day only; the whole instant is in the attribute."""
    return Markup('<time datetime="{}">{}</time>').format(
        at.isoformat(timespec="seconds"), at.strftime("%H:%M:%S")
    )


def instant(seconds: float) -> datetime:
    """Unix seconds as an instant in UTC; what is no time at all is the beginning of time."""
    try:
        return datetime.fromtimestamp(seconds, tz=UTC)
    except (ValueError, OverflowError, OSError):
        return datetime.fromtimestamp(0, tz=UTC)


def measure(value: float | None, unit: str) -> str:
    """A figure with its unit, as a person says it."""
    if value is None:
        return "not measured"
    if unit in ("s", "seconds"):
        return span(value)
    return share(value) if unit == "share" else f"{number(value)} {unit}"


def span(seconds: float | None) -> str:
    """Seconds as a person says them."""
    if seconds is None:
        return NOTHING
    sign, left = ("-" if seconds < 0 else ""), abs(seconds)
    if left < _MINUTES_FROM:
        return f"{sign}{number(left)} s"
    return f"{sign}{left / 60:.0f} min" if left < _HOURS_FROM else f"{sign}{left / 3600:.1f} h"


def between(start: datetime | None, end: datetime | None) -> str:
    """How long it took, or a dash."""
    return span((end - start).total_seconds()) if start is not None and end is not None else NOTHING


def number(value: float | None) -> str:
    """At most three significant digits, with a prefix where that is shorter."""
    if value is None or math.isnan(value):
        return NOTHING
    if math.isinf(value):
        return "∞" if value > 0 else "-∞"
    for size, prefix in _PREFIXES:
        if abs(value) >= size:
            return f"{value / size:.3g} {prefix}"
    return f"{value:.3g}"


def share(value: float | None) -> str:
    """A probability in percent."""
    return NOTHING if value is None else f"{value:.0%}"


def badge(word: str | None) -> Markup:
    """A state or severity: a sign, the word, and a tone."""
    plain = str(word or "open")
    sign = _SIGNS.get(plain, "●")
    return Markup('<span class="badge {}"><span aria-hidden="true">{}</span> {}</span>').format(
        _TONES.get(sign, "calm"), sign, plain.replace("_", " ")
    )
