"""A deleted investigation is gone from every door, and its tombstone is shown by all of them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from tests.unit.diagnosis import rig
from tests.unit.surfaces.stage import browser, stage, story

from autoheal.app import App
from autoheal.domain.incident import Incident, IncidentState
from autoheal.recording.flight import FlightRecorder
from autoheal.surfaces.cli.main import run

CANARY = "Jo Public"
WHY = "personal data of a customer"


@pytest.fixture
def app(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[App]:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("AUTOHEAL_CONFIG", raising=False)
    made = stage(tmp_path / ".autoheal")
    yield made
    made.stop()


@pytest.fixture
def incident(app: App) -> Incident:
    made = replace(story(app), state=IncidentState.CLOSED)
    app.memory.incidents.save(made)
    app.loop.responder.note(made.id, "human", f"{CANARY} cannot pay")
    app.memory.audit.append(
        incident_id=made.id, kind="decision_trace", actor="autoheal", body={"path": [f"asked of {CANARY}"]}
    )
    FlightRecorder(folder=app.config.home / "cases", keep=3).record(made, rig.telemetry(), ())
    return made


def paths(incident: Incident) -> list[str]:
    return [
        "/",
        "/report",
        f"/incidents/{incident.id}",
        f"/api/v1/incidents/{incident.id}",
        "/api/v1/incidents",
        "/api/v1/report",
    ]


@pytest.mark.criterion(34)
def test_what_was_investigated_is_gone_and_a_tombstone_says_who_when_and_why(
    app: App, incident: Incident
) -> None:
    web = browser(app)
    assert CANARY in web.get(f"/incidents/{incident.id}").text
    cited = [e.id for e in app.memory.incidents.evidence_of(incident.id)]
    form = {"actor": "ann", "reason": WHY}
    assert web.post(f"/incidents/{incident.id}/deletion", form=form).status_code == 303
    for path in paths(incident):
        answer = web.get(path)
        assert answer.status_code == 200, path
        assert CANARY not in answer.text, path
    page = web.get(f"/incidents/{incident.id}").text
    assert WHY in page
    assert "by ann" in page
    stone = web.get(f"/api/v1/incidents/{incident.id}").json()["file"]["tombstone"]
    assert (stone["actor"], stone["reason"]) == ("ann", WHY)
    assert [web.get(f"/api/v1/evidence/{key}").status_code for key in cited] == [404] * len(cited)
    assert list((app.config.home / "cases").iterdir()) == []
    assert CANARY not in "".join(record.body for record in app.traces(incident.id))
    assert app.audit_verify() is None
    assert app.incident(incident.id).mitigations, "what was done to production stays"


@pytest.mark.criterion(34)
def test_no_door_deletes_a_tombstone_or_deletes_twice(app: App, incident: Incident) -> None:
    web = browser(app)
    path = f"/api/v1/incidents/{incident.id}/deletion"
    body = {"actor": "ann", "reason": WHY}
    assert web.post(path, body=body).status_code == 201
    assert web.post(path, body={"actor": "bob", "reason": "cover it up"}).status_code == 409
    for method in ("DELETE", "PUT", "PATCH"):
        assert web.send(method, f"/api/v1/incidents/{incident.id}").status_code == 405
    stone = web.get(f"/api/v1/incidents/{incident.id}").json()["file"]["tombstone"]
    assert stone["actor"] == "ann"


def test_the_command_line_deletes_what_is_closed_and_refuses_the_rest_in_one_line(
    app: App, incident: Incident, capsys: pytest.CaptureFixture[str]
) -> None:
    app.memory.incidents.save(replace(incident, state=IncidentState.VERIFYING))
    assert run(["incident", "delete", incident.id, "--reason", WHY, "--actor", "ann"]) == 1
    assert "only what is closed can be deleted" in capsys.readouterr().err
    app.memory.incidents.save(incident)
    assert run(["incident", "delete", incident.id, "--reason", " ", "--actor", "ann"]) == 2
    capsys.readouterr()
    assert run(["incident", "delete", incident.id, "--reason", WHY, "--actor", "ann"]) == 0
    capsys.readouterr()
    assert run(["incident", "show", incident.id]) == 0
    assert "DELETED by ann at" in capsys.readouterr().out
    assert run(["audit", "verify"]) == 0
