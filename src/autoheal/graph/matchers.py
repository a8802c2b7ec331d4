"""Alertmanager matchers, with regular expressions that cannot run away."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import lru_cache

from autoheal.domain.alert import Alert
from autoheal.domain.errors import ConfigError
from autoheal.domain.skill import Matcher
from autoheal.graph.signature import words

MAX_PATTERN = 200
MAX_VALUE = 256
_WRITTEN = re.compile(r'^\s*([A-Za-z_]\w*)\s*(=~|!~|!=|=)\s*"([^"\\]*(?:\\.[^"\\]*)*)"\s*$')
# Backtracking runs away on a repeated group, on look-around and on back references; two unbounded repeats
# over at most 256 characters stay below 100,000 steps.
_DANGEROUS = re.compile(r"\)[*+{?]|\(\?|\\\d|[*+}]\+")
_REPEATS = re.compile(r"(?<!\\)[*+{]")
_FUTURE = re.compile(r"\[[^\]]*(?:\[|--|&&|~~|\|\|)")
"""Signs of sets of sets, of which `re` warns that they are reserved."""
_UNLIKELY = ("", "zz-no-such-alert-0", "ZzNoSuchAlert")


def parse(text: str) -> Matcher:
    """A matcher as Alertmanager writes it, such as `alertname=~"High.*"`; raises ConfigError."""
    match = _WRITTEN.fullmatch(text)
    if match is None:
        raise ConfigError(f'{text!r} is no matcher; write label="value" with one of = != =~ !~')
    value = re.sub(r"\\([\"\\])", r"\1", match[3])
    if match[2] in ("=~", "!~"):
        _compiled(value)
    return Matcher(label=match[1], operator=match[2], value=value)


def render(matcher: Matcher) -> str:
    """The matcher as `parse` reads it."""
    value = matcher.value.replace("\\", "\\\\").replace('"', '\\"')
    return f'{matcher.label}{matcher.operator}"{value}"'


def holds(matcher: Matcher, labels: Mapping[str, str]) -> bool:
    """Whether the labels satisfy the matcher; a missing label is an empty one, as in Alertmanager."""
    value = labels.get(matcher.label, "")
    if matcher.operator in ("=", "!="):
        return (value == matcher.value) is (matcher.operator == "=")
    return (_compiled(matcher.value).fullmatch(value[:MAX_VALUE]) is not None) is (matcher.operator == "=~")


def narrows(matcher: Matcher) -> bool:
    """Whether it asks for something, rather than admitting any value."""
    return matcher.operator in ("=", "=~") and not any(holds(matcher, {matcher.label: v}) for v in _UNLIKELY)


def labels_of(alert: Alert) -> dict[str, str]:
    """The labels that matchers see: the alert's own, and our words where it has none."""
    known = {
        "alertname": alert.name,
        "service": alert.service or "",
        "severity": alert.severity.value,
        "environment": alert.environment,
    }
    return {**known, **alert.labels}


def without_service(name: str, service: str) -> str:
    """The alert's name without the name of its service: KycMemoryHigh on kyc is a MemoryHigh.

    The name itself where the service is no part of it, or nearly all of it.
    """
    ours = words(service)
    spelled = r"[\W_]*".join(map(re.escape, ours))
    for found in re.finditer(spelled, name, re.IGNORECASE) if ours else ():
        if _apart(name, found.start()) and _apart(name, found.end()):
            left = (name[: found.start()] + name[found.end() :]).strip("_- :")
            return left if len(left) >= LEAST_NAME else name
    return name


def _apart(name: str, at: int) -> bool:
    """Whether a word ends or begins at this place: PaymentsDown holds no service called pay."""
    before, after = name[at - 1 : at], name[at : at + 1]
    return not (before.isalnum() and after.isalnum()) or (after.isupper() and not before.isspace())


LEAST_NAME = 4


@lru_cache(maxsize=512)
def _compiled(pattern: str) -> re.Pattern[str]:
    if len(pattern) > MAX_PATTERN or _DANGEROUS.search(pattern) or len(_REPEATS.findall(pattern)) > 2:  # noqa: PLR2004  the bound is explained above
        raise ConfigError(
            f"the pattern {pattern[:60]!r} could run away: at most two repeats, none of a group"
        )
    if _FUTURE.search(pattern):
        raise ConfigError(f"the pattern {pattern[:60]!r} will mean something else one day: write \\[ or \\-")
    try:
        return re.compile(pattern)
    except (re.error, OverflowError) as error:
        raise ConfigError(f"the pattern {pattern[:60]!r} is wrong: {error}") from None
