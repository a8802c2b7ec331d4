"""The part of LogQL that is understood: a stream selector, line filters, and counts over time."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

_MATCHER = re.compile(r'\s*([A-Za-z_]\w*)\s*(=~|!~|!=|=)\s*("(?:[^"\\]|\\.)*"|`[^`]*`)\s*(,|$)')
_FILTER = re.compile(r'\s*(\|=|!=|\|~|!~)\s*("(?:[^"\\]|\\.)*"|`[^`]*`)')
_COUNT = re.compile(
    r"^\s*(?:sum\s*(?:by\s*\(([^)]*)\))?\s*\()?\s*(count_over_time|rate)\s*\((.*)\[(\d+)([smh])\]\s*\)\s*\)?\s*$",
    re.DOTALL,
)
_SECONDS = {"s": 1, "m": 60, "h": 3600}


class LogQLError(ValueError):
    """The query is not understood; the message says where."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Matcher:
    """One label matcher; operator is one of = != =~ !~."""

    label: str
    operator: str
    value: str

    def holds(self, labels: Mapping[str, str]) -> bool:
        """Whether a stream's labels satisfy it; regular expressions match the whole value."""
        actual = labels.get(self.label, "")
        if self.operator in ("=", "!="):
            return (actual == self.value) == (self.operator == "=")
        return (re.fullmatch(self.value, actual) is not None) == (self.operator == "=~")


@dataclass(frozen=True, slots=True, kw_only=True)
class LineFilter:
    """One line filter; operator is one of |= != |~ !~."""

    operator: str
    value: str

    def holds(self, line: str) -> bool:
        """Whether a line passes it."""
        found = (
            self.value in line if self.operator in ("|=", "!=") else re.search(self.value, line) is not None
        )
        return found == self.operator.startswith("|")


@dataclass(frozen=True, slots=True, kw_only=True)
class Query:
    """A parsed query; with seconds it counts lines per window of that length, per second for a rate."""

    matchers: tuple[Matcher, ...]
    filters: tuple[LineFilter, ...]
    seconds: float | None = None
    per_second: bool = False
    by: tuple[str, ...] | None = None


def parse(text: str) -> Query:
    """The query in the text; raises LogQLError."""
    count = _COUNT.match(text)
    if count is None:
        matchers, filters = _pipeline(text)
        return Query(matchers=matchers, filters=filters)
    by, function, inner, number, unit = count.groups()
    matchers, filters = _pipeline(inner)
    summed = text.strip().startswith("sum")
    names = tuple(name.strip() for name in by.split(",")) if by else ()
    return Query(
        matchers=matchers,
        filters=filters,
        seconds=int(number) * _SECONDS[unit],
        per_second=function == "rate",
        by=names if summed else None,
    )


def _pipeline(text: str) -> tuple[tuple[Matcher, ...], tuple[LineFilter, ...]]:
    text = text.strip()
    if not text.startswith("{") or "}" not in text:
        raise LogQLError(
            f'parse error: expected a stream selector such as {{service_name="x"}} in {text[:80]!r}'
        )
    matchers, end = _selector(text)
    filters = []
    while end < len(text):
        found = _FILTER.match(text, end)
        if found is None:
            raise LogQLError(f"parse error at {end}: {text[end : end + 40]!r} is not a line filter")
        filters.append(LineFilter(operator=found[1], value=_checked(_unquoted(found[2]), found[1])))
        end = found.end()
        end += len(text[end:]) - len(text[end:].lstrip())
    return matchers, tuple(filters)


def _selector(text: str) -> tuple[tuple[Matcher, ...], int]:
    matchers, at = [], 1
    while text[at : at + 1] != "}":
        found = re.compile(_MATCHER.pattern.replace("(,|$)", r"(,|(?=\}))")).match(text, at)
        if found is None:
            raise LogQLError(f"parse error at {at}: {text[at : at + 40]!r} is not a label matcher")
        value = _checked(_unquoted(found[3]), found[2])
        matchers.append(Matcher(label=found[1], operator=found[2], value=value))
        at = found.end()
    if not matchers:
        raise LogQLError("queries require at least one label matcher")
    return tuple(matchers), at + 1


def _unquoted(text: str) -> str:
    if text.startswith("`"):
        return text[1:-1]
    return re.sub(r"\\(.)", lambda m: {"n": "\n", "t": "\t"}.get(m[1], m[1]), text[1:-1])


def _checked(value: str, operator: str) -> str:
    if operator.endswith("~"):
        try:
            re.compile(value)
        except re.error as error:
            raise LogQLError(f"parse error: {value!r} is not a regular expression: {error}") from None
    return value
