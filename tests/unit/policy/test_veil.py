"""What stands in a raw line is found again in what was made of it; figures, names and our own words stay."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from autoheal.domain.evidence import Claim, Reading, Statistic
from autoheal.policy.veil import WITHHELD, Veil, drawn

LINES = (
    'payment of "gold card" for user=Kx93f2 refused after 3 tries by bank-east-1',
    "GET /v1/orders 500 in 21 ms",
)
NAMES = ("checkout", "bank-east-1", "rate(http_requests_total[1m])")


def claim(text: str, *, said: str = "", evidence: str = "ev_logs") -> Claim:
    """One claim with one reading."""
    reading = Reading(
        evidence_id=evidence,
        entity="checkout",
        subject="",
        statistic=Statistic.COUNT,
        start=0,
        end=9,
        value=6,
        text=said,
    )
    return Claim(text=text, readings=(reading,))


COUNTED = claim(
    '"payment of "gold card" for user=<*> refused" of "checkout" went from 0 to 6 lines ("new_lines")',
    said="refused after",
)


@pytest.fixture
def veil() -> Veil:
    return drawn(LINES, names=NAMES, claims=(COUNTED,), plain=("ev_changes",))


@pytest.mark.parametrize(
    "said",
    [
        "it was Kx93f2 who paid",
        "see user=Kx93f2.",
        "the payment of gold went wrong",
        "orders of /v1/orders fail",
        "it says 'for user=Kx93f2 refused'",
    ],
)
def test_a_piece_of_a_line_is_withheld(veil: Veil, said: str) -> None:
    shown = veil.text(said)
    assert WITHHELD in shown
    assert not any(word in shown for word in ("Kx93f2", "payment of gold", "/v1/orders"))


@pytest.mark.parametrize(
    "said",
    [
        "",
        "errors of checkout went from 0.3 to 12.4 per second, 21 s after the deploy",
        "bank-east-1 was asked 3 times",
        "rate(http_requests_total[1m]) fell at 2026-11-23T12:00:00+00:00",
        "the payment was refused",
    ],
)
def test_figures_names_and_single_words_of_language_stay(veil: Veil, said: str) -> None:
    assert veil.text(said) == said


def test_a_claim_keeps_its_figures_but_not_what_the_lines_say(veil: Veil) -> None:
    shown = veil.over(COUNTED)
    assert shown.text == f'"{WITHHELD}" of "checkout" went from 0 to 6 lines ("new_lines")'
    assert (shown.readings[0].text, shown.readings[0].value) == (WITHHELD, 6)


def test_a_claim_on_a_change_is_a_finding_itself(veil: Veil) -> None:
    change = claim('deploy "Simplify" was made there before', said="deploy-2", evidence="ev_changes")
    assert veil.over(change) == change


def test_a_claim_of_another_shape_says_nothing_of_its_text(veil: Veil) -> None:
    odd = claim("gold card lines are many", said="gold card")
    assert veil.over(odd).text == f'"{WITHHELD}" of "checkout"'


@given(st.lists(st.from_regex(r"[a-z]{3,8}[0-9]{2}", fullmatch=True), min_size=1, max_size=6), st.data())
def test_no_identifier_of_a_line_survives_wherever_it_is_repeated(
    words: list[str], data: st.DataObject
) -> None:
    line = " ".join(f"id={word}" for word in words)
    leaked = data.draw(st.sampled_from(words))
    around = data.draw(st.sampled_from(["see {} now", "({})", "'{}'", "user/{}", "{}-tail", "a={}"]))
    veil = drawn([line], names=NAMES, claims=(), plain=())
    assert leaked not in veil.text(around.format(leaked))
