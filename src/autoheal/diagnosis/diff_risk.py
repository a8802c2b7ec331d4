"""What a diff does, read from its lines: which of its edits could break something, and how surely."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable
from dataclasses import dataclass

_TOKEN = re.compile(r"[A-Za-z_][A-Za-z_0-9]*|\d+(?:\.\d+)?")
_NUMBER = re.compile(r"(?<![\w.])(\d+(?:\.\d+)?)(?:\s*\*?\s*(?:time\.|Duration\.)?([A-Za-z]+))?")
_UNITS = {
    "ms": 1e-3, "millisecond": 1e-3, "milliseconds": 1e-3, "millis": 1e-3,
    "s": 1.0, "sec": 1.0, "second": 1.0, "seconds": 1.0,
    "m": 60.0, "min": 60.0, "minute": 60.0, "minutes": 60.0, "h": 3600.0, "hour": 3600.0, "hours": 3600.0,
    "k": 1e3, "kb": 1e3, "mb": 1e6, "gb": 1e9,
}  # fmt: skip
_QUOTED = re.compile(r"[\"'`]([A-Za-z_][\w.-]{1,40})[\"'`]")
_COMMENT = re.compile(r"^\s*(//|#(?!\w)|/\*|\*|--\s|<!--|\"\"\")")
_LOOP = re.compile(r"\b(for|while|forEach|foreach|range|map)\b")
_REMOTE = re.compile(
    r"\b(await|get\w*|fetch\w*|query\w*|call\w*|load\w*|find\w*|select|request\w*|execute\w*|client\w*|"
    r"put\w*|insert\w*|save\w*|db|catalog|http)\b\s*[.(]",
    re.IGNORECASE,
)
_GUARD = re.compile(
    r"\b(if|unless|assert|guard|nil|null|none|undefined|try|catch|except|recover|lock|unlock|close|finally|"
    r"limit|timeout|deadline|batch\w*|chunk\w*|retry|retries|backoff|cache\w*|index|validate\w*|check\w*|"
    r"where|release|commit|rollback|max\w*|min\w*|default)\b",
    re.IGNORECASE,
)
_DANGER = re.compile(
    r"\b(sleep|panic|raise|throw|abort|exit|kill|busy|debug|trace|drop|truncate|unbounded|disable\w*|"
    r"lock\b.*table|serializable|force|global|append)\b",
    re.IGNORECASE,
)
_SQL = re.compile(
    r"\b(select\b.*|from\s+\w+|where\s|limit\s+\d+|join\s|order by|alter table|create index|"
    r"drop (index|table))",
    re.IGNORECASE,
)
_HARMLESS_PATH = re.compile(
    r"(^|/)(docs?|documentation|test|tests|testdata|spec|\.github|\.circleci|\.gitlab|staging|examples?|"
    r"static|assets|styles?)(/|$)|\.(md|rst|txt|css|scss|less|svg|png|html|tmpl)$|_test\.\w+$|\.test\.\w+$|"
    r"(^|/)(CODEOWNERS|README\w*|LICENSE|CHANGELOG\w*|Dockerfile|go\.sum|\.golangci\.ya?ml|\.gitignore)$|"
    r"(^|/)(theme|tooltip|palette)\b",
    re.IGNORECASE,
)
_DEPENDENCY_PATH = re.compile(
    r"(^|/)(go\.mod|go\.sum|requirements[\w.-]*|package(-lock)?\.json|poetry\.lock|uv\.lock|pom\.xml|"
    r"build\.gradle|Cargo\.(toml|lock)|Gemfile\S*|yarn\.lock)$"
)
_CONFIG_PATH = re.compile(r"\.(ya?ml|toml|ini|conf|cfg|properties|env|json)$|(^|/)config(/|$)", re.IGNORECASE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Risk:
    """How likely a change breaks something, in [0, 1], and the words that say why or why not."""

    score: float
    reasons: tuple[str, ...] = ()
    harmless: tuple[str, ...] = ()
    config: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Edit:
    """A diff's removed and added lines of code, without comments and blank lines."""

    removed: tuple[str, ...]
    added: tuple[str, ...]


