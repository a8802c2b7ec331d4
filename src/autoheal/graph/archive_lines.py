"""The graph as JSON lines: a first line with the schema, then one record a line, and back without loss."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator

from pydantic import TypeAdapter, ValidationError

from autoheal.domain.errors import UserError
from autoheal.domain.fact import Fact, Node
from autoheal.ports.archive import Name, Record, Rung, Used
from autoheal.ports.curation import Merge

SCHEMA = "autoheal.graph/v1"
_WORDS: dict[str, TypeAdapter[Record]] = {
    "node": TypeAdapter(Node),
    "name": TypeAdapter(Name),
    "merge": TypeAdapter(Merge),
    "fact": TypeAdapter(Fact),
    "use": TypeAdapter(Used),
    "rung": TypeAdapter(Rung),
}
_NAMES: dict[type[Record], str] = {
    Node: "node",
    Name: "name",
    Merge: "merge",
    Fact: "fact",
    Used: "use",
    Rung: "rung",
}


def lines(records: Iterable[Record]) -> Iterator[str]:
    """The records, each on a line."""
    yield json.dumps({"schema": SCHEMA})
    for record in records:
        name = _NAMES[type(record)]
        body = _WORDS[name].dump_python(record, mode="json")
        yield json.dumps({"record": name, **body}, ensure_ascii=False)


def read(text: Iterable[str], *, file: str) -> Iterator[Record]:
    """The records of a file; raises UserError naming file and line."""
    numbered = ((number, line) for number, line in enumerate(text, start=1) if line.strip())
    first = next(numbered, (1, "{}"))
    if _object(first[1], f"{file}:{first[0]}").get("schema") != SCHEMA:
        raise UserError(f"{file}:{first[0]}: the first line needs the schema {SCHEMA}")
    for number, line in numbered:
        place = f"{file}:{number}"
        body = _object(line, place)
        word = _WORDS.get(str(body.pop("record", "")))
        if word is None:
            raise UserError(f"{place}: `record` needs one of {', '.join(_WORDS)}")
        try:
            yield word.validate_python(body)
        except ValidationError as error:
            problem = error.errors(include_url=False)[0]
            where = ".".join(map(str, problem["loc"]))
            raise UserError(f"{place}: {where}: {problem['msg']}") from None


def _object(line: str, place: str) -> dict[str, object]:
    try:
        found = json.loads(line)
    except ValueError as error:
        raise UserError(f"{place}: is no JSON: {error}") from None
    if not isinstance(found, dict):
        raise UserError(f"{place}: needs one JSON object a line")
    return found
