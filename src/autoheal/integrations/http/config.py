"""How an outside system is reached over HTTP, and within which bounds."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field, HttpUrl, SecretStr

from autoheal.integrations.http.endpoint import Endpoint, Reach


class HttpSettings(BaseModel):
    """Where a system answers and what it may cost; each integration adds its own settings."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    url: HttpUrl = Field(description="where it answers, such as http://127.0.0.1:9090")
    headers: dict[str, SecretStr] = Field(
        default_factory=dict, description="headers of every call, such as Authorization"
    )
    timeout_seconds: float = Field(default=10.0, gt=0, le=120, description="longest wait for one answer")
    max_concurrent: int = Field(default=4, ge=1, le=64, description="calls at the same time")
    per_second: float = Field(default=20.0, gt=0, le=1000, description="calls started per second")
    max_wait_seconds: float = Field(default=30.0, ge=0, le=300, description="longest wait for a turn")
    max_bytes: int = Field(default=67_108_864, ge=1024, description="largest answer that is read")
    breaker_failures: int = Field(
        default=5, ge=0, description="failures in a row after which it is left alone for 30 s; 0: never"
    )

    def endpoint(self, name: str) -> Endpoint:
        """The bounded caller that these settings describe; name is used in errors."""
        reach = Reach(
            url=str(self.url).rstrip("/"),
            headers={key: value.get_secret_value() for key, value in self.headers.items()},
            timeout_seconds=self.timeout_seconds,
            max_concurrent=self.max_concurrent,
            per_second=self.per_second,
            max_wait_seconds=self.max_wait_seconds,
            max_bytes=self.max_bytes,
            breaker_failures=self.breaker_failures,
        )
        return Endpoint(name, reach)
