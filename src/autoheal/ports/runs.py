"""Durable runs: a workflow that survives a crash and waits for days."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Protocol, TypeAlias, TypeVar

T = TypeVar("T")

Json: TypeAlias = bool | int | float | str | list["Json"] | dict[str, "Json"] | None
"""What a JSON document can hold."""


class Run(Protocol):
    """One durable run: each completed step is remembered, so a crash repeats at most the last one."""

    async def step(self, do: Callable[..., T], *args: object) -> T:
        """Run a plain function as a step, at least once; arguments and result are JSON values."""
        ...

    async def sleep(self, seconds: float) -> None:
        """Wait, across restarts."""
        ...

    async def wait(self, topic: str, *, seconds: float) -> Json:
        """Wait for a message for at most some seconds, across restarts; None when none came."""
        ...


Workflow = Callable[[Run, str], Awaitable[None]]


class Runs(Protocol):
    """Starts durable runs and talks to them."""

    def start(self, workflow: str, subject: str) -> None:
        """Start the named workflow for a subject, once: a second start of the same pair does nothing."""
        ...

    def tell(self, workflow: str, subject: str, topic: str, message: Json, *, once: str) -> None:
        """Send a message to a waiting run; the same `once` key is delivered once."""
        ...
