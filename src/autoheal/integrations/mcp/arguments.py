"""Reads a foreign JSON Schema of a tool's arguments into a small and plain one, or says why it cannot.

Only keywords that say what a value looks like are kept. References within the document are written out, so
that every model provider understands the schema; a reference to anywhere else, a recursive one, and whatever
is larger or deeper than an honest tool needs makes the schema unusable.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass

from autoheal.policy.untrusted import fit
from autoheal.ports.runs import Json

MAX_CHARACTERS = 16_384
"""Of the whole schema as JSON, as read from the server and as given to a model."""

_MAX_DEPTH = 12
_MAX_NODES = 400
_MAX_CHOICES = 100
_WORDS = 300
_TYPES = frozenset({"string", "number", "integer", "boolean", "array", "object", "null"})
_NAME = re.compile(r"[A-Za-z0-9_.$-]{1,64}")
_REFERENCES = ("$ref", "$dynamicRef", "$recursiveRef")
_NUMBERS = ("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf")
_COUNTS = ("minLength", "maxLength", "minItems", "maxItems", "minProperties", "maxProperties")
_ANY_OF = ("anyOf", "oneOf", "allOf")


class UnusableSchemaError(ValueError):
    """The schema cannot be used; the message says why, in words that are ours."""


def arguments_schema(document: object) -> dict[str, Json]:
    """The plain schema of an object; raises UnusableSchemaError."""
    if document is None:
        raise UnusableSchemaError("the schema of its arguments cannot be read")
    if not isinstance(document, Mapping) or document.get("type", "object") != "object":
        raise UnusableSchemaError("the schema of its arguments is not that of an object")
    plain = _Reading(root=document).read(document, 0)
    return {"type": "object", "properties": {}, **plain}


@dataclass(slots=True, kw_only=True)
class _Reading:
    """One schema while it is read; nodes counts its parts, written-out references included."""

    root: Mapping[str, object]
    nodes: int = 0

    def read(self, node: object, depth: int) -> dict[str, Json]:
        self.nodes += 1
        if depth > _MAX_DEPTH or self.nodes > _MAX_NODES:
            raise UnusableSchemaError("the schema of its arguments is too large, too deep or recursive")
        if isinstance(node, bool):
            return {}
        if not isinstance(node, Mapping):
            raise UnusableSchemaError("a part of the schema of its arguments is no schema")
        if any(reference in node for reference in _REFERENCES):
            return self._referred(node, depth)
        return {**_said(node), **_bounds(node), **self._inner(node, depth)}

    def _referred(self, node: Mapping[str, object], depth: int) -> dict[str, Json]:
        reference = node.get("$ref")
        if not isinstance(reference, str) or not reference.startswith("#/"):
            raise UnusableSchemaError("the schema of its arguments refers to something outside of itself")
        found: object = self.root
        for step in reference[2:].split("/"):
            key = step.replace("~1", "/").replace("~0", "~")
            if not isinstance(found, Mapping) or key not in found:
                raise UnusableSchemaError("the schema of its arguments refers to a part that is not there")
            found = found[key]
        return {**self.read(found, depth + 1), **_said(node)}

    def _inner(self, node: Mapping[str, object], depth: int) -> dict[str, Json]:
        inner: dict[str, Json] = {}
        if isinstance(properties := node.get("properties"), Mapping):
            inner["properties"] = {
                _named(name): self.read(part, depth + 1) for name, part in properties.items()
            }
        if isinstance(required := node.get("required"), list):
            inner["required"] = [_named(name) for name in required[:_MAX_NODES]]
        if (items := node.get("items")) is not None and not isinstance(items, list):
            inner["items"] = self.read(items, depth + 1)
        for choice in _ANY_OF:
            if isinstance(parts := node.get(choice), list) and parts:
                inner[choice] = [self.read(part, depth + 1) for part in parts]
        match node.get("additionalProperties"):
            case bool() as allowed:
                inner["additionalProperties"] = allowed
            case Mapping() as part:
                inner["additionalProperties"] = self.read(part, depth + 1)
        return inner


def _said(node: Mapping[str, object]) -> dict[str, Json]:
    said: dict[str, Json] = {}
    match node.get("type"):
        case str() as one if one in _TYPES:
            said["type"] = one
        case list() as several if several and all(isinstance(t, str) and t in _TYPES for t in several):
            said["type"] = [str(kind) for kind in several]
    if isinstance(words := node.get("description"), str):
        said["description"] = " ".join(fit(words, _WORDS).split())
    if isinstance(choices := node.get("enum"), list) and choices:
        if len(choices) > _MAX_CHOICES:
            raise UnusableSchemaError("an argument has more choices than a model should be shown")
        said["enum"] = [_constant(choice) for choice in choices]
    for name in ("const", "default"):
        if name in node:
            said[name] = _constant(node[name])
    return said


def _bounds(node: Mapping[str, object]) -> dict[str, Json]:
    bounds: dict[str, Json] = {}
    for name in (*_NUMBERS, *_COUNTS):
        value = node.get(name)
        if isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value):
            bounds[name] = value
    return bounds


def _constant(value: object) -> Json:
    match value:
        case None | bool():
            return value
        case int() | float() if math.isfinite(value):
            return value
        case str():
            return fit(value, _WORDS)
        case []:
            return []
        case Mapping() if not value:
            return {}
    raise UnusableSchemaError("a choice or default among its arguments is no plain value")


def _named(name: object) -> str:
    if isinstance(name, str) and _NAME.fullmatch(name) and name not in _REFERENCES:
        return name
    raise UnusableSchemaError("an argument has a name that is not letters, digits, `_`, `.`, `$` and `-`")
