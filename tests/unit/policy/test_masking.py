"""Secrets and personal data are found in every dress, and what is needed to find a fault stays."""

from __future__ import annotations

import time
from random import Random  # noqa: TID251  seeded below

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.unit.policy.secrets_made import DRESSES, NAMED, SHAPED, harmless, passphrase

from autoheal.policy.masking import mask, mask_value, mask_values, sensitive, was_masked
from autoheal.policy.secrets_table import SHAPES

_EACH = 100


@pytest.mark.criterion(120)
@pytest.mark.parametrize("dress", DRESSES)
@pytest.mark.parametrize("kind", SHAPED)
def test_a_secret_with_a_shape_is_masked_wherever_it_stands(kind: str, dress: str) -> None:
    rng = Random(f"{kind} {dress}")  # noqa: S311  dice for a test
    for _ in range(_EACH):
        secret = SHAPED[kind](rng)
        said = mask(DRESSES[dress](secret))
        assert secret not in said
        assert was_masked(said), said


@pytest.mark.criterion(120)
@pytest.mark.parametrize("form", NAMED)
def test_a_secret_without_a_shape_is_masked_by_the_name_before_it(form: str) -> None:
    rng = Random(form)  # noqa: S311  dice for a test
    for _ in range(_EACH):
        secret = passphrase(rng)
        said = mask(form.format(secret))
        assert secret not in said
        assert secret[-6:] not in said


def test_what_surrounds_a_secret_stays() -> None:
    assert (
        mask("level=error password=hunter2, user=ann") == "level=error password=[masked:password], user=ann"
    )
    assert mask('{"api_key": "k-1 2", "n": 3}') == '{"api_key": "[masked:key]", "n": 3}'
    assert mask("call(token=abc123)") == "call(token=[masked:token])"
    assert mask("postgres://app:pw123@db/x") == "postgres://app:[masked:url-password]@db/x"


@pytest.mark.parametrize(
    "line",
    [
        "password incorrect for user 7",
        "password: incorrect",
        "token expired",
        "secret: not found",
        'password = os.environ["DB_PASSWORD"]',
        "password=${DB_PASSWORD}",
        "key=checkout:42 value=7",
        "max_tokens=4096",
        "authorization failed",
        "bearer authentication is required",
    ],
)
def test_talk_about_secrets_is_no_secret(line: str) -> None:
    assert mask(line) == line


def test_harmless_lines_stay_as_they_are() -> None:
    rng = Random(7)  # noqa: S311  dice for a test
    lines = [harmless(rng) for _ in range(10_000)]
    changed = [line for line in lines if mask(line) != line]
    assert len(changed) <= len(lines) * 0.005, changed[:5]


def test_lines_are_masked_as_fast_as_they_are_read() -> None:
    rng = Random(8)  # noqa: S311  dice for a test
    lines = [harmless(rng) for _ in range(2_000)]
    began = time.process_time()
    for line in lines:
        mask(line)
    assert len(lines) / (time.process_time() - began) > 5_000


@pytest.mark.parametrize(
    "unit",
    [
        "a.",
        "+1 ",
        "4 ",
        "password=",
        "eyJa.",
        "1-",
        "://:",
        "A1 ",
        "-----BEGIN PRIVATE KEY-----",
        "x@",
        '"',
        "\\",
    ],
)
def test_no_line_makes_the_search_slow(unit: str) -> None:
    text = unit * (20_000 // len(unit))
    began = time.process_time()
    mask(text)
    assert time.process_time() - began < 2.0


@given(st.text(max_size=300))
def test_masking_twice_is_masking_once(text: str) -> None:
    once = mask(text)
    assert mask(once) == once


def test_a_name_says_that_its_value_is_secret() -> None:
    named = {
        "db.password": "correct horse",
        "owner": "ann",
        "release": "v2",
        "Cookie": "a=b",
        "user_pass": "x1",
    }
    assert mask_values(named) == {
        "db.password": "[masked:password]",
        "owner": "ann",
        "release": "v2",
        "Cookie": "a=b",
        "user_pass": "[masked:password]",
    }
    assert mask_value("token", "[masked:token]") == "[masked:token]"
    assert [sensitive(name) for name in ("token_count", "spin", "passed", "pin")] == [
        False,
        False,
        False,
        True,
    ]


def test_each_hint_is_in_small_letters_for_it_is_looked_for_in_such() -> None:
    assert all(hint == hint.lower() for shape in SHAPES for hint in shape.hints)
