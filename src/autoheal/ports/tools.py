"""What we ask of servers whose tools a model may use, and of the memory of what people said about them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from autoheal.domain.tool import Classification, OfferedTool
from autoheal.ports.reasoning import Stage
from autoheal.ports.runs import Json


@dataclass(frozen=True, slots=True, kw_only=True)
class ToolAnswer:
    """What a tool answered, as it came but within the size that was set; error is the tool's own word."""

    text: str
    error: bool = False


class ToolServer(Protocol):
    """One server with tools; every call is bounded in time, size and number at once."""

    @property
    def name(self) -> str:
        """The name by which the settings know it."""
        ...

    @property
    def egress(self) -> str:
        """Where data goes when it is called: a host, or the program on this machine."""
        ...

    @property
    def stages(self) -> tuple[Stage, ...]:
        """The stages that may use it at all."""
        ...

    def tools(self) -> Sequence[OfferedTool]:
        """What it offers now, by name; raises WorldError."""
        ...

    def call(self, tool: OfferedTool, arguments: Mapping[str, Json]) -> ToolAnswer:
        """Call the tool if it still is what it was; raises StaleTargetError, uncalled, when it changed."""
        ...


class ToolStore(Protocol):
    """What people classified; the latest word on a tool counts, the audit chain keeps them all."""

    def save(self, classification: Classification) -> None:
        """Insert or replace by tool."""
        ...

    def get(self, tool_id: str) -> Classification | None:
        """The latest word, if any."""
        ...

    def list(self) -> Sequence[Classification]:
        """All, by tool."""
        ...
