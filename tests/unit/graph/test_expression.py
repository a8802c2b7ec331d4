"""The expression language computes what it says and nothing else."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from autoheal.domain.errors import ConfigError
from autoheal.graph.expression import Names, parse
from autoheal.ports.runs import Json


@pytest.mark.parametrize(
    ("text", "names", "value"),
    [
        ("1 + 2 * 3", {}, 7.0),
        ("(1 + 2) * 3", {}, 9.0),
        ("-2 - -3", {}, 1.0),
        ("7 % 4", {}, 3.0),
        ("used >= 0.95 && hits > 0", {"used": 0.96, "hits": 3}, True),
        ("used >= 0.95 && hits > 0", {"used": 0.96, "hits": 0}, False),
        ("!(used > 1) || false", {"used": 0.5}, True),
        ('change.kind == "deploy" && change.age <= 900', {"change": {"kind": "deploy", "age": 60}}, True),
        ("change.kind != 'flag'", {"change": {"kind": "deploy"}}, True),
        ("revisions[-1].age", {"revisions": [{"age": 9}, {"age": 4}]}, 4),
        ("max(values) - min(values)", {"values": [1, 5, 3]}, 4.0),
        ("max(1, 2, 3) + sum(values)", {"values": [1, 1]}, 5.0),
        ("len(values) == 2 && any(flags) && !all(flags)", {"values": [1, 2], "flags": [True, False]}, True),
        ("1e3 == 1000", {}, True),
    ],
)
def test_an_expression_has_the_value_arithmetic_gives_it(text: str, names: Names, value: Json) -> None:
    assert parse(text).value(names) == value


@pytest.mark.parametrize(
    "text",
    ["used > 1", "!(used > 1)", "used == 1", "used + 1 > 0", "1 / used > 0", "used.age < 3", "max(used) > 0"],
)
def test_an_unknown_value_never_makes_a_condition_hold(text: str) -> None:
    assert not parse(text).holds({"used": None})
    assert not parse(text).holds({})


def test_one_true_side_of_an_or_is_enough_while_the_other_is_unknown() -> None:
    assert parse("a > 1 || b > 1").holds({"a": 2.0, "b": None})
    assert parse("a > 1 && b > 1").value({"a": 0.0, "b": None}) is False


def test_dividing_by_zero_is_unknown_and_no_crash() -> None:
    assert parse("1 / zero > 0").value({"zero": 0.0}) is None
    assert parse("nan > 0").value({"nan": float("nan")}) is None


@pytest.mark.parametrize(
    "text",
    [
        "",
        "1 +",
        "(1",
        "a b",
        "a..b",
        "a[b]",
        "a[1.5]",
        "open('x')",
        "__import__('os')",
        "a = 1",
        "a; b",
        "f'{a}'",
        "`a`",
        "a if b else c",
        "(" * 40 + "1" + ")" * 40,
        "!" * 50 + "true",
        "1+" * 600 + "1",
    ],
)
def test_what_is_outside_the_language_is_refused_with_the_place(text: str) -> None:
    with pytest.raises(ConfigError, match="expression"):
        parse(text)


def test_the_names_it_rests_on_are_known() -> None:
    assert parse("used > 1 && change.kind == 'x' && max(a, b) > 0").names == {"used", "change", "a", "b"}


@given(st.text(max_size=60))
def test_no_text_makes_it_do_anything_but_answer_or_refuse(text: str) -> None:
    try:
        expression = parse(text)
    except ConfigError:
        return
    expression.value({"a": 1.0, "b": [1, "x"], "c": {"d": None}})
