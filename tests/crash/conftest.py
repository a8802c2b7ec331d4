"""One nursery and one folder to copy for every life."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from tests.crash.life import Life, Nursery, Plot, template

Begin = Callable[[Plot], Life]


@pytest.fixture(scope="session")
def nursery() -> Iterator[Nursery]:
    """Where workers are born."""
    made = Nursery()
    yield made
    made.close()


@pytest.fixture(scope="session")
def origin(nursery: Nursery, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder that every life begins with."""
    return template(tmp_path_factory.mktemp("origin"), nursery)


@pytest.fixture
def begin(nursery: Nursery, origin: Path, tmp_path: Path) -> Iterator[Begin]:
    """Begins lives in folders of their own and ends what belongs to them."""
    begun: list[Life] = []

    def new(plot: Plot) -> Life:
        begun.append(Life.begin(origin, tmp_path / f"life-{len(begun)}", nursery, plot))
        return begun[-1]

    yield new
    for life in begun:
        life.close()
