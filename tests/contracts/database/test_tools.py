"""The ToolStore on SQLite and PostgreSQL, and in memory."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from autoheal.domain.tool import Classification, OfferedTool, ToolTier
from autoheal.integrations.database.database import Database
from autoheal.integrations.memory.tools import MemoryTools
from autoheal.ports.tools import ToolStore

_TOOL = OfferedTool(
    server="grafana",
    origin="https://mcp.example/mcp",
    name="query",
    title="Query",
    description="Reads naïve \U0001f525 rows.",
    schema='{"type": "object"}',
    hints=("readOnlyHint=true",),
    digest="a" * 64,
)
_SAID = Classification(
    tool_id=_TOOL.id,
    tier=ToolTier.READ,
    digest=_TOOL.digest,
    by="ann",
    at=datetime(2026, 11, 20, 14, tzinfo=UTC),
    note="looked at its source",
    seen=_TOOL,
)


@pytest.fixture(params=["memory", "database"])
def store(request: pytest.FixtureRequest, database: Database) -> ToolStore:
    """An empty store."""
    return MemoryTools() if request.param == "memory" else database.tools


def test_a_word_comes_back_as_it_was_said(store: ToolStore) -> None:
    assert store.get(_TOOL.id) is None
    store.save(_SAID)
    assert store.get(_TOOL.id) == _SAID


def test_the_latest_word_counts(store: ToolStore) -> None:
    store.save(_SAID)
    later = replace(_SAID, tier=ToolTier.DENY, digest="", seen=None, by="bob")
    store.save(later)
    assert store.list() == [later]


def test_they_are_listed_by_tool(store: ToolStore) -> None:
    for name in ("b.x", "a.y", "a.x"):
        store.save(replace(_SAID, tool_id=name))
    assert [said.tool_id for said in store.list()] == ["a.x", "a.y", "b.x"]
