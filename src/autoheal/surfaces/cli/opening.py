"""Opens the product for one command and closes it again."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import typer

from autoheal.app import App
from autoheal.config import load
from autoheal.surfaces.cli.options import options
from autoheal.wiring import wire


@contextmanager
def opened(ctx: typer.Context) -> Iterator[App]:
    """The product with the settings in force; workers are not started, only stored things are reached."""
    app = wire(load(options(ctx).config).config)
    try:
        yield app
    finally:
        app.stop()
