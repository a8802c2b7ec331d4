"""A verdict is judged from the command line, by the API and on the page, and all show the same."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from tests.unit.diagnosis import rig
from tests.unit.surfaces.stage import Browser, browser, stage, story

from autoheal.app import App
from autoheal.domain.incident import Incident, IncidentState
from autoheal.recording.flight import FlightRecorder
from autoheal.surfaces.cli.main import run


@pytest.fixture
def app(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[App]:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("AUTOHEAL_CONFIG", raising=False)
    made = stage(tmp_path / ".autoheal")
    yield made
    made.stop()


@pytest.fixture
def web(app: App) -> Browser:
    return browser(app)


@pytest.fixture
def incident(app: App) -> Incident:
    made = replace(story(app), state=IncidentState.CLOSED, services=("checkout", "stock"))
    app.memory.incidents.save(made)
    recorder = FlightRecorder(folder=app.config.home / "cases", keep=3)
    recorder.record(made, rig.telemetry(rig.failing("stock")), ("gateway",))
    return made


def test_the_api_names_the_first_wrong_step_and_where_the_case_went(web: Browser, incident: Incident) -> None:
    path = f"/api/v1/incidents/{incident.id}"
    body = {"actor": "ann", "right": False, "entity": "stock"}
    answer = web.post(f"{path}/judgment", body=body)
    assert answer.status_code == 201
    assert answer.json()["judgment"]["misstep"]["stage"]
    assert answer.json()["regression"].endswith(f"regressions/{incident.id}")
    assert web.get(path).json()["file"]["judgment"]["truth"]["entity"] == "stock"
    for wrong in ({**body, "right": True}, {"actor": "ann", "right": False, "change_id": "x"}):
        assert web.post(f"{path}/judgment", body=wrong).status_code == 422


def test_the_page_has_a_form_that_works_without_a_script(web: Browser, incident: Incident) -> None:
    path = f"/incidents/{incident.id}"
    assert "Was the verdict right?" in web.get(path).text
    form = {"actor": "ann", "verdict": "wrong", "entity": "stock", "note": "saw it myself"}
    assert web.post(f"{path}/judgment", form=form).status_code == 303
    page = web.get(path).text
    assert "the verdict was wrong, says ann: stock; first wrong step" in page
    assert "saw it myself" in page
    assert web.post(f"{path}/judgment", form={**form, "entity": ""}).status_code == 400


def test_the_command_line_judges_and_replays_what_was_judged(
    incident: Incident, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["replay", "--regressions"]) == 0
    assert "no verdict was judged wrong yet" in capsys.readouterr().err
    assert run(["incident", "judge", incident.id, "--cause", "stock", "--actor", "ann"]) == 0
    said = capsys.readouterr().out
    assert "first wrong step" in said
    assert f"regressions/{incident.id}" in said
    assert run(["incident", "show", incident.id]) == 0
    assert "Judgment: the verdict was wrong, says ann: stock" in capsys.readouterr().out
    assert run(["replay", "--regressions", "--json"]) == 0, "the engine finds stock in what was recorded"
    (case,) = json.loads(capsys.readouterr().out)["cases"]
    assert (case["case"], case["right"]) == (incident.id, True)
    assert run(["incident", "judge", incident.id, "--no-fault", "--actor", "ann"]) == 0
    assert run(["replay", "--regressions"]) == 1
    assert "WRONG" in capsys.readouterr().out


@pytest.mark.parametrize(
    "arguments", [[], ["--right", "--no-fault"], ["--right", "--change", "c"], ["--cause", "nobody-knows-it"]]
)
def test_a_word_that_says_nothing_or_two_things_is_refused_in_one_line(
    arguments: list[str], incident: Incident, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["incident", "judge", incident.id, *arguments, "--actor", "ann"]) in (2, 8)
    assert len(capsys.readouterr().err.strip().splitlines()) == 1
