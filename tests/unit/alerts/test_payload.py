"""Hostile and ambiguous JSON is refused with one clear line."""

from __future__ import annotations

import json
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from autoheal.alerts.payload import MAX_BYTES, moment, parse
from autoheal.domain.errors import MalformedError
from autoheal.ports.runs import Json


@pytest.mark.parametrize(
    ("body", "says"),
    [
        (b"", "not JSON"),
        (b"{", "not JSON"),
        (b"\xff{}", "not UTF-8 at byte 0"),
        (b'{"a": NaN}', "NaN"),
        (b'{"a": -Infinity}', "Infinity"),
        (b'{"a": 1e999}', "too large"),
        (b'{"a": 1, "a": 2}', "'a' twice"),
        (b'"\\ud800"', "surrogate"),
        (b'{"\\udfff": 1}', "surrogate"),
        (b"[" * 33 + b"]" * 33, "deeper than 32"),
        (b"[" * 100_000 + b"]" * 100_000, "deeper than 32"),
        (b'{"a":' * 50_000 + b"1" + b"}" * 50_000, "deeper than 32"),
        (b"9" * 100_000, "number"),
        (b" " * (MAX_BYTES + 1), "the limit is 1000000"),
    ],
)
def test_what_is_hostile_or_ambiguous_is_refused_by_name(body: bytes, says: str) -> None:
    with pytest.raises(MalformedError, match=says):
        parse(body)


def test_thirty_two_levels_are_allowed() -> None:
    assert parse(b"[" * 32 + b"]" * 32)


@given(st.binary(max_size=200))
def test_any_bytes_are_read_or_refused(body: bytes) -> None:
    said = ""
    try:
        parse(body)
    except MalformedError as error:
        said = str(error)
    assert "\n" not in said


@pytest.mark.parametrize(
    "value", ["2026-11-20T14:05:30Z", 1795183530, 1795183530000, "2026-11-20T15:05:30+01:00"]
)
def test_a_moment_is_read_in_utc(value: Json) -> None:
    assert moment(value, "starts_at") == datetime(2026, 11, 20, 14, 5, 30, tzinfo=UTC)


@pytest.mark.parametrize(
    "value", ["yesterday", "2026-11-20T14:05:30", True, [], {}, -1e300, 1e30, "9999-12-31T23:59:59-23:00"]
)
def test_what_is_no_moment_is_refused_by_field(value: Json) -> None:
    with pytest.raises(MalformedError, match=r"alert\.starts_at must be a time"):
        moment(value, "alert.starts_at")


def test_go_writes_no_time_as_the_year_one() -> None:
    assert moment("0001-01-01T00:00:00Z", "endsAt") is None


@given(st.recursive(st.none() | st.booleans() | st.integers() | st.text(), st.lists, max_leaves=5))
def test_what_json_can_say_is_read_back(value: Json) -> None:
    try:
        body = json.dumps(value, ensure_ascii=False).encode()
    except UnicodeEncodeError:
        return
    assert parse(body) == value
