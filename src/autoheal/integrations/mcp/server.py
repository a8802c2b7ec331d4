"""Asks one MCP server: each question is an exchange of its own, so that a server may restart at any time."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager

from autoheal.domain.errors import OverloadedError
from autoheal.domain.tool import OfferedTool
from autoheal.integrations.mcp.doors import Place
from autoheal.ports.reasoning import Stage
from autoheal.ports.runs import Json
from autoheal.ports.tools import ToolAnswer


class McpServer:
    """The ToolServer of the Model Context Protocol, in both of its eras; safe from any thread.

    The library is loaded with the first question: that takes a second, which most commands have no use for.
    """

    def __init__(self, place: Place, *, stages: tuple[Stage, ...]) -> None:
        self.name = place.name
        self.stages = stages
        self._place = place
        self._turns = threading.BoundedSemaphore(place.bounds.max_concurrent)

    @property
    def egress(self) -> str:
        """Where data goes when it is called."""
        return self._place.door.egress

    def tools(self) -> Sequence[OfferedTool]:
        """What it offers now."""
        from autoheal.integrations.mcp import exchange  # noqa: PLC0415  optional: for the few who ask

        with self._turn():
            return exchange.offered(self._place)

    def call(self, tool: OfferedTool, arguments: Mapping[str, Json]) -> ToolAnswer:
        """Look at the tool again, and call it in the same exchange if it is still the same."""
        from autoheal.integrations.mcp import exchange  # noqa: PLC0415  optional: for the few who ask

        with self._turn():
            return exchange.called(self._place, tool, arguments)

    @contextmanager
    def _turn(self) -> Iterator[None]:
        if not self._turns.acquire(timeout=self._place.bounds.max_wait_seconds):
            raise OverloadedError(f"MCP server {self.name} is asked too much at once; ask less, or later")
        try:
            yield
        finally:
            self._turns.release()
