"""YAML read as plain text, lists and tables with line numbers: no aliases, anchors, tags, merges or guesses.

YAML 1.1 turns `no` into false and 1:30 into 90, and an alias bomb loads in a millisecond but never ends when
walked (both measured), so scalars stay text until a field says what it wants.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import NoReturn, TypeAlias

import yaml

from autoheal.domain.errors import ConfigError

MAX_BYTES = 64 * 1024
MAX_NODES = 10_000
MAX_DEPTH = 20
_INVISIBLE = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u00ad\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff]")
_DURATION = re.compile(r"^(\d{1,6})(s|m|h)$")
_SECONDS = {"s": 1, "m": 60, "h": 3600}

Content: TypeAlias = "str | list[Place] | dict[str, Place]"


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """A value with where it stands, so that every complaint names file and line."""

    file: str
    line: int
    name: str
    content: Content

    def fail(self, why: str) -> NoReturn:
        """Raise ConfigError for this place."""
        raise ConfigError(f"{self.file}:{self.line}: {self.name}: {why}")

    def text(self, *, at_most: int = 4_000) -> str:
        """A scalar that is not empty."""
        if not isinstance(self.content, str) or not self.content.strip():
            self.fail("needs a text")
        if len(self.content) > at_most:
            self.fail(f"is {len(self.content)} characters long; at most {at_most} are read")
        return self.content

    def whole(self, *, least: int = 0) -> int:
        """A whole number."""
        text = self.text(at_most=9)
        if not text.isdigit() or int(text) < least:
            self.fail(f"needs a whole number from {least} on, not {text!r}")
        return int(text)

    def share(self) -> float:
        """A number between 0 and 1."""
        text = self.text(at_most=20)
        if not re.fullmatch(r"[01](\.\d+)?", text) or float(text) > 1:
            self.fail(f"needs a number between 0 and 1, not {text!r}")
        return float(text)

    def seconds(self) -> float:
        """A duration such as 90s, 5m or 1h."""
        match = _DURATION.fullmatch(self.text(at_most=20))
        if match is None:
            self.fail(f"needs a duration such as 90s, 5m or 1h, not {self.content!r}")
        return float(int(match[1]) * _SECONDS[match[2]])

    def items(self) -> list[Place]:
        """A list."""
        if not isinstance(self.content, list):
            self.fail("needs a list")
        return self.content

    def texts(self) -> tuple[str, ...]:
        """A list of texts."""
        return tuple(item.text() for item in self.items())

    def fields(self) -> Mapping[str, Place]:
        """A table with any keys."""
        if not isinstance(self.content, dict):
            self.fail("needs a table of keys and values")
        return self.content

    def table(self, *, required: tuple[str, ...] = (), optional: tuple[str, ...] = ()) -> Mapping[str, Place]:
        """A table with these keys and no others."""
        fields = self.fields()
        for key, place in fields.items():
            if key not in (*required, *optional):
                place.fail(f"is not a key here; known: {', '.join((*required, *optional))}")
        missing = [key for key in required if key not in fields]
        if missing:
            self.fail(f"misses {', '.join(missing)}")
        return fields


def clean(text: str, file: str) -> str:
    """The text with plain line ends, if it is small and hides nothing; raises ConfigError with the line."""
    if len(text.encode("utf-8", "surrogatepass")) > MAX_BYTES:
        raise ConfigError(f"{file}:1: is larger than {MAX_BYTES // 1024} KB")
    text = text.replace("\r\n", "\n")
    hidden = _INVISIBLE.search(text)
    if hidden is not None:
        line = text.count("\n", 0, hidden.start()) + 1
        raise ConfigError(f"{file}:{line}: holds the invisible character U+{ord(hidden[0]):04X}; remove it")
    return text


def read(text: str, *, file: str, first_line: int = 1, block_only: bool = False) -> Place:
    """The one document of a text; block_only refuses `{a: b}` and `[a]`, as the Agent Skills parser does."""
    builder = _Builder(file, first_line, block_only=block_only)
    try:
        events = list(builder.allowed(yaml.parse(clean(text, file), Loader=yaml.SafeLoader)))
    except yaml.MarkedYAMLError as error:
        line = (error.problem_mark.line if error.problem_mark else 0) + first_line
        raise ConfigError(f"{file}:{line}: {error.problem or 'is no YAML'}") from None
    except yaml.YAMLError as error:
        raise ConfigError(f"{file}:{first_line}: {str(error).splitlines()[0]}") from None
    if not events:
        raise ConfigError(f"{file}:{first_line}: is empty")
    return builder.build(iter(events), "document")


class _Builder:
    def __init__(self, file: str, first_line: int, *, block_only: bool) -> None:
        self._file = file
        self._first = first_line
        self._block_only = block_only

    def allowed(self, events: Iterator[yaml.Event]) -> Iterator[yaml.Event]:
        """The events of the values, counted and refused before any tree is built from them."""
        depth = nodes = documents = 0
        for event in events:
            documents += isinstance(event, yaml.DocumentStartEvent)
            depth += isinstance(event, yaml.CollectionStartEvent)
            depth -= isinstance(event, yaml.CollectionEndEvent)
            nodes += isinstance(event, yaml.NodeEvent)
            if documents > 1 or depth > MAX_DEPTH or nodes > MAX_NODES:
                self._refuse(event, "is more than one document, or too deep, or too large")
            if isinstance(event, yaml.NodeEvent):
                self._plain(event)
            if isinstance(event, yaml.NodeEvent | yaml.CollectionEndEvent):
                yield event

    def _plain(self, event: yaml.NodeEvent) -> None:
        if isinstance(event, yaml.AliasEvent) or event.anchor is not None:
            self._refuse(event, "aliases and anchors are not read; write the value out")
        if getattr(event, "tag", None) is not None:
            self._refuse(event, "tags are not read; write the plain value")
        if self._block_only and isinstance(event, yaml.CollectionStartEvent) and event.flow_style:
            self._refuse(event, "flow style is not read by Agent Skills; put each entry on its own line")

    def _refuse(self, event: yaml.Event, why: str) -> NoReturn:
        raise ConfigError(f"{self._file}:{self._line(event)}: {why}")

    def _line(self, event: yaml.Event) -> int:
        return (event.start_mark.line if event.start_mark else 0) + self._first

    def build(self, events: Iterator[yaml.Event], name: str) -> Place:
        """The value that begins with the next event."""
        return self._value(next(events), events, name)

    def _value(self, event: yaml.Event, events: Iterator[yaml.Event], name: str) -> Place:
        content: Content
        if isinstance(event, yaml.MappingStartEvent):
            content = self._mapping(events)
        elif isinstance(event, yaml.SequenceStartEvent):
            content = self._sequence(events, name)
        else:
            content = event.value if isinstance(event, yaml.ScalarEvent) else ""
        return Place(file=self._file, line=self._line(event), name=name, content=content)

    def _sequence(self, events: Iterator[yaml.Event], name: str) -> list[Place]:
        items: list[Place] = []
        while not isinstance(event := next(events), yaml.SequenceEndEvent):
            items.append(self._value(event, events, f"{name}[{len(items)}]"))
        return items

    def _mapping(self, events: Iterator[yaml.Event]) -> dict[str, Place]:
        fields: dict[str, Place] = {}
        while not isinstance(event := next(events), yaml.MappingEndEvent):
            key = event.value if isinstance(event, yaml.ScalarEvent) else ""
            if not key or key == "<<" or key in fields:
                self._refuse(event, f"the key {key!r} is empty, a merge, or there twice")
            fields[key] = self.build(events, key)
        return fields
