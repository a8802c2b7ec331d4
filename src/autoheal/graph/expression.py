"""The closed expression language of skills: parsed here, never evaluated by Python."""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import TypeAlias

from autoheal.domain.errors import ConfigError
from autoheal.ports.runs import Json

MAX_LENGTH = 500
MAX_DEPTH = 32
_TOKEN = re.compile(
    r"\s*(?:(?P<number>\d+(?:\.\d+)?(?:[eE][+-]?\d+)?)|(?P<name>[A-Za-z_]\w*)"
    r"|(?P<text>\"[^\"\\]*\"|'[^'\\]*')|(?P<sign>&&|\|\||==|!=|<=|>=|[-+*/%<>!()\[\].,]))"
)

Names: TypeAlias = Mapping[str, Json]
Meaning: TypeAlias = Callable[[Names], Json]
"""What an expression says of saved values; None is unknown and spreads, so no data never decides."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Expression:
    """A parsed expression with the names it rests on."""

    text: str
    names: frozenset[str]
    meaning: Meaning

    def value(self, names: Names) -> Json:
        """The value under these names; None where something it needs is unknown."""
        return self.meaning(names)

    def holds(self, names: Names) -> bool:
        """Whether it is certainly true: unknown is not true."""
        return self.meaning(names) is True


def parse(text: str) -> Expression:
    """Read an expression; raises ConfigError that names the place."""
    if len(text) > MAX_LENGTH:
        raise ConfigError(f"expression of {len(text)} characters: at most {MAX_LENGTH} are read")
    parser = _Parser(text)
    meaning = parser.whole()
    return Expression(text=text, names=frozenset(parser.names), meaning=meaning)


@dataclass(frozen=True, slots=True)
class _Token:
    kind: str
    text: str
    at: int


def _tokens(text: str) -> Iterator[_Token]:
    at = 0
    end = len(text.rstrip())
    while at < end:
        match = _TOKEN.match(text, at)
        if match is None or match.lastgroup is None:
            raise ConfigError(f"expression {text!r}: character {at + 1} is not understood")
        yield _Token(match.lastgroup, match[match.lastgroup], match.start(match.lastgroup))
        at = match.end()
    yield _Token("end", "", end)


def _both(do: Callable[[float, float], float | bool]) -> Callable[[Json, Json], Json]:
    def numbers(left: Json, right: Json) -> Json:
        one, other = _known(left), _known(right)
        if one is None or other is None:
            return None
        try:
            return do(one, other)
        except (ZeroDivisionError, OverflowError):
            return None

    return numbers


def _known(value: Json) -> float | None:
    """The number that a value is; None for all else, and for an integer that no float holds."""
    if not isinstance(value, int | float) or isinstance(value, bool) or value != value:  # noqa: PLR0124  NaN
        return None
    try:
        return float(value)
    except OverflowError:
        return None


def _same(left: Json, right: Json) -> Json:
    return None if left is None or right is None else left == right


def _differ(left: Json, right: Json) -> Json:
    return None if left is None or right is None else left != right


def _and(left: Json, right: Json) -> Json:
    if left is False or right is False:
        return False
    return True if left is True and right is True else None


def _or(left: Json, right: Json) -> Json:
    if left is True or right is True:
        return True
    return False if left is False and right is False else None


# Loosest first; operators of one row bind alike, from left to right.
_LEVELS: tuple[Mapping[str, Callable[[Json, Json], Json]], ...] = (
    {"||": _or},
    {"&&": _and},
    {
        "==": _same,
        "!=": _differ,
        "<": _both(operator.lt),
        "<=": _both(operator.le),
        ">": _both(operator.gt),
        ">=": _both(operator.ge),
    },
    {"+": _both(operator.add), "-": _both(operator.sub)},
    {"*": _both(operator.mul), "/": _both(operator.truediv), "%": _both(operator.mod)},
)


def _fold(do: Callable[[list[float]], float]) -> Callable[[list[Json]], Json]:
    def numbers(values: list[Json]) -> Json:
        known = [number for value in values if (number := _known(value)) is not None]
        return do(known) if known and len(known) == len(values) else None

    return numbers


def _any(values: list[Json]) -> Json:
    return True if any(value is True for value in values) else (None if None in values else False)


def _all(values: list[Json]) -> Json:
    return False if any(value is False for value in values) else (None if None in values else True)


_FUNCTIONS: Mapping[str, Callable[[list[Json]], Json]] = MappingProxyType(
    {
        "max": _fold(max),
        "min": _fold(min),
        "sum": _fold(sum),
        "any": _any,
        "all": _all,
        "len": len,
    }
)
_WORDS: Mapping[str, Json] = MappingProxyType({"true": True, "false": False})


class _Parser:
    """Recursive descent over the tokens; every level returns what its part means."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.names: set[str] = set()
        self._tokens = list(_tokens(text))
        self._at = 0
        self._depth = 0

    def whole(self) -> Meaning:
        """The meaning of all tokens."""
        meaning = self._level(0)
        if self._next.kind != "end":
            raise self._wrong("ends too early or misses an operator")
        return meaning

    @property
    def _next(self) -> _Token:
        return self._tokens[self._at]

    def _wrong(self, what: str) -> ConfigError:
        return ConfigError(f"expression {self.text!r}: at character {self._next.at + 1} it {what}")

    def _take(self, *signs: str) -> str | None:
        token = self._next
        if token.kind != "sign" or token.text not in signs:
            return None
        self._at += 1
        return token.text

    def _need(self, sign: str) -> None:
        if self._take(sign) is None:
            raise self._wrong(f"needs {sign}")

    def _level(self, level: int) -> Meaning:
        if level == len(_LEVELS):
            return self._unary()
        meaning = self._level(level + 1)
        while sign := self._take(*_LEVELS[level]):
            meaning = _joined(_LEVELS[level][sign], meaning, self._level(level + 1))
        return meaning

    def _unary(self) -> Meaning:
        self._depth += 1
        if self._depth > MAX_DEPTH:
            raise self._wrong(f"is nested deeper than {MAX_DEPTH}")
        if self._take("!"):
            meaning = _negated(self._unary())
        elif self._take("-"):
            meaning = _joined(_both(operator.sub), _constant(0.0), self._unary())
        else:
            meaning = self._postfix(self._atom())
        self._depth -= 1
        return meaning

    def _atom(self) -> Meaning:
        token = self._next
        if self._take("("):
            meaning = self._level(0)
            self._need(")")
            return meaning
        self._at += 1
        if token.kind == "number":
            return _constant(float(token.text))
        if token.kind == "text":
            return _constant(token.text[1:-1])
        if token.kind == "name":
            return self._named(token.text)
        self._at -= 1
        raise self._wrong("needs a value")

    def _named(self, name: str) -> Meaning:
        if self._take("("):
            return self._call(name)
        if name in _WORDS:
            return _constant(_WORDS[name])
        self.names.add(name)
        return lambda names: names.get(name)

    def _call(self, name: str) -> Meaning:
        if name not in _FUNCTIONS:
            raise self._wrong(f"calls {name}; only {', '.join(sorted(_FUNCTIONS))} exist")
        given = [self._level(0)]
        while self._take(","):
            given.append(self._level(0))
        self._need(")")
        return _applied(_FUNCTIONS[name], given)

    def _postfix(self, meaning: Meaning) -> Meaning:
        while sign := self._take(".", "["):
            meaning = self._field(meaning) if sign == "." else self._item(meaning)
        return meaning

    def _field(self, meaning: Meaning) -> Meaning:
        token = self._next
        if token.kind != "name":
            raise self._wrong("needs a name after the dot")
        self._at += 1
        return _looked_up(meaning, token.text)

    def _item(self, meaning: Meaning) -> Meaning:
        minus = self._take("-") is not None
        token = self._next
        if token.kind != "number" or not token.text.isdigit():
            raise self._wrong("needs a whole number as index")
        self._at += 1
        self._need("]")
        return _looked_up(meaning, -int(token.text) if minus else int(token.text))


def _constant(value: Json) -> Meaning:
    return lambda _names: value


def _joined(do: Callable[[Json, Json], Json], left: Meaning, right: Meaning) -> Meaning:
    return lambda names: do(left(names), right(names))


def _negated(meaning: Meaning) -> Meaning:
    def value(names: Names) -> Json:
        known = meaning(names)
        return not known if isinstance(known, bool) else None

    return value


def _applied(do: Callable[[list[Json]], Json], given: list[Meaning]) -> Meaning:
    def value(names: Names) -> Json:
        values = [meaning(names) for meaning in given]
        first = values[0]
        if len(values) == 1 and isinstance(first, list):
            return do(first)
        return None if len(values) == 1 and first is None else do(values)

    return value


def _looked_up(meaning: Meaning, key: str | int) -> Meaning:
    def value(names: Names) -> Json:
        held = meaning(names)
        if isinstance(held, dict) and isinstance(key, str):
            return held.get(key)
        if isinstance(held, list) and isinstance(key, int) and -len(held) <= key < len(held):
            return held[key]
        return None

    return value
