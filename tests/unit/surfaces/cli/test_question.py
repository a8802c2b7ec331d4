"""Questions at the command line: listed while they wait, answered once."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest
from tests.unit.reports.story import incident

from autoheal.config import Config
from autoheal.domain.question import Question
from autoheal.surfaces.cli.main import run
from autoheal.wiring import wire

_ASKED = Question(
    id="qst_1",
    incident_id="inc_1",
    text="Is it cart, or another?",
    why_asked="dana owns cart; memory did not serve: no skill is known",
    asked_at=datetime(2026, 11, 20, 14, tzinfo=UTC),
    asked_of="dana",
)


@pytest.fixture(autouse=True)
def _seeded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("AUTOHEAL_CONFIG", raising=False)
    app = wire(Config())
    app.memory.incidents.save(incident("inc_1"))
    app.memory.questions.save(_ASKED)
    app.stop()


def test_a_waiting_question_is_listed_with_why_it_is_asked(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["question", "list", "--json"]) == 0
    (shown,) = json.loads(capsys.readouterr().out)["questions"]
    assert (shown["id"], shown["asked_of"], shown["why_asked"]) == ("qst_1", "dana", _ASKED.why_asked)
    assert run(["question", "list"]) == 0
    assert "qst_1" in capsys.readouterr().out


def test_an_unknown_question_is_one_line_and_its_own_code(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["question", "answer", "qst_9", "--text", "cart"]) == 8
    assert "there is no question qst_9" in capsys.readouterr().err
