"""How a command speaks: results on stdout as a table or as JSON with a schema, progress on stderr."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import NoReturn

from pydantic import TypeAdapter
from rich.console import Console
from rich.markup import escape
from rich.table import Table

SIGPIPE_EXIT = 141
"""What a shell reports for a program whose reader went away (128 + SIGPIPE)."""

_ANY: TypeAdapter[object] = TypeAdapter(object)


class _Stdout(Console):
    def on_broken_pipe(self) -> NoReturn:
        """Stop quietly: whoever read us has seen enough, as `head` does."""
        reader_gone()


def reader_gone() -> NoReturn:
    """End with the code of a closed pipe, without a second error when the interpreter flushes."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    raise SystemExit(SIGPIPE_EXIT)


def plain(value: object) -> object:
    """The value as JSON can hold it: dataclasses as tables, times as RFC 3339, enums as their words."""
    return _ANY.dump_python(value, mode="json", fallback=_fallback)


def _fallback(value: object) -> object:
    return dict(value) if hasattr(value, "keys") else str(value)  # type: ignore[call-overload]  # a Mapping


def show_json(schema: str, **content: object) -> None:
    """Print one JSON object whose `schema` names its shape and version."""
    document = {"schema": f"autoheal.{schema}/v1", **{key: plain(value) for key, value in content.items()}}
    show(json.dumps(document, indent=2, ensure_ascii=False))


def show(text: str) -> None:
    """Print a result as it is: no markup, no wrapping."""
    try:
        sys.stdout.write(f"{text}\n")
        sys.stdout.flush()
    except BrokenPipeError:
        reader_gone()


def show_table(columns: Sequence[str], rows: Iterable[Sequence[object]], *, empty: str) -> None:
    """Print rows under headings; telemetry and alert text in cells is shown as it is, never as markup."""
    table = Table(box=None, pad_edge=False, header_style="bold")
    for column in columns:
        table.add_column(column, overflow="fold")
    for row in rows:
        table.add_row(*(escape(cell(value)) for value in row))
    if table.row_count == 0:
        note(empty)
        return
    # A pipe has no width: lines stay whole so that grep and awk see them whole.
    console = _Stdout(width=None if sys.stdout.isatty() else 400, highlight=False)
    console.print(table)


def cell(value: object) -> str:
    """One value as people read it: a dash where there is none, times to the second in UTC."""
    if value is None or value == "":
        return "-"
    if isinstance(value, datetime):
        return value.strftime("%Y-%m-%d %H:%M:%SZ")
    if isinstance(value, float):
        return f"{value:.4g}"
    return printable(str(value))


def printable(text: str) -> str:
    """Text from outside without control characters, which could move the cursor or hide words."""
    return "".join(c if c.isprintable() or c in "\n\t" else "\N{REPLACEMENT CHARACTER}" for c in text)


def note(text: str) -> None:
    """Print progress or a remark on stderr."""
    sys.stderr.write(f"{printable(text)}\n")
    sys.stderr.flush()
