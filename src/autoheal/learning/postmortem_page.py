"""A published postmortem in the context repository, written from a draft by a person's word and read back."""

from __future__ import annotations

import re

from autoheal.domain.errors import ConfigError
from autoheal.domain.fact import NodeKind, Relation
from autoheal.graph.skill_text import quoted
from autoheal.graph.told import Telling

FOLDER = "postmortems"
DRAFT = "# Postmortem draft: "
PUBLISHED = "# Postmortem: "
_INCIDENT = re.compile(r"^Incident `([\w.-]{1,100})`")
_MODE = re.compile(r"^Failure mode `([\w./-]{1,200})`")
_MOST = 300


def published(draft: str, *, actor: str, family: str) -> str:
    """The page of a draft that a person publishes: who did, and which failure mode it is about."""
    text = draft.replace(DRAFT, PUBLISHED, 1).replace("Not published.", f"Published by {quoted(actor)}.", 1)
    head, _, rest = text.partition("\n## ")
    mode = f"Failure mode `{family}`.\n" if _MODE.match(f"Failure mode `{family}`") else ""
    return f"{head}{mode}\n## {rest}"


def described(text: str, *, file: str, telling: Telling) -> None:
    """What a page says the incident and its failure mode were; a draft says nothing yet."""
    lines = text.splitlines()
    if lines and lines[0].startswith(DRAFT):
        return
    if not lines or not lines[0].startswith(PUBLISHED):
        raise ConfigError(f"{file}:1: begins with `{PUBLISHED.strip()} <title>`")
    incident = _first(_INCIDENT, lines)
    if incident is None:
        raise ConfigError(f"{file}:2: names no incident; write a line such as: Incident `inc_1`, high.")
    page = telling.node(
        NodeKind.POSTMORTEM,
        incident,
        title=quoted(lines[0].removeprefix(PUBLISHED)),
        attributes={"file": file},
    )
    said = f"postmortem of {incident}: {_cause(lines)}"[:_MOST]
    telling.fact(page, Relation.DESCRIBES, telling.node(NodeKind.INCIDENT, incident), said)
    mode = _first(_MODE, lines)
    if mode is not None:
        telling.fact(page, Relation.DESCRIBES, telling.node(NodeKind.FAILURE_MODE, mode), said)


def _first(pattern: re.Pattern[str], lines: list[str]) -> str | None:
    return next((match[1] for line in lines if (match := pattern.match(line))), None)


def _cause(lines: list[str]) -> str:
    """The first words of the section on the cause."""
    after = lines[lines.index("## Cause") + 1 :] if "## Cause" in lines else []
    return quoted(next((line for line in after if line.strip()), "no cause is named"))
