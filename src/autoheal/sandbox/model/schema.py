"""Makes a value that fits a JSON schema, taking from somebody's wishes whatever fits."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from autoheal.ports.runs import Json

_DEEPEST = 8
Wish = Callable[[str, Mapping[str, Json]], Json]
"""Given a field's name and schema: the wanted value, or None for no wish."""


def instance(schema: Mapping[str, Json], wish: Wish, *, name: str = "") -> Json:
    """The smallest value of the schema that heeds the wishes; optional fields are filled as well."""
    return _Filler(wish=wish, definitions=_object(schema.get("$defs"))).value(name, schema)


class _Filler:
    def __init__(self, *, wish: Wish, definitions: Mapping[str, Json]) -> None:
        self._wish = wish
        self._definitions = definitions

    def value(self, name: str, schema: Mapping[str, Json], depth: int = 0) -> Json:
        resolved = self._resolved(schema)
        wanted = self._wish(name, resolved)
        if wanted is not None:
            return wanted
        if "const" in resolved:
            return resolved["const"]
        choices = resolved.get("enum")
        if isinstance(choices, list) and choices:
            return choices[0]
        return self._of_type(name, resolved, depth)

    def _of_type(self, name: str, schema: Mapping[str, Json], depth: int) -> Json:
        kind = schema.get("type")
        if kind == "object":
            fields = _object(schema.get("properties"))
            return (
                {}
                if depth > _DEEPEST
                else {key: self.value(key, _object(s), depth + 1) for key, s in fields.items()}
            )
        if kind == "array":
            return [self.value(name, _object(schema.get("items")), depth + 1)] if depth <= _DEEPEST else []
        plain: dict[str, Json] = {"string": "unknown", "boolean": True, "null": None}
        return plain.get(str(kind), 1)

    def _resolved(self, schema: Mapping[str, Json]) -> Mapping[str, Json]:
        """Without references, and of several forms the first that is not null."""
        reference = schema.get("$ref")
        if isinstance(reference, str):
            return self._resolved(_object(self._definitions.get(reference.rpartition("/")[2])))
        forms = schema.get("anyOf") or schema.get("oneOf") or schema.get("allOf")
        if isinstance(forms, list):
            real = [_object(form) for form in forms if _object(form).get("type") != "null"]
            return self._resolved(real[0]) if real else {}
        return schema


def _object(value: Json) -> Mapping[str, Json]:
    return value if isinstance(value, dict) else {}
