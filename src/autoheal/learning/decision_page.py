"""A decision page: what an incident taught, each fact with its source, readable by people and read back."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from autoheal.domain.errors import ConfigError
from autoheal.domain.fact import Fact, Method, Node, NodeKind, Provenance, Relation, urn
from autoheal.graph.skill_text import quoted

_ROW = re.compile(r"^\| `(ah:[^`|]+)` \| ([A-Z_]+) \| `(ah:[^`|]+)` \| ([^|]*) \| ([^|]*) \|$")

_URN = re.compile(r"^ah:([a-z_]+):[\w.-]+/(\S+)$")

EXTRACTOR = "decision-page@1"


@dataclass(frozen=True, slots=True, kw_only=True)
class Lesson:
    """One fact that was not known before; source is evidence ids or a person."""

    subject: Node
    relation: Relation
    object: Node
    statement: str
    source: str

    @property
    def triple(self) -> tuple[str, Relation, str]:
        """What makes two lessons the same."""
        return self.subject.urn, self.relation, self.object.urn


def page(
    *, incident_id: str, title: str, lessons: Sequence[Lesson], known: int, contradictions: Sequence[str]
) -> str:
    """The Markdown text of `decisions/<incident>.md`."""
    lines = [
        f"# {incident_id}: {quoted(title, at_most=120)}",
        "",
        f"Net new against the graph when the incident opened; {known} fact(s) of it were known.",
        "",
        "| subject | relation | object | in words | source |",
        "| --- | --- | --- | --- | --- |",
        *(_row(lesson) for lesson in lessons),
        "",
        "## Contradictions",
        "",
        *([f"- {quoted(text)}" for text in contradictions] or ["None."]),
        "",
    ]
    return "\n".join(lines)


def _row(lesson: Lesson) -> str:
    said, source = (quoted(text).replace("|", "/") for text in (lesson.statement, lesson.source))
    return f"| `{lesson.subject.urn}` | {lesson.relation} | `{lesson.object.urn}` | {said} | {source} |"


def facts_of(text: str, *, source: str, actor: str, now: datetime) -> Iterator[Fact]:
    """The facts of a merged page, confirmed by the person who merged it."""
    for line in text.splitlines():
        match = _ROW.match(line)
        if match is None or match[2] not in set(Relation):
            continue
        triple = (match[1], match[2], match[3])
        given = Provenance(
            source=source, method=Method.HUMAN, asserted_at=now, actor=actor, extractor=EXTRACTOR
        )
        yield Fact(
            id="fact_" + hashlib.sha256("\0".join(triple).encode()).hexdigest()[:26],
            subject=match[1],
            relation=Relation(match[2]),
            object=match[3],
            statement=match[4].strip(),
            recorded_at=now,
            valid_from=now,
            attributes={"from": match[5].strip()},
            provenance=(given,),
        )


def lessons_of(text: str, *, file: str) -> list[Lesson]:
    """The facts of a page as it stands; raises ConfigError for a row that cannot be read, with its line."""
    rows = ((n, line) for n, line in enumerate(text.splitlines(), start=1) if line.startswith("|"))
    for _, line in rows:
        if line.startswith("| subject |"):
            break
    return [_lesson(line, f"{file}:{number}") for number, line in rows if not line.startswith("| ---")]


def _lesson(line: str, place: str) -> Lesson:
    match = _ROW.match(line)
    if match is None:
        raise ConfigError(f"{place}: a row is | `ah:...` | RELATION | `ah:...` | in words | source |")
    if match[2] not in set(Relation):
        raise ConfigError(f"{place}: {match[2]} is no relation; known: {', '.join(Relation)}")
    return Lesson(
        subject=_named(match[1], place),
        relation=Relation(match[2]),
        object=_named(match[3], place),
        statement=match[4].strip(),
        source=match[5].strip(),
    )


def _named(written: str, place: str) -> Node:
    match = _URN.match(written)
    if match is None or match[1] not in set(NodeKind):
        raise ConfigError(f"{place}: {written} is no urn such as ah:service:default/checkout")
    return Node(urn=written.lower(), kind=NodeKind(match[1]), name=match[2])


def node(kind: NodeKind, name: str) -> Node:
    """The node of a name, as the graph names it; what would end a table cell becomes a dash."""
    plain = re.sub(r"[`|\s]+", "-", name).strip("-") or "unnamed"
    return Node(urn=urn(kind, plain), kind=kind, name=plain)
