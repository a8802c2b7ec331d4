"""Settings of a model: whose it is, what it is called there, how it is reached, and what it costs."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Literal, Self

from pydantic import BaseModel, ConfigDict, Field, HttpUrl, SecretStr, model_validator

from autoheal.domain.errors import ConfigError
from autoheal.integrations.models.prices import Price, price_of

Provider = Literal["anthropic", "openai", "google", "bedrock", "compatible"]


class ModelSettings(BaseModel):
    """One model; `compatible` is any server that speaks OpenAI's chat completions, such as Ollama or vLLM."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    provider: Provider = Field(description="anthropic, openai, google, bedrock or compatible")
    model: str = Field(min_length=1, description="the model's name at its provider")
    url: HttpUrl | None = Field(default=None, description="base URL; needed for `compatible` only")
    key: SecretStr | None = Field(default=None, description="API key; best given by the environment")
    region: str | None = Field(default=None, description="AWS region, of `bedrock` only")
    timeout_seconds: float = Field(default=120, gt=0, le=3_600, description="how long one call may take")
    retries: int = Field(default=2, ge=0, le=10, description="how often a failed call is tried again")
    calls_at_once: int = Field(default=4, ge=1, description="how many calls of it may run at once")
    calls_per_minute: int | None = Field(
        default=None, ge=1, description="how many calls of it may begin in a minute; any number by default"
    )
    price: Price | None = Field(
        default=None, description="dollars per million tokens, where the built-in table knows none"
    )

    @model_validator(mode="after")
    def _reachable(self) -> Self:
        if self.provider == "compatible" and self.url is None:
            raise ValueError("url is needed: the base URL of the server, such as http://127.0.0.1:11434/v1")
        return self

    def price_on(self, day: date, *, input_tokens: int = 0) -> Price:
        """The stated price, else that of the table; raises ConfigError where neither is known."""
        return self.price or price_of(self.model, on=day, input_tokens=input_tokens)

    def check_price(self, name: str, now: datetime) -> None:
        """Raises ConfigError, naming the model, where a call made now could not be priced."""
        try:
            self.price_on(now.astimezone(UTC).date())
        except ConfigError as error:
            raise ConfigError(f"models.{name}: {error}") from None
