"""What whole incidents start from."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.acceptance.healing_case import Case
from tests.attacks.production import template


@pytest.fixture(scope="session")
def origin(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An empty memory to copy."""
    return template(tmp_path_factory.mktemp("healing") / "origin")


@pytest.fixture
def make(origin: Path, tmp_path: Path) -> Iterator[Callable[..., Case]]:
    """Makes cases, each in a folder of its own."""
    cases: list[Case] = []

    def made(**wanted: Any) -> Case:  # noqa: ANN401  the fields of a case
        folder = tmp_path / f"case{len(cases)}"
        shutil.copytree(origin, folder)
        cases.append(Case(folder, **wanted))
        return cases[-1]

    yield made
    for case in cases:
        case.close()
