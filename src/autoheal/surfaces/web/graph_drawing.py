"""The neighborhood of a thing as a drawing: who leads to it on the left, what it leads to on the right."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import pairwise

from autoheal.domain.catalog import Link, View

COLUMN, ROW, MARGIN = 275, 58, 30
BOX_WIDTH, BOX_HEIGHT = 190, 40
_LETTERS = 20
_NUMBER = re.compile(r"^inc_\w*(\w{5})\b")


@dataclass(frozen=True, slots=True, kw_only=True)
class Box:
    """A thing at its place; x and y are the upper left corner, in the drawing's units."""

    urn: str
    name: str
    label: str
    kind: str
    x: int
    y: int
    center: bool
    retired: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """A relation between two boxes as a path; faint where it is hardly believed."""

    id: str
    path: str
    relation: str
    x: int
    y: int
    faint: bool
    observed: bool
    says: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Drawing:
    """Boxes in reading order, lines below them, and the size of it all."""

    boxes: tuple[Box, ...]
    lines: tuple[Line, ...]
    width: int
    height: int


def draw(view: View) -> Drawing:
    """Every thing and every relation of the view, each once."""
    columns = _columns(view)
    tallest = max(len(column) for column in columns.values())
    height = tallest * ROW + 2 * MARGIN
    first = min(columns)
    entries = {entry.urn: entry for entry in view.entries}
    boxes: dict[str, Box] = {}
    for number, column in sorted(columns.items()):
        top = (height - len(column) * ROW) // 2
        for place, urn in enumerate(column):
            entry = entries[urn]
            boxes[urn] = Box(
                urn=urn,
                name=entry.title,
                label=_short(entry.title),
                kind=entry.kind.replace("_", " "),
                x=MARGIN + (number - first) * COLUMN,
                y=top + place * ROW + (ROW - BOX_HEIGHT) // 2,
                center=urn == view.center,
                retired=entry.retired_at is not None,
            )
    width = 2 * MARGIN + (len(columns) - 1) * COLUMN + BOX_WIDTH
    lines = tuple(_line(link, boxes) for link in view.links)
    return Drawing(boxes=tuple(boxes.values()), lines=lines, width=width, height=height)


def _columns(view: View) -> dict[int, list[str]]:
    """By distance from the center: left of it what leads there, right of it where it leads."""
    column = {view.center: 0}
    frontier = [view.center]
    while frontier:
        reached: dict[str, int] = {}
        for link in view.links:
            _reach(link, frontier, column, reached)
        column |= reached
        frontier = list(reached)
    found: dict[int, list[str]] = {}
    for entry in view.entries:
        found.setdefault(column.get(entry.urn, max(column.values()) + 1), []).append(entry.urn)
    return _without_gaps(found)


def _reach(link: Link, frontier: Iterable[str], column: Mapping[str, int], reached: dict[str, int]) -> None:
    known = set(frontier)
    if link.object in known and link.subject not in column:
        reached.setdefault(link.subject, min(column[link.object], 0) - 1)
    if link.subject in known and link.object not in column:
        reached.setdefault(link.object, max(column[link.subject], 0) + 1)


def _without_gaps(columns: dict[int, list[str]]) -> dict[int, list[str]]:
    numbers = sorted(columns)
    if all(later - earlier == 1 for earlier, later in pairwise(numbers)):
        return columns
    return {place: columns[number] for place, number in enumerate(numbers)}


def _line(link: Link, boxes: Mapping[str, Box]) -> Line:
    one, other = boxes[link.subject], boxes[link.object]
    forward = other.x > one.x
    start = one.x + (BOX_WIDTH if forward else 0)
    end = other.x + (0 if forward else BOX_WIDTH)
    if one.x == other.x:
        start = end = one.x + BOX_WIDTH
    top, bottom = one.y + BOX_HEIGHT // 2, other.y + BOX_HEIGHT // 2
    bend = (COLUMN - BOX_WIDTH) // 2
    left, right = (start + bend, end - bend) if forward else (start - bend, end + bend)
    if one.x == other.x:
        left = right = start + bend
    return Line(
        id=link.id,
        path=f"M{start},{top} C{left},{top} {right},{bottom} {end},{bottom}",
        relation=link.relation.replace("_", " ").lower(),
        x=(start + end) // 2 + (bend // 2 if one.x == other.x else 0),
        y=(top + bottom) // 2 - 3,
        faint=link.confidence < 0.55,  # noqa: PLR2004  as what memory does not bring back
        observed=link.methods == ("observed",),
        says=f"{link.statement}, believed {link.confidence:.0%}",
    )


def _short(title: str) -> str:
    """As much as a box holds; the end of an incident's number tells it, and leaves room for its title."""
    name = _NUMBER.sub(r"…\1", title)
    return name if len(name) <= _LETTERS else f"{name[: _LETTERS - 1]}…"
