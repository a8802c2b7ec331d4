"""One empty, migrated database per test, on SQLite and on PostgreSQL."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.contracts.database.words import opened
from tests.contracts.postgres import Server, running_server

from autoheal.integrations.database.database import Database


@pytest.fixture(scope="session")
def server() -> Iterator[Server]:
    """One server for all tests."""
    with running_server() as running:
        yield running


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The address of an empty database."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'autoheal.db'}"
    running: Server = request.getfixturevalue("server")
    return running.empty_database()


@pytest.fixture
def database(url: str) -> Iterator[Database]:
    """A migrated database."""
    made = opened(url)
    made.migrate()
    yield made
    made.close()
