"""Settings of Slack."""

from __future__ import annotations

from pydantic import Field, HttpUrl, SecretStr

from autoheal.integrations.http.config import HttpSettings
from autoheal.integrations.slack.chat import SlackChat
from autoheal.integrations.slack.door import SlackDoor


class SlackSettings(HttpSettings):
    """One channel with a thread for each incident; Slack calls us at /chat/slack of the web page."""

    url: HttpUrl = Field(default=HttpUrl("https://slack.com/api"), description="Slack's Web API")
    token: SecretStr = Field(description="the bot's token, xoxb-...; scopes chat:write, channels:history")
    signing_secret: SecretStr = Field(min_length=8, description="the secret with which Slack signs its calls")
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
        bearer = SecretStr(f"Bearer {self.token.get_secret_value()}")
        reach = self.model_copy(update={"headers": {**self.headers, "Authorization": bearer}})
        return SlackChat(reach.endpoint("slack"), channel=self.channel)

    def open_door(self) -> SlackDoor:
        """The ChatDoor port."""
        return SlackDoor(secret=self.signing_secret.get_secret_value(), people=self.people)
