"""A message as Block Kit: plain text in each block, so that foreign text is no markup, link or mention.

Source: the Block Kit reference: header 150 characters, text 3,000, 10 fields of 2,000, button value 2,000.
"""

from __future__ import annotations

from collections.abc import Sequence

from autoheal.domain.message import Button, Message, Press
from autoheal.ports.runs import Json

ACTION = "ah_"
_HEADER, _TEXT, _FIELD, _LABEL, _FALLBACK = 150, 3_000, 2_000, 75, 4_000
_FIELDS = 10
_STYLES = {Press.APPROVE: "primary", Press.REJECT: "danger"}


def blocks(message: Message) -> list[Json]:
    """The blocks of a message, in reading order."""
    found: list[Json] = [{"type": "header", "text": _plain(message.title, _HEADER)}]
    if message.body:
        found.append({"type": "section", "text": _plain(message.body, _TEXT)})
    if message.fields:
        shown: list[Json] = [_plain(f"{name}\n{value}", _FIELD) for name, value in message.fields[:_FIELDS]]
        found.append({"type": "section", "fields": shown})
    if message.buttons:
        found.append({"type": "actions", "elements": _buttons(message.buttons)})
    if message.footer:
        found.append({"type": "context", "elements": [_plain(message.footer, _TEXT)]})
    return found


def fallback(message: Message) -> str:
    """The text for notifications and screen readers; it would be formatted, so its marks are taken out."""
    said = f"{message.title}\n{message.body}" if message.body else message.title
    return escaped(said[:_FALLBACK])


def escaped(text: str) -> str:
    """Text that Slack shows as it stands: no mention of everybody, no link."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _buttons(buttons: Sequence[Button]) -> list[Json]:
    return [_button(button) for button in buttons]


def _button(button: Button) -> Json:
    made: dict[str, Json] = {
        "type": "button",
        "action_id": f"{ACTION}{button.press}" + ("" if button.value else f"_{button.label.lower()[:20]}"),
        "text": _plain(button.label, _LABEL),
    }
    if button.press in _STYLES:
        made["style"] = _STYLES[button.press]
    if button.url:
        made["url"] = button.url
    else:
        made["value"] = button.value
    if button.confirm:
        made["confirm"] = {
            "title": _plain("Are you sure?", 100),
            "text": _plain(button.confirm, 300),
            "confirm": _plain(button.label, 30),
            "deny": _plain("Cancel", 30),
        }
    return made


def _plain(text: str, limit: int) -> Json:
    cut = text if len(text) <= limit else text[: limit - 1] + "…"
    return {"type": "plain_text", "text": cut or " ", "emoji": False}
