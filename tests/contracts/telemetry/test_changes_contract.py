"""What every source of changes must hold, in memory and over the platform's API."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import asdict

import pytest

from autoheal.domain.change import Change, ChangeKind
from autoheal.domain.errors import UnreachableError
from autoheal.integrations.memory.changes import MemoryChanges
from autoheal.integrations.platform.config import PlatformSettings
from autoheal.ports.telemetry import Changes

Answer = tuple[int, bytes]
Backend = Callable[[str, str, bytes, dict[str, str]], Answer]
Serve = Callable[[Backend], str]
_WORLD = [
    Change(id="c2", kind=ChangeKind.CONFIG, entity="cart", time=20.5, key="pool", before="20", after="5"),
    Change(id="c1", kind=ChangeKind.DEPLOY, entity="cart", time=10.0, commit="abc", author="ann", title="v2"),
    Change(id="c3", kind=ChangeKind.FLAG, entity="web", time=30.0, files=("flags.json",)),
]


@pytest.fixture(params=["memory", "platform"])
def changes(request: pytest.FixtureRequest, serve: Serve) -> Changes:
    """Every implementation of the Changes port, with the same log in it."""
    if request.param == "memory":
        return MemoryChanges(_WORLD)
    log = json.dumps([asdict(change) for change in _WORLD]).encode()
    return PlatformSettings.model_validate({"url": serve(lambda *_: (200, log))}).open_changes()


def test_changes_come_whole_and_in_time_order(changes: Changes) -> None:
    expected = sorted(_WORLD, key=lambda change: change.time)
    assert list(changes.between(start=0, end=100)) == expected


def test_both_ends_of_the_window_belong_to_it(changes: Changes) -> None:
    assert [change.id for change in changes.between(start=10.0, end=20.5)] == ["c1", "c2"]
    assert list(changes.between(start=11, end=20)) == []


def test_a_log_that_cannot_be_asked_is_unreachable_and_not_empty() -> None:
    broken = MemoryChanges(_WORLD)
    broken.broken = "gone"
    down: list[Changes] = [
        broken,
        PlatformSettings.model_validate({"url": "http://127.0.0.1:1"}).open_changes(),
    ]
    for source in down:
        with pytest.raises(UnreachableError):
            source.between(start=0, end=100)
