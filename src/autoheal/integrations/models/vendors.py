"""The one place that knows vendors: from settings to a model, importing the vendor's package only then."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from contextlib import AsyncExitStack
from types import MappingProxyType

from pydantic_ai.models import Model
from pydantic_ai.settings import ModelSettings as CallSettings

from autoheal.domain.errors import ConfigError
from autoheal.integrations.models.config import ModelSettings

_NO_KEY = "none"
"""What servers on one's own machine are sent: their clients insist on a key, they do not."""

_EXTRAS = frozenset({"anthropic", "google", "bedrock"})
"""Providers whose package does not come with the product."""


def vendor_model(name: str, settings: ModelSettings, closing: AsyncExitStack) -> Model:
    """A fresh model, whose client is closed with the stack; raises ConfigError where it cannot be had."""
    try:
        model, close = _MAKERS[settings.provider](settings)
    except ImportError:
        extra = f"[{settings.provider}]" if settings.provider in _EXTRAS else ""
        raise ConfigError(f"models.{name}: install its package: pip install 'autoheal{extra}'") from None
    except Exception as error:  # noqa: BLE001  vendors' clients refuse missing keys each in a way of their own
        reason = " ".join(str(error).split())[:200]
        raise ConfigError(f"models.{name}: {reason}") from None
    if close is not None:
        closing.push_async_callback(close)
    return model


Opened = tuple[Model, Callable[[], Awaitable[None]] | None]
"""A model, and how to close its client where the library does not."""


def _url(settings: ModelSettings) -> str | None:
    return str(settings.url).rstrip("/") if settings.url else None


def _key(settings: ModelSettings) -> str | None:
    return settings.key.get_secret_value() if settings.key else None


def _openai(settings: ModelSettings) -> Opened:
    from openai import AsyncOpenAI  # optional
    from pydantic_ai.models.openai import OpenAIChatModel  # optional
    from pydantic_ai.providers.openai import OpenAIProvider  # optional

    key = _key(settings) or (_NO_KEY if settings.provider == "compatible" else None)
    client = AsyncOpenAI(
        api_key=key,
        base_url=_url(settings),
        max_retries=settings.retries,
        timeout=settings.timeout_seconds,
    )
    return OpenAIChatModel(settings.model, provider=OpenAIProvider(openai_client=client)), client.close


def _anthropic(settings: ModelSettings) -> Opened:
    from anthropic import AsyncAnthropic  # optional
    from pydantic_ai.models.anthropic import AnthropicModel  # optional
    from pydantic_ai.providers.anthropic import AnthropicProvider  # optional

    client = AsyncAnthropic(
        api_key=_key(settings),
        base_url=_url(settings),
        max_retries=settings.retries,
        timeout=settings.timeout_seconds,
    )
    return AnthropicModel(settings.model, provider=AnthropicProvider(anthropic_client=client)), client.close


def _google(settings: ModelSettings) -> Opened:
    from pydantic_ai.models.google import GoogleModel  # optional
    from pydantic_ai.providers.google import GoogleProvider  # optional

    provider = GoogleProvider(api_key=_key(settings) or "", base_url=_url(settings))
    limits = CallSettings(timeout=settings.timeout_seconds, max_retries=settings.retries)
    return GoogleModel(settings.model, provider=provider, settings=limits), None


def _bedrock(settings: ModelSettings) -> Opened:
    from pydantic_ai.models.bedrock import BedrockConverseModel  # optional
    from pydantic_ai.providers.bedrock import BedrockProvider  # optional

    key, region, seconds = _key(settings), settings.region, settings.timeout_seconds
    if key is None:
        provider = BedrockProvider(region_name=region, base_url=_url(settings), aws_read_timeout=seconds)
    else:
        provider = BedrockProvider(
            api_key=key, region_name=region, base_url=_url(settings), aws_read_timeout=seconds
        )
    return BedrockConverseModel(settings.model, provider=provider), None


_MAKERS: Mapping[str, Callable[[ModelSettings], Opened]] = MappingProxyType(
    {
        "anthropic": _anthropic,
        "openai": _openai,
        "compatible": _openai,
        "google": _google,
        "bedrock": _bedrock,
    }
)
