"""A service may be called anything: no name breaks a recall, reaches a query, or hides another service."""

from __future__ import annotations

from dataclasses import replace

import pytest
from tests.unit.healing.test_recall import ERRORS, SERVICES, SKILL, Production

from autoheal.healing.recall import NotRecalled, Recalled

BOUND = replace(ERRORS, arguments={"query": 'max(error_ratio{service="$service"})', "service": "$service"})
ASKS_BY_NAME = replace(SKILL, diagnose=(BOUND, SKILL.diagnose[1]))
HOSTILE = ["支付", "корзина", 'x"} or up{a="', "$service", "a b", "x\n", "", "a" * 5_000, "\u202ecart"]


@pytest.mark.parametrize("name", HOSTILE)
def test_no_name_of_a_service_breaks_a_recall_or_hides_the_one_that_fails(name: str) -> None:
    production = Production()
    production.sicken("cart")
    production.deploy("cart")
    found = production.recall(ASKS_BY_NAME, services=(name, "cart"))
    assert isinstance(found, Recalled)
    assert found.service == "cart"
    asked = {e.expression for e in production.incidents.evidence_of("inc_1")}
    plain = {f'max(error_ratio{{service="{service}"}})' for service in SERVICES}
    assert {text for text in asked if "error_ratio" in text} <= plain


def test_a_name_that_no_query_may_hold_is_told_and_not_asked() -> None:
    production = Production()
    found = production.recall(ASKS_BY_NAME, services=("支付",))
    assert isinstance(found, NotRecalled)
    assert any("not asked" in line for line in found.path)
