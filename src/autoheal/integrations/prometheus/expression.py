"""Reads which series a PromQL expression selects, and refuses one that could hurt the backend.

Prometheus' own limits are lax (2 minutes, 50 million samples), so each selector must name a metric or hold an
equality matcher, and no window may be longer than allowed.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

_MAX_LENGTH = 20_000
_MAX_POINTS = 11_000
_DEFAULT_RESOLUTION = 60.0
_TOKEN = re.compile(
    r"""(?P<skip>\s+|\#[^\n]*)
    | (?P<string>"(?:[^"\\\n]|\\.)*"|'(?:[^'\\\n]|\\.)*'|`[^`]*`)
    | (?P<window>\[[^\[\]"'`{}()]*\])
    | (?P<number>0[xX][0-9a-fA-F]+|\d+(?:\.\d*)?(?:[eE][+-]?\d+)?(?![a-zA-Z0-9_])|\.\d+(?:[eE][+-]?\d+)?)
    | (?P<duration>(?:\d+(?:ms|[smhdwy]))+)
    | (?P<word>[a-zA-Z_:][a-zA-Z0-9_:.]*)
    | (?P<mark>=~|!~|==|!=|<=|>=|[-+*/%^<>=(){},@])""",
    re.VERBOSE,
)
_WITH_LABELS = frozenset({"by", "without", "on", "ignoring", "group_left", "group_right"})
_NO_METRICS = frozenset({"and", "or", "unless", "bool", "offset", "atan2", "inf", "nan", "start", "end"})
_AGGREGATIONS = frozenset(
    {"sum", "min", "max", "avg", "group", "stddev", "stdvar", "count", "count_values", "bottomk", "topk"}
    | {"quantile", "limitk", "limit_ratio"}
)
_SECONDS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86_400.0, "w": 604_800.0, "y": 31_536_000.0}


@dataclass(frozen=True, slots=True, kw_only=True)
class Selection:
    """One selector: the metric it names, or its matchers as written."""

    metric: str
    matchers: str = ""
    bounded: bool = True


@dataclass(frozen=True, slots=True)
class _Token:
    kind: str
    text: str


def selections(expression: str) -> list[Selection]:
    """Every selector in the expression; raises ValueError where it cannot be read."""
    return list(_selections(_tokens(expression)))


def refusal(expression: str, *, max_range_seconds: float) -> str | None:
    """Why the expression must not be sent, or None."""
    if len(expression) > _MAX_LENGTH:
        return f"the query is longer than {_MAX_LENGTH} characters"
    try:
        tokens = _tokens(expression)
        found = list(_selections(tokens))
        _check_windows(tokens, max_range_seconds)
    except ValueError as error:
        return f"the query {error}"
    if not found or not all(selection.bounded for selection in found):
        return 'each part of the query needs a metric name or an equality matcher such as {service="x"}'
    return None


def _tokens(expression: str) -> list[_Token]:
    found, at = list[_Token](), 0
    while at < len(expression):
        token = _TOKEN.match(expression, at)
        if token is None or token.lastgroup is None:
            raise ValueError(f"cannot be read from {expression[at : at + 20]!r} on")
        if token.lastgroup != "skip":
            found.append(_Token(token.lastgroup, token[0]))
        at = token.end()
    return [*found, _Token("end", ""), _Token("end", "")]


def _selections(tokens: list[_Token]) -> Iterator[Selection]:
    at = 0
    while tokens[at].kind != "end":
        token, following = tokens[at], tokens[at + 1]
        if token.text == "{" and token.kind == "mark":
            close = _close(tokens, at, "}")
            yield _selection("", tokens[at + 1 : close])
            at = close
        elif token.kind == "word" and token.text.lower() in _WITH_LABELS and following.text == "(":
            at = _close(tokens, at + 1, ")")
        elif token.kind == "word" and _is_metric(token.text, following):
            yield Selection(metric=token.text)
            if following.text == "{":
                at = _close(tokens, at + 1, "}")
        at += 1


def _is_metric(word: str, following: _Token) -> bool:
    if following.text == "(" or word.lower() in _NO_METRICS | _WITH_LABELS:
        return False
    return word.lower() not in _AGGREGATIONS or following.text.lower() not in ("by", "without")


def _close(tokens: list[_Token], opened: int, mark: str) -> int:
    for at in range(opened + 1, len(tokens)):
        if tokens[at] == _Token("mark", mark):
            return at
    raise ValueError(f"never closes with {mark!r}")


def _selection(metric: str, inside: list[_Token]) -> Selection:
    # PromQL 3 also writes the metric as a bare string: {"http.requests"}.
    for at, token in enumerate(inside):
        after = inside[at + 1] if at + 1 < len(inside) else _Token("mark", ",")
        before = inside[at - 1] if at else _Token("mark", ",")
        if token.kind == "string" and before.text == "," and after.text == ",":
            metric = token.text[1:-1]
    equal = [
        (label.text, value.text[1:-1])
        for label, operator, value in zip(inside, inside[1:], inside[2:], strict=False)
        if operator == _Token("mark", "=") and value.kind == "string" and len(value.text) > 2  # noqa: PLR2004  quotes
    ]
    metric = metric or dict(equal).get("__name__", "")
    written = "{" + "".join(token.text for token in inside) + "}"
    return Selection(metric=metric, matchers=written, bounded=bool(metric or equal))


def _check_windows(tokens: list[_Token], max_range_seconds: float) -> None:
    points = 1.0
    for token in tokens:
        if token.kind != "window":
            continue
        length, colon, resolution = token.text[1:-1].partition(":")
        seconds = duration(length)
        if seconds > max_range_seconds:
            raise ValueError(f"looks back {length.strip()}, more than the {max_range_seconds:g} s allowed")
        if colon:
            points *= seconds / max(duration(resolution) or _DEFAULT_RESOLUTION, 0.001)
    if points > _MAX_POINTS:
        raise ValueError(f"asks for {points:.0f} points in its subqueries, more than {_MAX_POINTS}")


def duration(text: str) -> float:
    """A duration such as 1h30m, or a bare number, in seconds; 0 when empty."""
    text = text.strip()
    parts = re.findall(r"(\d+)(ms|[smhdwy])", text)
    if "".join(number + unit for number, unit in parts) == text:
        return sum(float(number) * _SECONDS[unit] for number, unit in parts)
    try:
        return float(text)
    except ValueError:
        raise ValueError(f"has a window that cannot be read: {text!r}") from None
