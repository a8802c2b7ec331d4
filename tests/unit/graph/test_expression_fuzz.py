"""Whatever is written, the expression language refuses it by its one error or answers quickly."""

from __future__ import annotations

import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from autoheal.domain.errors import ConfigError
from autoheal.graph.expression import MAX_LENGTH, parse
from autoheal.ports.runs import Json

VALUE = ["a", "b.c", "a[0]", "a[-1]", "a[99999999999999999999]", "1", "1e999", "0", '"x"', "true", "false"]
SIGN = ["!", "-", "+", "*", "/", "%", "&&", "||", "==", "<", ">=", "(", ")", ",", ".", "[", "]"]
ODD = ["max(", "len(", "sum(", "any(", "٣", "²", "1e", "a.__class__", "''", " ", "\t", "\x1c", "\u2028"]
PARTS = st.sampled_from([*VALUE, *SIGN, *ODD])
HUGE = st.integers(0, 3).map(lambda n: 10 ** (300 + 2_500 * n))
VALUES: st.SearchStrategy[Json] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=3) | HUGE,
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from(["b", "c"]), inner, max_size=3)
    ),
    max_leaves=8,
)


@settings(max_examples=400)
@given(
    text=st.lists(PARTS, max_size=40).map("".join) | st.text(max_size=MAX_LENGTH + 50),
    names=st.dictionaries(st.sampled_from(["a", "b"]), VALUES),
)
def test_any_text_is_refused_with_the_documented_error_or_answers_quickly(
    text: str, names: dict[str, Json]
) -> None:
    started = time.process_time()
    try:
        expression = parse(text)
    except ConfigError:
        return
    value = expression.value(names)
    assert expression.holds(names) is (value is True)
    assert time.process_time() - started < 0.5


def test_an_integer_that_no_float_holds_is_unknown() -> None:
    assert parse("a > 1").value({"a": 10**5_000}) is None
    assert parse("max(a)").value({"a": [10**400, 1]}) is None


@pytest.mark.parametrize(
    "text",
    [
        "!" * 31 + "a",
        "(" * 31 + "a" + ")" * 31,
        "a" + ".b" * 249,
        "1" + "+1" * 249,
        "max(" * 31 + "1" + ")" * 31,
    ],
)
def test_the_deepest_expressions_that_are_read_are_computed(text: str) -> None:
    parse(text).value({"a": {}})


@pytest.mark.parametrize("text", ["!" * 499, "(" * 250 + ")" * 250, "-" * 499 + "1", "max(" * 125, "a" * 501])
def test_what_is_deeper_or_longer_is_refused(text: str) -> None:
    with pytest.raises(ConfigError):
        parse(text)
