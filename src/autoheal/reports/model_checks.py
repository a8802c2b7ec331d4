"""Does each configured model answer, in the form that is asked for, and does it use tools?"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from pydantic import BaseModel, Field

from autoheal.domain.errors import UnreachableError
from autoheal.ports.reasoning import Limits, Mind, Spent, Stage, Task, Tool
from autoheal.ports.runs import Json
from autoheal.reasoning.settings import ReasoningSettings
from autoheal.reports.checks import Probe, Seen, ok, warn

_WORD = "juniper"
_LIMITS = Limits(input_tokens=20_000, output_tokens=2_000, tool_calls=2, seconds=30)


class Word(BaseModel):
    """What the model was asked for."""

    word: str = Field(description="the word that the tool gave", max_length=100)


def model_probes(minds: Mapping[str, Mind], settings: ReasoningSettings) -> Sequence[Probe]:
    """One for each configured model, each with a small, real call; and where each stage's tasks end."""
    stages = [stage for stage in Stage if settings.models(stage)]
    return [
        *(_probe(name, mind) for name, mind in minds.items()),
        *(_limits_probe(stage, settings) for stage in stages),
    ]


def _limits_probe(stage: Stage, settings: ReasoningSettings) -> Probe:
    limits, names = settings.limits_of(stage), ", ".join(settings.models(stage))
    text = (
        f"{names}; each task ends at {limits.input_tokens} tokens read, {limits.output_tokens} written, "
        f"{limits.tool_calls} tool calls, {limits.seconds:g} s"
    )
    return Probe(
        name=f"stage {stage}",
        group="models",
        look=lambda: ok(text),
        mend=f"set [reasoning.limits.{stage}]",
    )


def _probe(name: str, mind: Mind) -> Probe:
    return Probe(
        name=f"model {name}",
        group="models",
        look=lambda: _seen(mind),
        mend=f"check [models.{name}]: provider, model, url and key (AUTOHEAL_MODELS__{name.upper()}__KEY)",
    )


def _seen(mind: Mind) -> Seen:
    spent: list[Spent] = []
    thought = mind.think(_task(), spent=spent.append)
    if thought.answer is None:
        raise UnreachableError(thought.reason or "it gave no answer")
    tokens = sum(call.input_tokens + call.output_tokens for call in spent)
    cost = f"{tokens} tokens, ${sum(call.dollars for call in spent):.4f}"
    if thought.answer.word.strip().lower() != _WORD:
        return warn(
            f"answers, but did not use the tool it was told to use ({cost})",
            "take a model that can call tools",
        )
    return ok(f"answers as asked and uses tools ({cost})")


def _task() -> Task[Word]:
    def tell(arguments: Mapping[str, Json]) -> str:
        del arguments
        return _WORD

    tool = Tool(
        name="tell_word",
        description="Tells the word of the day.",
        parameters={"type": "object", "properties": {}, "additionalProperties": False},
        call=tell,
    )
    return Task(
        incident_id="",
        stage=Stage.INVESTIGATE,
        instructions="This is a check of the connection. Do exactly what is asked, once.",
        context="",
        question="Call tell_word, then answer with the word that it gave.",
        answer=Word,
        limits=_LIMITS,
        tools=(tool,),
    )
