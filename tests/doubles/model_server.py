"""The model server with both vendors' formats at once, and whatever mind a test gives it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from tests.doubles import anthropic_wire

from autoheal.sandbox.model import openai_wire
from autoheal.sandbox.model.conversation import Behavior
from autoheal.sandbox.model.server import ModelServer, serving

__all__ = ["ModelServer", "model_server"]

_WIRES = {openai_wire.PATH: openai_wire, anthropic_wire.PATH: anthropic_wire}


@contextmanager
def model_server(behavior: Behavior, *, output: str = "final_result") -> Iterator[ModelServer]:
    """Serve the behavior on a free port until the block ends."""
    with serving(ModelServer(behavior=behavior, wires=_WIRES, output=output)) as server:
        yield server
