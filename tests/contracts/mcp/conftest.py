"""Servers of the double, and clients for them."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from tests.doubles.mcp_server import Play, program, serving

from autoheal.integrations.mcp.config import McpSettings
from autoheal.integrations.mcp.server import McpServer

Reach = Callable[..., McpServer]


@pytest.fixture(params=["http", "program"])
def reach(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Reach]:
    """Starts a server that plays this, and gives the client; by HTTP and as a program."""
    with ExitStack() as stack:

        def http(play: Play, **settings: object) -> McpServer:
            url = stack.enter_context(serving(play))
            return McpSettings.model_validate({"url": url, **settings}).open("double")

        def started(play: Play, **settings: object) -> McpServer:
            given = {"command": sys.executable, "args": program(tmp_path, play), **settings}
            return McpSettings.model_validate(given).open("double")

        yield http if request.param == "http" else started
