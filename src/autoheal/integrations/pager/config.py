"""Settings of the pager."""

from __future__ import annotations

from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field, SecretStr

from autoheal.integrations.http.config import HttpSettings
from autoheal.integrations.pager.pager import Route, WebhookPager


class RouteSettings(HttpSettings):
    """A webhook that takes PagerDuty's Events API v2, such as https://events.pagerduty.com/v2/enqueue."""

    routing_key: SecretStr = Field(default=SecretStr(""), description="integration key of the service")
    timeout_seconds: float = Field(default=5.0, gt=0, le=30, description="longest wait for one answer")


class PagerSettings(BaseModel):
    """How a person is reached; the file is always written, the second route is tried when the first fails."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    first: RouteSettings | None = Field(default=None, description="the webhook that pages")
    second: RouteSettings | None = Field(default=None, description="the webhook for when the first fails")
    file: Path = Field(default=Path(".autoheal/pages.jsonl"), description="every page, also undelivered ones")
    link: str = Field(default="", description="where the web page is reached, for links in pages")

    def open(self) -> WebhookPager:
        """The Pager port."""
        named = (("first", self.first), ("second", self.second))
        routes = [
            Route(endpoint=given.endpoint(f"pager {name}"), routing_key=given.routing_key.get_secret_value())
            for name, given in named
            if given is not None
        ]
        return WebhookPager(routes, file=self.file, link=self.link)
