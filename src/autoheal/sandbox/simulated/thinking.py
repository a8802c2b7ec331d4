"""A configured model for a simulated Autoheal: the scripted one, asked over HTTP, priced like a real one."""

from __future__ import annotations

from dataclasses import dataclass

from autoheal.integrations.models.config import ModelSettings
from autoheal.integrations.models.minds import ConfiguredMinds
from autoheal.integrations.models.prices import Price
from autoheal.ports.reasoning import Minds
from autoheal.reasoning.settings import ReasoningSettings, When
from autoheal.sandbox.model.server import ModelServer

_NAME = "scripted"
_MID_SIZE = Price(input=3.0, cached=0.3, output=15.0)
"""Dollars per million tokens: what vendors asked for a mid-size model in November 2026."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Thinking:
    """Who thinks, and when they are asked."""

    minds: Minds
    settings: ReasoningSettings


def thinking(model: ModelServer, *, when: When = "always") -> Thinking:
    """The scripted model as the one that investigates."""
    settings = ReasoningSettings(investigate=(_NAME,), when=when)
    told = {
        "provider": "compatible",
        "model": _NAME,
        "url": model.openai,
        "price": _MID_SIZE,
        "calls_per_minute": 100_000,
    }
    models = {_NAME: ModelSettings.model_validate(told)}
    minds = ConfiguredMinds(models=models, settings=settings, dollars_today=lambda: 0.0)
    return Thinking(minds=minds, settings=settings)
