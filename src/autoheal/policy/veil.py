"""What is seen without the right to raw text: findings and figures, but no line, delivery or tool's own word.

Findings quote what they rest on, and people and models repeat it. So beside the fields that hold raw text,
every sentence is searched for pieces of the incident's own raw text: quotations, three words in a row, and
single words that look like an identifier and that nothing public names.
"""

from __future__ import annotations

import json
import re
from bisect import bisect_right
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, fields, is_dataclass, replace
from enum import Enum
from typing import TypeVar, cast

from autoheal.domain.alert import Alert
from autoheal.domain.decision_trace import DecisionTrace, canonical
from autoheal.domain.evidence import Claim, Failed, Reading
from autoheal.domain.mitigation import Mitigation
from autoheal.domain.proposal import Proposal

T = TypeVar("T")
WITHHELD = "[withheld]"
_RUN = 3
"""Words in a row that are called a copy, as long as one of them is nobody's name."""
_LEAST = 4
"""Characters of a quotation that is looked for elsewhere; shorter ones are everybody's words."""
_DIGITS = 9
"""Digits in a row that are a number of somebody or something and no figure."""

_WORD = re.compile(r"\w+(?:[-.:/@=#+]\w+)*")
_PIECE = re.compile(r"\w+")
_OF = '" of "'
_FREE = frozenset({"escalation", "why_asked", "text", "reason", "says", "note"})
"""Fields in which anybody may say anything."""
_KEPT = frozenset({"id", "hash", "previous_hash", "digest", "evidence_digest", "signature"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Veil:
    """Lies over the words of one incident; names are what may always be said of it."""

    raw: str
    runs: str
    pieces: frozenset[str]
    names: frozenset[str]
    quotes: tuple[str, ...]
    blind: bool
    """The raw text was deleted: what was made of it cannot be searched, and is withheld whole."""
    plain: frozenset[str]
    """Evidence whose text may be shown, since it is a finding itself: the changes."""

    def over(self, word: T) -> T:
        """The same word with everything raw in it withheld."""
        return cast("T", self._over(word))

    def text(self, said: str) -> str:
        """A sentence without the pieces of raw text in it."""
        for quote in self.quotes:
            said = said.replace(quote, WITHHELD)
        hidden = [*self._telling(said), *self._copied(said)]
        for start, end in sorted(set(hidden), reverse=True):
            said = said[:start] + WITHHELD + said[end:]
        return re.sub(rf"{re.escape(WITHHELD)}(?:\s*{re.escape(WITHHELD)})+", WITHHELD, said)

    def _telling(self, said: str) -> Iterator[tuple[int, int]]:
        for found in _WORD.finditer(said):
            parts = _PIECE.findall(found[0])
            single = any(_tells(p) and p in self.pieces and p not in self.names for p in parts)
            if single or (len(parts) > 1 and self._foreign(found[0], parts)):
                yield found.span()

    def _foreign(self, word: str, parts: Sequence[str]) -> bool:
        """Whether a word of several parts, which is no figure, stands in a raw line."""
        if word in self.names or not self.pieces.issuperset(parts):
            return False
        return any(c.isalpha() for c in word) and word in self.raw

    def _copied(self, said: str) -> Iterator[tuple[int, int]]:
        """Each word that is part of a run; words that stand in a longer word are told with it."""
        found = list(_PIECE.finditer(said))
        spans = [one.span() for one in _WORD.finditer(said)]
        starts = [start for start, _ in spans]
        for place in range(len(found) - _RUN + 1):
            run = found[place : place + _RUN]
            if self._copy([one[0] for one in run]):
                yield from (spans[bisect_right(starts, one.start()) - 1] for one in run)

    def _copy(self, words: Sequence[str]) -> bool:
        """Whether they stand in a raw line as they do here, and are not all names or figures."""
        if not self.pieces.issuperset(words) or all(w in self.names or w.isdigit() for w in words):
            return False
        return f" {' '.join(words)} " in self.runs

    def _over(self, word: object) -> object:
        match word:
            case str():
                return word if isinstance(word, Enum) else self.text(word)
            case Alert() | Reading() | Claim() | Failed() | Mitigation() | DecisionTrace():
                return self._structured(word)
            case Proposal():
                return self._each(replace(word, body=_gone(word.body)))
            case Mapping():
                return {key: self._over(value) for key, value in word.items()}
            case tuple() | list():
                return type(word)(self._over(one) for one in word)
        return self._each(word)

    def _each(self, word: object) -> object:
        """A dataclass field by field; what is no text is what it was."""
        if not is_dataclass(word) or isinstance(word, type):
            return word
        named = (field.name for field in fields(word))
        shown = {name: self._over(getattr(word, name)) for name in named if not _kept(name)}
        if self.blind:
            shown |= {name: WITHHELD for name in _FREE & shown.keys() if shown[name]}
        return replace(word, **shown)

    def _structured(self, word: object) -> object:
        match word:
            case Alert():
                word = replace(word, summary=_gone(word.summary), labels={}, annotations={})
            case Reading() if word.evidence_id not in self.plain:
                word = replace(word, text=_gone(word.text))
            case Claim():
                word = replace(word, text=self._claim(word), readings=tuple(map(self.over, word.readings)))
            case Failed():
                word = replace(word, reason=_gone(word.reason))
            case Mitigation():  # all else is bound by its digest, and is in our own words
                word = replace(word, result=_gone(word.result))
            case DecisionTrace() if self.blind:
                word = replace(word, body=canonical({"said": WITHHELD}))
            case DecisionTrace():
                body: Mapping[str, object] = json.loads(word.body)
                word = replace(word, body=canonical({key: self._over(said) for key, said in body.items()}))
        return word

    def _claim(self, claim: Claim) -> str:
        """What is measured on raw text is named by that text, up to the last word of who wrote it."""
        if not rests_on_text(claim, self.plain):
            return self.text(claim.text)
        _, said = _split(claim)
        return f'"{WITHHELD}"{self.text(said)}'


def rests_on_text(claim: Claim, plain: Collection[str]) -> bool:
    """Whether it counts rows by what they say."""
    return any(reading.text and reading.evidence_id not in plain for reading in claim.readings)


def _split(claim: Claim) -> tuple[str, str]:
    """The quotation that a claim begins with, which may hold quotes itself, and what is said of it."""
    quoted, mark, said = claim.text.rpartition(_OF)
    if not mark:
        return claim.text.strip('"'), f' of "{claim.readings[0].entity}"'
    return quoted.removeprefix('"'), f' of "{said}'


def drawn(
    lines: Iterable[str],
    *,
    names: Iterable[str],
    claims: Iterable[Claim],
    plain: Collection[str],
    blind: bool = False,
) -> Veil:
    """The veil over an incident with these raw lines; names are public, plain is evidence of changes."""
    said = list(dict.fromkeys(lines))
    known = frozenset(part for name in names for part in (name, *_WORD.findall(name), *_PIECE.findall(name)))
    split = [_PIECE.findall(line) for line in said]
    telling = [claim for claim in claims if rests_on_text(claim, plain)]
    quotes = {_split(claim)[0] for claim in telling}
    quotes |= {r.text for claim in telling for r in claim.readings if r.evidence_id not in plain}
    return Veil(
        raw="\n".join(said),
        blind=blind,
        runs="\n".join(f" {' '.join(words)} " for words in split),
        pieces=frozenset(word for words in split for word in words),
        names=known,
        quotes=tuple(sorted(filter(_quotable, quotes), key=len, reverse=True)),
        plain=frozenset(plain),
    )


def _tells(piece: str) -> bool:
    """Whether a word looks like somebody's or something's identifier, and not like language or a figure."""
    if piece.isdigit():
        return len(piece) >= _DIGITS
    odd = any(c.isdigit() or c == "_" or c.isupper() for c in piece[1:]) or piece[0].isdigit()
    return odd and len(piece) > 1 and any(c.isalpha() for c in piece)


def _quotable(text: str) -> bool:
    """Whether to look for it elsewhere: a single word of language is everybody's."""
    return len(text) >= _LEAST and (len(text.split()) > 1 or _tells(text))


def _kept(name: str) -> bool:
    return name in _KEPT or name.endswith(("_id", "_ids"))


def _gone(text: str) -> str:
    return WITHHELD if text else text
