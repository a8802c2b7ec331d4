"""Settings of Slack."""

from __future__ import annotations

from typing import Self

from pydantic import Field, HttpUrl, SecretStr, model_validator

from autoheal.integrations.http.config import HttpSettings
from autoheal.integrations.http.endpoint import Endpoint
from autoheal.integrations.slack.chat import SlackChat
from autoheal.integrations.slack.door import SlackDoor
from autoheal.integrations.slack.socket import SlackSocket

_APP_TOKEN = "xapp-"  # noqa: S105  how all of them begin


class SlackSettings(HttpSettings):
    """One channel with a thread for each incident.

    With a signing secret Slack calls us at /chat/slack of the web page; with an app token we call Slack.
    """

    url: HttpUrl = Field(default=HttpUrl("https://slack.com/api"), description="Slack's Web API")
    token: SecretStr = Field(description="the bot's token, xoxb-...; scopes chat:write, channels:history")
    signing_secret: SecretStr | None = Field(
        default=None, min_length=8, description="the secret with which Slack signs its calls"
    )
    app_token: SecretStr | None = Field(
        default=None,
        min_length=8,
        description="token of socket mode, xapp-...; scope connections:write; then Slack need not reach us",
    )
    channel: str = Field(min_length=1, description="id of the channel for incidents, such as C07INCIDENT")
    people: dict[str, str] = Field(
        default_factory=dict,
        description="Slack user ids with the name by which policy knows them; nobody else is heard",
    )
    labels: tuple[str, ...] = Field(
        default=("severity", "environment"),
        max_length=6,
        description="labels of the alert that the first message shows, in this order; at most 6",
    )
    per_second: float = Field(default=1.0, gt=0, le=10, description="messages per second; Slack allows one")

    def open(self) -> SlackChat:
        """The Chat port."""
        return SlackChat(self._endpoint(self.token), channel=self.channel)

    def open_door(self) -> SlackDoor:
        """The ChatDoor port."""
        secret = self.signing_secret.get_secret_value() if self.signing_secret else ""
        return SlackDoor(secret=secret, people=self.people)

    def open_line(self) -> SlackSocket | None:
        """The ChatLine port, where there is a token for it."""
        return SlackSocket(self._endpoint(self.app_token)) if self.app_token else None

    def _endpoint(self, token: SecretStr) -> Endpoint:
        bearer = SecretStr(f"Bearer {token.get_secret_value()}")
        reach = self.model_copy(update={"headers": {**self.headers, "Authorization": bearer}})
        return reach.endpoint("slack")

    @model_validator(mode="after")
    def _hears(self) -> Self:
        if self.signing_secret is None and self.app_token is None:
            raise ValueError("give signing_secret, so that Slack can call, or app_token for socket mode")
        if self.token.get_secret_value().startswith(_APP_TOKEN):
            raise ValueError(
                "token is an app token, xapp-...: give the bot's, xoxb-..., and this as app_token"
            )
        if self.app_token is not None and not self.app_token.get_secret_value().startswith(_APP_TOKEN):
            raise ValueError("app_token is no app token: it begins with xapp-")
        return self
