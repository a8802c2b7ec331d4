"""Listens to a chat over the line that we open to it, while we serve."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress

from autoheal.app import App
from autoheal.domain.errors import NotFoundError
from autoheal.ports.chat import Take
from autoheal.ports.runs import Json


@contextmanager
def listening(app: App) -> Iterator[None]:
    """What is said and pressed is heard until the block ends; nothing where the chat calls us."""
    line = app.config.slack.open_line() if app.config.slack else None
    if line is None:
        yield
        return
    line.open(heard_by(app))
    try:
        yield
    finally:
        line.close()


def heard_by(app: App) -> Take:
    """Hands a delivery to the room; what was said outside the threads of incidents is nobody's business."""

    def take(document: Mapping[str, Json]) -> None:
        with suppress(NotFoundError):
            if app.room is not None:
                app.room.hear_line(document, acts=app)

    return take
