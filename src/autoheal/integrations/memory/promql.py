"""The part of PromQL that in-memory metrics understand, as a syntax tree."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import TypeAlias

AGGREGATIONS = frozenset({"sum", "min", "max", "avg", "count", "group"})
_LOOSEST: tuple[frozenset[str], ...] = (
    frozenset({"or"}),
    frozenset({"and", "unless"}),
    frozenset({"==", "!=", "<=", "<", ">=", ">"}),
    frozenset({"+", "-"}),
    frozenset({"*", "/", "%"}),
)
COMPARISONS = _LOOSEST[2]
_TOKEN = re.compile(
    r"""\s*(?:
      (?P<string>"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*')
    | (?P<duration>(?:\d+(?:ms|[smhdwy]))+)
    | (?P<number>\d+(?:\.\d+)?(?:[eE][+-]?\d+)?)
    | (?P<word>[a-zA-Z_:][a-zA-Z0-9_:]*)
    | (?P<mark>=~|!~|==|!=|<=|>=|[-+*/%<>=(){}\[\],])
    )""",
    re.VERBOSE,
)
_SECONDS: Mapping[str, float] = MappingProxyType(
    {"ms": 0.001, "s": 1, "m": 60, "h": 3600, "d": 86_400, "w": 604_800, "y": 31_536_000}
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Matcher:
    """A condition on one label: = != =~ or !~."""

    label: str
    operator: str
    value: str

    def holds(self, labels: Mapping[str, str]) -> bool:
        """Whether the labels fulfill it; a missing label counts as empty."""
        given = labels.get(self.label, "")
        if self.operator in ("=", "!="):
            return (given == self.value) is (self.operator == "=")
        return bool(re.fullmatch(self.value, given)) is (self.operator == "=~")


@dataclass(frozen=True, slots=True, kw_only=True)
class Number:
    """A constant."""

    value: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Selector:
    """Series by their labels; with a window (seconds) all their samples in it."""

    matchers: tuple[Matcher, ...]
    window: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """A function of its arguments."""

    function: str
    arguments: tuple[Node, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Aggregation:
    """Series put together by their labels, or by all labels but these."""

    operator: str
    labels: tuple[str, ...]
    without: bool
    of: Node


@dataclass(frozen=True, slots=True, kw_only=True)
class Binary:
    """Two sides joined; `on` names the labels that must agree, None means all."""

    operator: str
    left: Node
    right: Node
    as_bool: bool = False
    on: tuple[str, ...] | None = None


Node: TypeAlias = Number | Selector | Call | Aggregation | Binary


def parse(expression: str) -> Node:
    """The syntax tree; raises ValueError saying what is not understood."""
    parser = _Parser(_tokens(expression))
    tree = parser.binary(0)
    if parser.kind:
        raise ValueError(f"not understood from {parser.text!r} on")
    return tree


def selectors(tree: Node) -> list[Selector]:
    """Every selector of the tree."""
    match tree:
        case Selector():
            return [tree]
        case Call():
            return [found for argument in tree.arguments for found in selectors(argument)]
        case Aggregation():
            return selectors(tree.of)
        case Binary():
            return [*selectors(tree.left), *selectors(tree.right)]
        case Number():
            return []


def _tokens(expression: str) -> list[tuple[str, str]]:
    found, at, text = list[tuple[str, str]](), 0, expression.rstrip()
    while at < len(text):
        token = _TOKEN.match(text, at)
        if token is None or token.lastgroup is None:
            raise ValueError(f"not understood from {text[at:]!r} on")
        found.append((token.lastgroup, token[token.lastgroup]))
        at = token.end()
    return found


class _Parser:
    """Recursive descent, one token ahead."""

    def __init__(self, tokens: list[tuple[str, str]]) -> None:
        self._tokens = [*tokens, ("", "")]
        self._at = 0

    @property
    def kind(self) -> str:
        return self._tokens[self._at][0]

    @property
    def text(self) -> str:
        return self._tokens[self._at][1] if self.kind != "string" else ""

    def binary(self, level: int) -> Node:
        if level == len(_LOOSEST):
            return self._unary()
        left = self.binary(level + 1)
        while self.text in _LOOSEST[level]:
            operator = self._next()
            as_bool = self._skip("bool")
            on = self._labels() if self._skip("on") else None
            right = self.binary(level + 1)
            left = Binary(operator=operator, left=left, right=right, as_bool=as_bool, on=on)
        return left

    def _unary(self) -> Node:
        if self._skip("-"):
            return Binary(operator="*", left=Number(value=-1.0), right=self._unary())
        if self._skip("("):
            inner = self.binary(0)
            self._expect(")")
            return inner
        if self.kind == "number":
            return Number(value=float(self._next()))
        return self._word()

    def _word(self) -> Node:
        if self.text == "{":
            return self._selector([])
        if self.kind != "word":
            raise ValueError(f"an expression is expected before {self.text!r}")
        word = self._next()
        if word in AGGREGATIONS and self.text in ("by", "without", "("):
            return self._aggregation(word)
        if self.text == "(":
            return Call(function=word, arguments=self._arguments())
        return self._selector([Matcher(label="__name__", operator="=", value=word)])

    def _aggregation(self, operator: str) -> Node:
        without, labels = False, tuple[str, ...]()
        if self.text in ("by", "without"):
            without = self._next() == "without"
            labels = self._labels()
        (of,) = self._arguments()
        if self.text in ("by", "without"):
            without = self._next() == "without"
            labels = self._labels()
        return Aggregation(operator=operator, labels=labels, without=without, of=of)

    def _arguments(self) -> tuple[Node, ...]:
        self._expect("(")
        found: list[Node] = []
        while not self._skip(")"):
            found.append(self.binary(0))
            self._skip(",")
        return tuple(found)

    def _labels(self) -> tuple[str, ...]:
        self._expect("(")
        found: list[str] = []
        while not self._skip(")"):
            found.append(self._next())
            self._skip(",")
        return tuple(found)

    def _selector(self, matchers: list[Matcher]) -> Node:
        if self._skip("{"):
            while not self._skip("}"):
                label, operator = self._next(), self._next()
                matchers.append(Matcher(label=label, operator=operator, value=_unquoted(self._next())))
                self._skip(",")
        window = None
        if self._skip("["):
            window = seconds(self._next())
            self._expect("]")
        return Selector(matchers=tuple(matchers), window=window)

    def _next(self) -> str:
        kind, text = self._tokens[self._at]
        if not kind:
            raise ValueError("the expression ends too early")
        self._at += 1
        return text

    def _skip(self, text: str) -> bool:
        if self.text != text or not self.kind:
            return False
        self._at += 1
        return True

    def _expect(self, text: str) -> None:
        if not self._skip(text):
            raise ValueError(f"{text!r} is expected before {self.text!r}")


def _unquoted(text: str) -> str:
    return re.sub(r"\\(.)", lambda found: {"n": "\n", "t": "\t"}.get(found[1], found[1]), text[1:-1])


def seconds(duration: str) -> float:
    """A duration such as 1h30m in seconds."""
    parts = re.findall(r"(\d+)(ms|[smhdwy])", duration)
    if not parts:
        raise ValueError(f"{duration!r} is no duration")
    return sum(float(number) * _SECONDS[unit] for number, unit in parts)