def edit_of(diff: str) -> Edit:
    """The lines that a unified diff removes and adds."""
    lines = diff.splitlines()[:2000]
    removed = [line[1:] for line in lines if line.startswith("-") and not line.startswith("---")]
    added = [line[1:] for line in lines if line.startswith("+") and not line.startswith("+++")]
    return Edit(removed=tuple(_code(removed)), added=tuple(_code(added)))


def _code(lines: Iterable[str]) -> list[str]:
    return [line for line in lines if line.strip() and not _COMMENT.match(line)]


def risk_of(diff: str, files: tuple[str, ...], title: str) -> Risk:
    """Judge a change by where and what it edits; without a diff only the paths speak."""
    config = bool(files) and all(_CONFIG_PATH.search(path) for path in files)
    harmless = _harmless(files, title)
    if harmless:
        return Risk(score=0.02, harmless=(harmless,), config=config)
    edit = edit_of(diff)
    if not edit.removed and not edit.added:
        return Risk(score=0.15 if not diff else 0.03, harmless=("it changes no code",), config=config)
    findings = [found for found in _findings(edit, config=config) if found[0] > 0]
    rest = math.prod(1.0 - weight for weight, _ in findings)
    score = 1.0 - rest * (1.0 - _BASE)
    same = _kept(edit) > _REFACTOR and max((weight for weight, _ in findings), default=0.0) <= _SLIGHT
    calm = ("it rewrites the same code",) if same else ()
    score *= 0.35 if same else 1.0
    return Risk(score=score, reasons=tuple(word for _, word in findings), harmless=calm, config=config)


_BASE = 0.15
_REFACTOR = 0.75
_SLIGHT = 0.3


def _harmless(files: tuple[str, ...], title: str) -> str:
    if files and all(_HARMLESS_PATH.search(path) for path in files):
        return "it touches only documentation, tests, looks or build files"
    if files and all(_DEPENDENCY_PATH.search(path) for path in files):
        return "it only bumps dependencies"
    quiet = re.match(r"^(docs?|test|style|ci)(\([^)]*\))?:|^#(docs|test|ci)\b", title.strip(), re.IGNORECASE)
    return "its title says documentation, tests or style" if quiet else ""


def _findings(edit: Edit, *, config: bool) -> list[tuple[float, str]]:
    return [
        (_removed_without_replacement(edit), "removes code without a replacement"),
        (_lost_guard(edit), "removes a guard, limit or check"),
        (_number_change(edit), "changes a number by much"),
        (_value_change(edit) if config else 0.0, "changes a configured value"),
        (_loop_with_calls(edit), "adds a loop that calls out"),
        (_query_change(edit), "changes what is queried"),
        (_renamed_key(edit), "renames a key that others use"),
        (_danger(edit), "adds a dangerous word"),
        (_new_code(edit), "adds code that was not there"),
    ]


def words_of(text: str) -> set[str]:
    """The identifiers of a text and their parts, in lower case, at least three letters long."""
    found: set[str] = set()
    for token in re.findall(r"[A-Za-z][A-Za-z0-9_]*", text):
        found.add(token.lower())
        found |= {part.lower() for part in re.findall(r"[A-Z]?[a-z]{2,}|[A-Z]{2,}(?![a-z])", token)}
    return {word for word in found if len(word) > len("if")}


def _tokens(lines: Iterable[str]) -> list[str]:
    return [token for line in lines for token in _TOKEN.findall(line)]


def _kept(edit: Edit) -> float:
    """The share of removed tokens that the added lines hold again, in any order."""
    removed, added = _tokens(edit.removed), set(_tokens(edit.added))
    if not removed or not added:
        return 0.0
    return sum(token in added for token in removed) / len(removed)


