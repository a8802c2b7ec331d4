"""The attacks of the data file, each with the place where its text is planted."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import yaml
from tests.attacks.production import Planted

_PLACES: Mapping[str, Callable[[str], Planted]] = {
    "log": lambda text: Planted(logs=(text,)),
    "label": lambda text: Planted(labels={"region": text}),
    "annotation": lambda text: Planted(
        annotations={"summary": text, "description": text, "runbook_url": text}
    ),
    "commit": lambda text: Planted(commit_title=text),
    "file": lambda text: Planted(commit_diff=f"-    old\n{text}\n"),
    "span": lambda text: Planted(span=text),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Attack:
    """One text of an attacker: where he writes it and what he wants."""

    id: str
    place: str
    wants: str
    text: str

    @property
    def planted(self) -> Planted:
        """The text in its place, where that is telemetry or a repository."""
        return _PLACES[self.place](self.text)


def attacks(*places: str) -> list[Attack]:
    """The attacks of some places, or all."""
    document = yaml.safe_load((Path(__file__).parent / "attacks.yaml").read_text(encoding="utf-8"))
    written = [Attack(**one) for one in document["attacks"]]
    return [attack for attack in written if not places or attack.place in places]


def together(some: list[Attack]) -> Planted:
    """All of them at once, each in its place."""
    texts = {place: [attack.text for attack in some if attack.place == place] for place in _PLACES}
    several = {f"region_{number}": text for number, text in enumerate(texts["label"])}
    noted = {f"note_{number}": text for number, text in enumerate(texts["annotation"])}
    return Planted(
        logs=tuple(texts["log"]),
        labels=several,
        annotations=noted,
        commit_title=" ".join(texts["commit"]),
        commit_diff="\n".join(texts["file"]),
        span="; ".join(texts["span"]),
    )


TELEMETRY = tuple(_PLACES)
