"""Settings of an MCP server."""

from __future__ import annotations

import re
from typing import Literal, Self

from pydantic import BaseModel, ConfigDict, Field, HttpUrl, SecretStr, model_validator

from autoheal.integrations.mcp.doors import Bounds, Door, HttpDoor, Place, ProgramDoor
from autoheal.integrations.mcp.server import McpServer
from autoheal.ports.reasoning import Stage

NAME = re.compile(r"[a-z][a-z0-9-]{0,23}")
"""The name of a server: it stands in the names of its tools, before a dot or `__`."""


class McpSettings(BaseModel):
    """A server whose tools may be classified: behind a URL, or a program on this machine."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    url: HttpUrl | None = Field(
        default=None, description="where it speaks Streamable HTTP, such as https://mcp.example.com/mcp"
    )
    token: SecretStr | None = Field(default=None, description="bearer token; one that can only read is best")
    headers: dict[str, SecretStr] = Field(default_factory=dict, description="headers of every call")
    command: str | None = Field(
        default=None, min_length=1, description="instead of a URL: the program to start for each exchange"
    )
    args: tuple[str, ...] = Field(
        default=(), description="arguments of the program; no secrets, they are shown"
    )
    environment: tuple[str, ...] = Field(
        default=(),
        description="variables of ours that the program may see besides PATH, HOME and USER",
    )
    secrets: dict[str, SecretStr] = Field(
        default_factory=dict, description="variables that only the program sees, such as its API key"
    )
    stages: tuple[Literal["investigate", "review"], ...] = Field(
        default=("investigate", "review"), description="stages whose model may use its classified tools"
    )
    timeout_seconds: float = Field(default=20.0, gt=0, le=120, description="longest exchange, start included")
    max_concurrent: int = Field(default=2, ge=1, le=16, description="exchanges at the same time")
    max_wait_seconds: float = Field(default=30.0, ge=0, le=300, description="longest wait for a turn")
    max_bytes: int = Field(
        default=4_194_304, ge=1024, le=67_108_864, description="most that it may send in one exchange"
    )

    @model_validator(mode="after")
    def _one_door(self) -> Self:
        if (self.url is None) == (self.command is None):
            raise ValueError("give either url or command")
        if self.url is None and (self.token or self.headers):
            raise ValueError("token and headers belong to a url; a program takes secrets")
        if self.url is not None and (self.args or self.environment or self.secrets):
            raise ValueError("args, environment and secrets belong to a command")
        return self

    def open(self, name: str) -> McpServer:
        """The ToolServer port."""
        bounds = Bounds(
            timeout_seconds=self.timeout_seconds,
            max_concurrent=self.max_concurrent,
            max_wait_seconds=self.max_wait_seconds,
            max_bytes=self.max_bytes,
        )
        place = Place(name=name, door=self._door(), bounds=bounds)
        return McpServer(place, stages=tuple(Stage(stage) for stage in self.stages))

    def _door(self) -> Door:
        if self.url is None:
            return ProgramDoor(
                command=(self.command or "", *self.args),
                environment=self.environment,
                secrets={name: value.get_secret_value() for name, value in self.secrets.items()},
            )
        headers = {name: value.get_secret_value() for name, value in self.headers.items()}
        if self.token:
            headers["Authorization"] = f"Bearer {self.token.get_secret_value()}"
        return HttpDoor(url=str(self.url), headers=headers)
