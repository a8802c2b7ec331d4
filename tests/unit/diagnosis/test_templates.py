"""Template mining: what varies is a wildcard, what is said stays."""

from __future__ import annotations

import polars as pl
import pytest

from autoheal.diagnosis.templates import mined, severity_of


def numbers(*lines: str) -> list[int]:
    return mined(pl.Series(lines))[0].to_list()


def test_lines_that_differ_only_in_numbers_and_ids_share_a_template() -> None:
    same = numbers(
        "user 17 logged in from 10.0.0.1",
        "user 99 logged in from 10.0.0.7",
        "user 5f0c9a1e-1111-2222-3333-444455556666 logged in from 10.0.0.9",
    )
    assert len(set(same)) == 1


def test_success_and_failure_of_one_call_are_two_templates() -> None:
    ok, bad = numbers("[getRoute][Get Route By Id][Success]", "[getRoute][Get Route By Id Failed]")
    assert ok != bad


def test_a_word_that_varies_by_place_becomes_a_wildcard() -> None:
    found, texts = mined(
        pl.Series([f"INFO stored object {word} in the archive" for word in ("alpha", "beta", "gamma")])
    )
    assert found.n_unique() == 1
    assert "<*>" in texts[found[0]]


def test_a_template_text_keeps_the_line_s_punctuation() -> None:
    _, texts = mined(pl.Series(["ERROR panic: nil pointer [recovered] at line 12"]))
    assert texts[0].startswith("ERROR panic: nil pointer [recovered] at line")


def test_a_million_equal_lines_are_one_template() -> None:
    assert mined(pl.Series(["INFO tick 1"] * 1_000_000))[0].n_unique() == 1


def test_null_and_junk_messages_are_mined_too() -> None:
    assert len(numbers("", "\x00\x01", "plain")) == 3


@pytest.mark.parametrize(
    ("graver", "milder"),
    [
        ("FATAL out of memory", "ERROR request failed"),
        ("ERROR request failed", "WARN slow query"),
        ("WARN slow query", "INFO handled request"),
        ("ERROR request failed", "WARN call canceled by client"),
    ],
)
def test_severity_orders_the_words(graver: str, milder: str) -> None:
    assert severity_of(graver) > severity_of(milder)
