"""How results are printed: text from outside cannot act on the terminal or be taken for markup."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from types import MappingProxyType

import pytest

from autoheal.domain.ledger import LedgerEntry
from autoheal.surfaces.cli.output import cell, note, show_json, show_table


def test_markup_in_alert_text_is_shown_as_it_is(capsys: pytest.CaptureFixture[str]) -> None:
    show_table(("text",), [("[red]gone[/red]",)], empty="")
    assert "[red]gone[/red]" in capsys.readouterr().out


def test_escape_sequences_in_alert_text_lose_their_power(capsys: pytest.CaptureFixture[str]) -> None:
    show_table(("text",), [("a\x1b[2Jb",)], empty="")
    note("a\x1b]0;title\x07b")
    told = capsys.readouterr()
    assert "\x1b" not in told.out + told.err


def test_an_empty_table_is_a_remark_and_not_a_result(capsys: pytest.CaptureFixture[str]) -> None:
    show_table(("text",), [], empty="nothing here")
    told = capsys.readouterr()
    assert (told.out, told.err) == ("", "nothing here\n")


def test_a_line_in_a_pipe_is_not_wrapped(capsys: pytest.CaptureFixture[str]) -> None:
    show_table(("text",), [("x" * 300,)], empty="")
    assert "x" * 300 in capsys.readouterr().out


def test_domain_words_become_json(capsys: pytest.CaptureFixture[str]) -> None:
    moment = datetime(2026, 11, 1, 12, tzinfo=UTC)
    entry = LedgerEntry(incident_id="i", stage="s", backend="b", at=moment, queries=2)
    show_json("x", entry=entry, table=MappingProxyType({"a": 1}), nothing=None)
    told = json.loads(capsys.readouterr().out)
    assert told["schema"] == "autoheal.x/v1"
    assert (told["entry"]["at"], told["entry"]["queries"]) == ("2026-11-01T12:00:00Z", 2)
    assert (told["table"], told["nothing"]) == ({"a": 1}, None)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, "-"),
        ("", "-"),
        (0, "0"),
        (1 / 3, "0.3333"),
        (datetime(2026, 1, 2, 3, 4, 5, 9, UTC), "2026-01-02 03:04:05Z"),
    ],
)
def test_cells_read_well(value: object, text: str) -> None:
    assert cell(value) == text
