"""Author and reviewer disagree twice: nothing is done by consensus, a person is paged with both cases."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path

import pytest
from tests.attacks.production import Shop, template

from autoheal.domain.evidence import Failed
from autoheal.domain.incident import Outcome
from autoheal.integrations.memory.metrics import MemoryMetrics
from autoheal.ports.telemetry import QueryResult


@dataclass
class _SilentNow(Shop):
    """A shop whose metrics answer ranges and no longer say what is so at this instant to the reviewer."""

    def refuse(self) -> None:
        """From now on only the reviewer's question about an error rate at this instant fails."""
        metrics = self.metrics
        answer = metrics.instant

        def instant(expression: str, *, at: float) -> QueryResult:
            if "rate" in expression and ">" not in expression:
                return QueryResult(answer=Failed(reason="overloaded"))
            return answer(expression, at=at)

        metrics.__dict__["instant"] = instant


@pytest.mark.criterion(41)
@pytest.mark.criterion(42)
def test_two_refusals_of_the_reviewer_page_a_person_with_both_cases(tmp_path: Path) -> None:
    shutil.copytree(template(tmp_path / "home"), tmp_path / "shop")
    shop = _SilentNow(tmp_path / "shop")
    assert isinstance(shop.metrics, MemoryMetrics)
    shop.refuse()
    incident = shop.suffer(learns=False)
    assert shop.actuator.effects == []
    assert incident.outcome is Outcome.ESCALATED
    told = incident.escalation or ""
    assert "author and reviewer disagree" in told
    assert "the author says checkout" in told
    assert "the reviewer says measured again" in told
    assert any("author and reviewer disagree" in page.text for page in shop.pager.pages)
