"""Everything that Autoheal keeps or sends out of a shop, as one text per door, to be searched."""

from __future__ import annotations

import sqlite3
import subprocess
import zlib
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from tests.attacks.production import Shop

RAW = "raw_event"
"""The one table that keeps deliveries as they came."""

_INDEX = ("fact_words_",)
"""What the search keeps for itself, packed: it is made from the facts, which are looked at."""


def kept(shop: Shop) -> dict[str, str]:
    """What stands in each table, each repository and each page."""
    tables = {f"table {name}": text for name, text in _tables(shop.folder / "autoheal.db")}
    repositories = {f"repository {name}": _history(shop.folder / name) for name in ("context", "code")}
    pages = {"pages": "\n".join(page.text for page in shop.pager.pages)}
    prompts = shop.server.prompts if shop.server else []
    asked = {"prompts": "\n".join(prompt.canonical.decode("utf-8", "replace") for prompt in prompts)}
    return {**tables, **repositories, **pages, **asked}


def _tables(file: Path) -> Iterator[tuple[str, str]]:
    with sqlite3.connect(file) as database:
        names = [row[0] for row in database.execute("select name from sqlite_master where type = 'table'")]
        for name in names:
            if name.startswith(_INDEX):
                continue
            rows = database.execute(f'select * from "{name}"').fetchall()  # noqa: S608  names of our own tables
            yield name, "\n".join(_plain(value) for row in rows for value in row)
    database.close()


def _plain(value: object) -> str:
    """A value as text; the rows of evidence are kept compressed."""
    if not isinstance(value, bytes):
        return str(value)
    with suppress(zlib.error):
        value = zlib.decompress(value)
    return value.decode("utf-8", "replace")


def _history(folder: Path) -> str:
    """Every branch: names, messages and contents."""
    asked = ["git", "log", "--all", "--patch", "--source", "--no-color", "--decorate"]
    done = subprocess.run(asked, cwd=folder, capture_output=True, check=True)
    return done.stdout.decode("utf-8", "replace")
