"""The operations of the API as a table, read from its own OpenAPI description."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Operation:
    """One thing that can be asked over HTTP."""

    method: str
    path: str
    text: str
    parameters: tuple[str, ...]
    body: tuple[str, ...]


def operations(description: Mapping[str, object]) -> list[Operation]:
    """Every operation, by path."""
    return sorted(_operations(description), key=lambda found: (found.path, found.method))


def _operations(description: Mapping[str, object]) -> Iterator[Operation]:
    for path, methods in _items(description.get("paths")):
        for method, about in _items(methods):
            found = dict(_items(about))
            names = (dict(_items(each)).get("name", "") for each in _list(found.get("parameters")))
            yield Operation(
                method=method.upper(),
                path=path,
                text=str(found.get("description") or found.get("summary") or ""),
                parameters=tuple(str(name) for name in names),
                body=tuple(_fields(description, found.get("requestBody"))),
            )


def _fields(description: Mapping[str, object], body: object) -> list[str]:
    reference = _at(body, "content", "application/json", "schema", "$ref")
    if not isinstance(reference, str):
        return []
    schema = _at(description, *reference.removeprefix("#/").split("/"))
    return [name for name, _ in _items(_at(schema, "properties"))]


def _at(value: object, *keys: str) -> object:
    for key in keys:
        value = dict(_items(value)).get(key)
    return value


def _items(value: object) -> list[tuple[str, object]]:
    return [(str(key), item) for key, item in value.items()] if isinstance(value, Mapping) else []


def _list(value: object) -> list[object]:
    return list(value) if isinstance(value, list) else []
