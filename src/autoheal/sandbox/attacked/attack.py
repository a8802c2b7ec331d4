"""The attacks of the data file: where an attacker can write, what, and what he is after."""

from __future__ import annotations

from dataclasses import dataclass
from importlib.resources import files

import yaml

TELEMETRY = ("log", "label", "annotation", "commit", "file", "span")
"""Places that are telemetry or a repository."""
ELSEWHERE = ("chat", "mcp_description", "mcp_result")


@dataclass(frozen=True, slots=True, kw_only=True)
class Attack:
    """One text of an attacker: where he writes it and what he wants."""

    id: str
    place: str
    wants: str
    text: str


def attacks(*places: str) -> list[Attack]:
    """The attacks of some places, or all."""
    document = yaml.safe_load(files(__package__).joinpath("attacks.yaml").read_text(encoding="utf-8"))
    written = [Attack(**one) for one in document["attacks"]]
    return [attack for attack in written if not places or attack.place in places]
