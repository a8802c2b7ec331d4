"""A model that obeys whatever it reads, over real HTTP, with the tools that a stage would give it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import httpx2
from pydantic import BaseModel
from pydantic_ai import Agent, Tool
from pydantic_ai.models.openai import OpenAIChatModel
from pydantic_ai.providers.openai import OpenAIProvider
from tests.doubles.model_server import ModelServer, model_server
from tests.doubles.obedient import obedient

from autoheal.ports import reasoning
from autoheal.ports.runs import Json


class Finding(BaseModel):
    """What such a model is asked for: free text that nothing acts upon."""

    cause: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Reader:
    """The obedient model; `server` is what it was asked and said."""

    server: ModelServer

    def read(self, question: str, tools: Sequence[reasoning.Tool]) -> Finding:
        """Answer a question with these tools; what it tries is in `tried`."""
        return asyncio.run(self._read(question, [_tool(tool) for tool in tools]))

    async def _read(self, question: str, tools: list[Tool[None]]) -> Finding:
        async with httpx2.AsyncClient() as client:
            provider = OpenAIProvider(base_url=self.server.openai, api_key="none", http_client=client)
            model = OpenAIChatModel("double", provider=provider)
            agent = Agent(model, output_type=Finding, deps_type=type(None), tools=tools, retries=20)
            return (await agent.run(question)).output

    @property
    def tried(self) -> set[str]:
        """Every tool that the model called, whether there is one of that name or not."""
        return {call.name for prompt in self.server.prompts for call in prompt.called}


@contextmanager
def obeying() -> Iterator[Reader]:
    """A running model."""
    with model_server(obedient) as server:
        yield Reader(server=server)


def _tool(tool: reasoning.Tool) -> Tool[None]:
    return Tool.from_schema(_called(tool), tool.name, tool.description, dict(tool.parameters))


def _called(tool: reasoning.Tool) -> Callable[..., str]:
    def call(**arguments: Json) -> str:
        return tool.call(arguments)

    return call
