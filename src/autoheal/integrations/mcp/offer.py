"""Reads what a server says about its tools: every word is its author's, and made fit before it is kept."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence

from mcp.types import Tool

from autoheal.domain.tool import OfferedTool, digest_of_tool
from autoheal.integrations.mcp.arguments import MAX_CHARACTERS, UnusableSchemaError, arguments_schema
from autoheal.policy.untrusted import fit

_NAME = re.compile(r"[A-Za-z0-9_.-]{1,128}")
_TITLE = 200
_DESCRIPTION = 4_096
_HINTS = ("readOnlyHint", "destructiveHint", "idempotentHint", "openWorldHint")


def offers(server: str, origin: str, tools: Iterable[Tool]) -> Sequence[OfferedTool]:
    """What is offered, by name; what cannot be used is there with its flaw."""
    given = list(tools)
    named = Counter(tool.name for tool in given)
    read = {_offer(server, origin, tool, twice=named[tool.name] > 1) for tool in given}
    return sorted(read, key=lambda tool: (tool.name, tool.digest))


def _offer(server: str, origin: str, tool: Tool, *, twice: bool) -> OfferedTool:
    said = _said(tool)
    schema, flaw = _schema(said.get("inputSchema"))
    if not _NAME.fullmatch(tool.name):
        flaw = "its name is not 1 to 128 letters, digits, `_`, `.` and `-`"
    elif twice:
        flaw = "its server lists it more than once"
    return OfferedTool(
        server=server,
        origin=fit(origin),
        name=fit(tool.name, 128),
        title=fit(tool.title or "", _TITLE),
        description=fit(tool.description or "", _DESCRIPTION),
        schema="" if flaw else schema,
        hints=tuple(_hints(said.get("annotations"))),
        digest=digest_of_tool({"server": server, "origin": origin, "tool": said}),
        flaw=flaw,
    )


def _said(tool: Tool) -> dict[str, object]:
    """All that is said; what is nested too deep to be written is left out, and the tool is flawed for it."""
    try:
        return tool.model_dump(mode="json", by_alias=True, exclude_none=True, exclude={"icons", "meta"})
    except (ValueError, RecursionError):
        return {"name": tool.name}


def _schema(document: object) -> tuple[str, str]:
    """The schema as canonical JSON, or why it cannot be used."""
    try:
        if len(json.dumps(document)) > MAX_CHARACTERS:
            return "", "the schema of its arguments is too large, too deep or recursive"
        plain = json.dumps(arguments_schema(document), sort_keys=True, ensure_ascii=False)
    except UnusableSchemaError as error:
        return "", str(error)
    except (ValueError, RecursionError):
        return "", "the schema of its arguments cannot be read"
    if len(plain) > MAX_CHARACTERS:
        return "", "the schema of its arguments is too large, too deep or recursive"
    return plain, ""


def _hints(annotations: object) -> Iterator[str]:
    if isinstance(annotations, dict):
        for name in _HINTS:
            if isinstance(value := annotations.get(name), bool):
                yield f"{name}={str(value).lower()}"
        if isinstance(title := annotations.get("title"), str):
            yield f"title={fit(title, _TITLE)}"