def _removed_without_replacement(edit: Edit) -> float:
    removed, added = len(_tokens(edit.removed)), len(_tokens(edit.added))
    if removed < _WORDS_OF_A_STATEMENT:
        return 0.0
    return 0.45 if added <= 0.35 * removed else 0.0


_WORDS_OF_A_STATEMENT = 3


def _lost_guard(edit: Edit) -> float:
    left = {word.lower() for line in edit.added for word in _GUARD.findall(line)}
    lost = {word.lower() for line in edit.removed for word in _GUARD.findall(line)} - left
    return min(0.3 * len(lost), 0.6)


def _number_change(edit: Edit) -> float:
    """Numbers on lines with otherwise the same words: how many times larger or smaller they became."""
    largest = 0.0
    for old in edit.removed:
        for new in edit.added:
            if _same_words(old, new):
                pairs = zip(_numbers(old), _numbers(new), strict=False)
                largest = max([largest, *(_ratio(a, b) for a, b in pairs)])
    return 0.0 if largest < math.log(1.5) else min(0.25 + 0.2 * largest, 0.75)


def _same_words(old: str, new: str) -> bool:
    units = set(_UNITS)
    a = {word for word in words_of(old) if word not in units}
    b = {word for word in words_of(new) if word not in units}
    return bool(a & b) and len(a ^ b) <= max(2, len(a | b) // 3)


def _numbers(line: str) -> list[float]:
    return [
        float(number) * _UNITS.get(unit.lower(), 1.0) if unit else float(number)
        for number, unit in _NUMBER.findall(line)
    ]


def _ratio(old: float, new: float) -> float:
    if old == new:
        return 0.0
    return abs(math.log((abs(new) + 1e-3) / (abs(old) + 1e-3)))


def _value_change(edit: Edit) -> float:
    """A configured word (level: info, enabled: true) that becomes another one."""
    old = dict(_settings(edit.removed))
    new = dict(_settings(edit.added))
    words = [key for key in old.keys() & new.keys() if old[key] != new[key] and not _numbers(old[key])]
    return min(0.35 * len(words), 0.6)


def _settings(lines: Iterable[str]) -> list[tuple[str, str]]:
    pairs = (re.match(r"^\s*[\"']?([\w.-]+)[\"']?\s*[:=]\s*(.+?)\s*,?$", line) for line in lines)
    return [(pair.group(1), pair.group(2).strip("\"'")) for pair in pairs if pair]


def _loop_with_calls(edit: Edit) -> float:
    """A call to elsewhere inside an added loop, where the removed lines did not make it."""
    if not any(_LOOP.search(line) for line in edit.added):
        return 0.0
    before = {word.lower() for line in edit.removed for word in _REMOTE.findall(line)}
    calls = {word.lower() for line in edit.added for word in _REMOTE.findall(line)} - before
    return 0.5 if calls else 0.0


def _query_change(edit: Edit) -> float:
    old = {" ".join(found.group(0).lower().split()) for line in edit.removed for found in _SQL.finditer(line)}
    new = {" ".join(found.group(0).lower().split()) for line in edit.added for found in _SQL.finditer(line)}
    return 0.45 if old != new else 0.0


def _renamed_key(edit: Edit) -> float:
    old = {word for line in edit.removed for word in _QUOTED.findall(line)}
    new = {word for line in edit.added for word in _QUOTED.findall(line)}
    return 0.4 if old - new and new - old else 0.0


def _danger(edit: Edit) -> float:
    old = {word.lower() for line in edit.removed for word in _flat(_DANGER.findall(line))}
    new = {word.lower() for line in edit.added for word in _flat(_DANGER.findall(line))}
    return 0.3 if new - old else 0.0


def _flat(found: Iterable[object]) -> list[str]:
    return [str(word) for word in found]


def _new_code(edit: Edit) -> float:
    return 0.2 if len(_tokens(edit.added)) > 2 * len(_tokens(edit.removed)) + 4 else 0.0
