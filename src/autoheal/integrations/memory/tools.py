"""A tool server whose tools are functions, and what people said about tools in a dictionary."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from autoheal.domain.errors import StaleTargetError, UnreachableError
from autoheal.domain.tool import Classification, OfferedTool
from autoheal.ports.reasoning import Stage
from autoheal.ports.runs import Json
from autoheal.ports.tools import ToolAnswer


@dataclass(slots=True, kw_only=True)
class MemoryTools:
    """A ToolStore."""

    _said: dict[str, Classification] = field(default_factory=dict)

    def save(self, classification: Classification) -> None:
        """Insert or replace by tool."""
        self._said[classification.tool_id] = classification

    def get(self, tool_id: str) -> Classification | None:
        """The latest word, if any."""
        return self._said.get(tool_id)

    def list(self) -> Sequence[Classification]:
        """All, by tool."""
        return [self._said[tool_id] for tool_id in sorted(self._said)]


@dataclass(slots=True, kw_only=True)
class MemoryToolServer:
    """A ToolServer; `down` makes it unreachable, `calls` is all it was asked to do."""

    name: str
    offered: list[OfferedTool]
    answer: Callable[[str, Mapping[str, Json]], ToolAnswer]
    egress: str = "memory"
    stages: tuple[Stage, ...] = (Stage.INVESTIGATE, Stage.REVIEW)
    down: bool = False
    calls: list[str] = field(default_factory=list)

    def tools(self) -> Sequence[OfferedTool]:
        """What it offers now."""
        if self.down:
            raise UnreachableError(f"MCP server {self.name} does not answer")
        return sorted(self.offered, key=lambda tool: tool.name)

    def call(self, tool: OfferedTool, arguments: Mapping[str, Json]) -> ToolAnswer:
        """Call it if it is still the same."""
        if tool not in self.tools():
            raise StaleTargetError(f"{tool.id} changed")
        self.calls.append(tool.name)
        return self.answer(tool.name, arguments)
