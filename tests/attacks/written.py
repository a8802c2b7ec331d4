"""The texts of the attacks, each planted in its place of the small shop."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from tests.attacks.production import Planted

from autoheal.sandbox.attacked.attack import Attack

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


def planted(attack: Attack) -> Planted:
    """The text in its place, where that is telemetry or a repository."""
    return _PLACES[attack.place](attack.text)


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
