"""Log lines as templates: masks for what varies by its look, then Drain for words that vary by place.

Source: He et al., Drain: an online log parsing approach with fixed depth tree (ICWS 2017).
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from dataclasses import dataclass, field

import polars as pl

LINE_LIMIT = 400
DISTINCT_LIMIT = 4000
_TOKEN_LIMIT = 40
_SIMILAR = 0.6
WILDCARD = "<*>"
_OUTCOMES = frozenset(
    re.split(
        " ",
        "success successful succeeded ok done fail fails failed failure error errors exception true false "
        "null none empty not no missing denied timeout",
    )
)
"""Words that tell how it ended: lines that differ in one of them are never one template."""

_MASKS = (
    (r"[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F-]{13,}", WILDCARD),
    (r"\b[0-9a-fA-F]{12,}\b", WILDCARD),
    (r"\b0x[0-9a-fA-F]+", WILDCARD),
    (r"[^\s\[\](){},;=:\"']*\d[^\s\[\](){},;=:\"']*", WILDCARD),
)
_BREAKS = re.compile(r"[\s\[\](){},;=:\"'|\uff1a]+")
_SPLIT = re.compile(f"({_BREAKS.pattern})")
_REPEATED = r"(<\*>[\s,.:;/-]*){2,}"


@dataclass(slots=True)
class _Cluster:
    tokens: list[str]
    number: int
    line: str

    def text(self) -> str:
        """The first line with its punctuation, and a wildcard for each word that varies."""
        words = iter(self.tokens)
        pieces = _SPLIT.split(self.line)
        return "".join(
            piece if _BREAKS.fullmatch(piece) or not piece else next(words, "") for piece in pieces
        )


@dataclass(slots=True)
class Drain:
    """Clusters of token lists: same length, first word and outcome, and enough equal words."""

    boilerplate: frozenset[str] = frozenset()
    similar: float = _SIMILAR
    clusters: list[_Cluster] = field(default_factory=list)
    _groups: dict[tuple[int, str, tuple[str, ...]], list[_Cluster]] = field(
        default_factory=lambda: defaultdict(list)
    )

    def add(self, line: str) -> int:
        """The number of the line's template, which the line may widen."""
        tokens = [token for token in _BREAKS.split(line) if token][:_TOKEN_LIMIT]
        telling = [place for place, token in enumerate(tokens) if self._tells(token)]
        outcome = tuple(word for token in tokens if (word := token.lower().rstrip(".!")) in _OUTCOMES)
        group = self._groups[len(tokens), tokens[telling[0]] if telling else "", outcome]
        best, score = None, -1.0
        for cluster in group:
            share = _share(cluster.tokens, tokens, telling)
            if share > score:
                best, score = cluster, share
        if best is None or score < self.similar:
            best = _Cluster(tokens=tokens, number=len(self.clusters), line=line)
            group.append(best)
            self.clusters.append(best)
            return best.number
        best.tokens = [old if old == new else WILDCARD for old, new in zip(best.tokens, tokens, strict=True)]
        return best.number

    def _tells(self, token: str) -> bool:
        return token != WILDCARD and token not in self.boilerplate


def _share(known: list[str], tokens: list[str], telling: list[int]) -> float:
    if not telling:
        return 1.0
    return sum(known[place] == tokens[place] for place in telling) / len(telling)


def _boilerplate(lines: list[str]) -> frozenset[str]:
    """Words of at least half of the distinct lines, a layout's and not a message's; never severity words."""
    if len(lines) < _FEW_LINES:
        return frozenset()
    seen = Counter(word for line in lines for word in set(_BREAKS.split(line)))
    return frozenset(
        word for word, count in seen.items() if count >= len(lines) / 2 and severity_of(word) <= _QUIET
    )


_FEW_LINES = 20


def mined(messages: pl.Series) -> tuple[pl.Series, list[str]]:
    """The template number of every message and the templates' texts; rare lines beyond a limit share one."""
    masked = _masked(messages)
    counts = masked.value_counts(sort=True).sort(["count", masked.name], descending=[True, False])
    lines = counts[masked.name].head(DISTINCT_LIMIT).to_list()
    drain = Drain(boilerplate=_boilerplate(lines))
    numbers = [drain.add(line) for line in lines]
    texts = [cluster.text() for cluster in drain.clusters]
    rest = len(texts)
    found = masked.replace_strict(lines, numbers, default=rest, return_dtype=pl.Int64)
    return found, [*texts, "(rare lines)"]


def _masked(messages: pl.Series) -> pl.Series:
    lines = messages.fill_null("").str.slice(0, LINE_LIMIT)
    for pattern, mark in _MASKS:
        lines = lines.str.replace_all(pattern, mark)
    return lines.str.replace_all(_REPEATED, WILDCARD + " ").alias("line")


_SEVERITY = (
    (1.0, re.compile(r"\b(fatal|panic|critical|crit|emerg|alert)\b", re.IGNORECASE)),
    (
        0.9,
        re.compile(
            r"\b(error|err|severe|exception|traceback|failed|failure|refused|oom)\b|exception", re.IGNORECASE
        ),
    ),
    (
        0.6,
        re.compile(r"\b(warn|warning|timeout|timed|slow|exceeded|retry|denied|throttl\w*)\b", re.IGNORECASE),
    ),
)
_QUIET = 0.15
_GIVEN_UP = re.compile(r"\bcancel+ed by (the )?(client|caller)|client (disconnected|closed)", re.IGNORECASE)


def severity_of(text: str) -> float:
    """How grave a template's words are, from 0.15 (informative) to 1 (fatal); a caller's giving up is not."""
    if _GIVEN_UP.search(text):
        return 2 * _QUIET
    return next((weight for weight, words in _SEVERITY if words.search(text)), _QUIET)
