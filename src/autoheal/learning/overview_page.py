"""The architecture overview in the context repository's AGENTS.md: what no source can tell, as facts."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from autoheal.domain.errors import ConfigError
from autoheal.domain.fact import Node, NodeKind, Relation, urn
from autoheal.graph.backstage import KINDS
from autoheal.graph.skill_text import quoted
from autoheal.graph.told import Telling

FILE = "AGENTS.md"
SECTION = "Architecture"
_HEADING = re.compile(r"^(?:#{1,6} +)?([A-Z][A-Za-z ]{2,60})$")
_REFERENCE = re.compile(r"`([a-z]+):(?:[a-zA-Z0-9_.-]+/)?([a-zA-Z0-9][a-zA-Z0-9_.-]{0,62})`")
_MOST = 300


def overview(text: str, *, file: str, telling: Telling) -> None:
    """Each paragraph or bullet of the section describes the things that it names, as `component:checkout`."""
    lines = text.splitlines()
    if not lines or not lines[0].startswith("# "):
        raise ConfigError(f"{file}:1: begins with a title, such as: # The context repository")
    page = telling.node(NodeKind.DOC, FILE, title=quoted(lines[0].removeprefix("# ")))
    for number, paragraph in _paragraphs(lines, file):
        for match in _REFERENCE.finditer(paragraph):
            said = quoted(paragraph.removeprefix("- "), at_most=_MOST)
            telling.fact(page, Relation.DESCRIBES, _named(match, f"{file}:{number}", telling), said)


def _named(match: re.Match[str], place: str, telling: Telling) -> Node:
    if match[1] not in KINDS:
        known = ", ".join(KINDS)
        raise ConfigError(f"{place}: {match[0]} names no kind of the catalog; known: {known}")
    kind = KINDS[match[1]]
    return telling.named(Node(urn=urn(kind, match[2]), kind=kind, name=match[2]))


def _paragraphs(lines: Sequence[str], file: str) -> Iterator[tuple[int, str]]:
    """The paragraphs and bullets of the section with the line on which each begins."""
    begin, kept = 0, list[str]()
    for number, line in [*_section(lines, file), (0, "")]:
        if kept and (not line.strip() or line.startswith("- ")):
            yield begin, " ".join(kept)
            kept = []
        if line.strip():
            begin = number if not kept else begin
            kept.append(line.strip())


def _section(lines: Sequence[str], file: str) -> list[tuple[int, str]]:
    found, inside = list[tuple[int, str]](), False
    for number, line in enumerate(lines[1:], start=2):
        heading = _HEADING.match(line)
        if heading is not None and (heading[1] == SECTION or inside):
            if inside:
                return found
            inside = True
        elif inside:
            found.append((number, line))
    if not inside:
        raise ConfigError(f"{file}:{len(lines)}: misses the section {SECTION}")
    return found
