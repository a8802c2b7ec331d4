"""A word planted in log lines, deliveries and tools' answers reaches no viewer by any page or operation."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace

import pytest
from fastapi import FastAPI
from fastapi.routing import iter_route_contexts
from tests.attacks.production import Planted, Shop, shop, template
from tests.unit.surfaces.stage import Browser, browser

from autoheal.app import App
from autoheal.config import Config
from autoheal.domain.evidence import Evidence, Failed, Found, Row, digest_of
from autoheal.domain.incident import Incident, TimelineEntry
from autoheal.domain.person import Role
from autoheal.domain.question import Question
from autoheal.policy.veil import WITHHELD
from autoheal.surfaces.http.live import snapshot
from autoheal.wiring import wire

CANARY = "zq7canary83x"
LINES = (
    f"unhandled refund failure of account {CANARY} in ledger shard",
    f"fatal: giving up on {CANARY}",
)
TOLD = f"the ledger of tenant {CANARY} was locked by hand last night"
STREAM = "/api/v1/events"


@pytest.fixture(scope="module")
def healed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shop]:
    """An incident from alert to lessons, in which the canary was written wherever a system writes."""
    folder = tmp_path_factory.mktemp("withheld")
    planted = Planted(logs=LINES, annotations={"summary": f"look at {CANARY}"}, labels={"tenant": CANARY})
    made = shop(folder / "home", template(folder / "template"), planted)
    _repeated(made, made.suffer())
    yield made
    made.close()


def _repeated(made: Shop, incident: Incident) -> None:
    """What a tool answered, and people and programs who repeat what they read in it."""
    stores, now = made.database, made.clock.now()
    rows = [Row(time=now.timestamp(), entity="mcp:notes", subject="q", value=1.0, text=TOLD)]
    asked = Evidence(
        id="ev_tool",
        incident_id=incident.id,
        stage="investigate",
        source="mcp:notes",
        expression=f'query {{"about": "{CANARY}"}}',
        start=now,
        end=now,
        asked_at=now,
        seconds=0.1,
        answer=Found(rows=1, digest=digest_of(rows)),
    )
    stores.incidents.add_evidence(asked, rows)
    failed = replace(asked, id="ev_failed", expression="query {}", answer=Failed(reason=f"no {CANARY} here"))
    stores.incidents.add_evidence(failed, [])
    said = f"the notes say that {TOLD}, see {CANARY} and 'account {CANARY} in ledger'"
    stores.incidents.add_timeline(
        incident.id, TimelineEntry(at=now, kind="human", text=said, actor="ann", evidence=("ev_tool",))
    )
    stores.incidents.save(replace(stores.incidents.get(incident.id), escalation=said))
    (act, *_) = stores.mitigations.of_incident(incident.id)
    stores.mitigations.save(replace(act, result=f"done for {CANARY}"))
    stores.audit.append(incident_id=incident.id, kind="told", actor="ann", body={"said": [said]})
    stores.questions.save(
        Question(
            id="que_1",
            incident_id=incident.id,
            text=f"is it so that {said}?",
            why_asked=said,
            asked_at=now,
            asked_of="ann",
        )
    )


@pytest.fixture(scope="module")
def app(healed: Shop) -> Iterator[App]:
    """The product on what the incident left behind."""
    repositories = {name: healed.folder / name for name in ("context", "code")}
    made = wire(Config(home=healed.folder, repositories=repositories))
    yield made
    made.stop()


@pytest.fixture(scope="module")
def headers(app: App) -> Mapping[Role, dict[str, str]]:
    """One person of each role."""
    roles = (Role.ADMIN, Role.RESPONDER, Role.VIEWER)
    tokens = {role: app.people.add(role.value, role=role, actor="root").token for role in roles}
    return {role: {"Authorization": f"Bearer {token}"} for role, token in tokens.items()}


def readable(server: FastAPI, app: App) -> list[str]:
    """Every path that can be read, with every id there is in the place of each parameter."""
    (incident,) = app.incidents()
    file = app.incident(incident.id)
    ids = {
        "{incident_id}": [incident.id],
        "{evidence_id}": [one.id for one in file.evidence],
        "{event_id}": [alert.event_id for alert in file.alerts],
        "{proposal_id}": [one.id for one in file.proposals],
        "{name}": [skill.name for skill in app.skills()],
        "{urn:path}": [node.urn for node in app.graph().nodes()],
        "{tool_id}": ["none.none"],
    }
    paths = [
        str(found.path) for found in iter_route_contexts(server.routes) if "GET" in (found.methods or ())
    ]
    filled: list[str] = []
    for path in paths:
        holes = [hole for hole in ids if hole in path]
        filled += [path.replace(holes[0], one) for one in ids[holes[0]]] if holes else [path]
    around = [f"/api/v1/graph/around?thing={node.urn}" for node in app.graph().nodes()]
    facts = [f"/api/v1/graph/fact?fact_id={fact.id}" for fact in app.graph().facts()]
    assert not [path for path in filled if "{" in path], "a new parameter: say what it may be"
    return [path for path in (*filled, *around, *facts) if path != STREAM]


def seen(web: Browser, paths: list[str], header: dict[str, str]) -> dict[str, str]:
    """What each path answers, where it does."""
    answers = {path: web.get(path, **header) for path in paths}
    assert [path for path, answer in answers.items() if answer.status_code >= 500] == []
    return {path: answer.text for path, answer in answers.items() if answer.status_code == 200}


@pytest.mark.criterion(37)
def test_the_canary_stands_nowhere_for_a_viewer_and_where_it_belongs_for_a_responder(
    app: App, headers: Mapping[Role, dict[str, str]]
) -> None:
    web = browser(app)
    paths = readable(web.server, app)
    assert len(paths) > 100
    with_right = seen(web, paths, headers[Role.RESPONDER])
    places = {
        path.split("/")[3] if path.startswith("/api") else path
        for path in with_right
        if CANARY in with_right[path]
    }
    assert {"evidence", "deliveries", "incidents"} <= places
    without = seen(web, paths, headers[Role.VIEWER])
    assert {path for path in without if CANARY in without[path] or CANARY[:8] in without[path]} == set()
    for line in (*LINES, TOLD):
        head = " ".join(line.split()[:3])
        assert {path for path in without if head in without[path]} == set()
    assert len(without) > 90


@pytest.mark.criterion(37)
def test_a_viewer_still_sees_findings_evidence_windows_and_figures(
    app: App, headers: Mapping[Role, dict[str, str]]
) -> None:
    web = browser(app)
    (incident,) = app.incidents()
    whole = {
        role: web.get(f"/api/v1/incidents/{incident.id}", **headers[role]).json()
        for role in (Role.VIEWER, Role.RESPONDER)
    }
    shown, full = (whole[role]["file"] for role in (Role.VIEWER, Role.RESPONDER))
    assert "read_raw" in whole[Role.VIEWER]["withheld"]
    assert whole[Role.RESPONDER]["withheld"] == ""
    for key in ("group", "costs", "approvals", "verifications"):
        assert shown[key] == full[key]
    for mine, theirs in zip(shown["evidence"], full["evidence"], strict=True):
        assert [mine[key] for key in ("id", "start", "end", "asked_at")] == [
            theirs[key] for key in ("id", "start", "end", "asked_at")
        ]
        assert mine["answer"].get("digest") == theirs["answer"].get("digest")
    mine, theirs = (file["investigations"][0]["hypotheses"] for file in (shown, full))
    for one, other in zip(mine, theirs, strict=True):
        assert [one[key] for key in ("statement", "confidence", "state")] == [
            other[key] for key in ("statement", "confidence", "state")
        ]
        figures = [[r["value"] for c in h["claims_for"] for r in c["readings"]] for h in (one, other)]
        assert figures[0] == figures[1]
    counted = [c["text"] for h in mine for c in h["claims_for"] if WITHHELD in c["text"]]
    assert any(f'"{WITHHELD}" of "checkout" went from 0 to' in text for text in counted)


@pytest.mark.criterion(37)
def test_one_line_says_which_right_is_missing(app: App, headers: Mapping[Role, dict[str, str]]) -> None:
    web = browser(app)
    (incident,) = app.incidents()
    viewer = headers[Role.VIEWER]
    rows = web.get("/api/v1/evidence/ev_tool", **viewer).json()
    assert (rows["rows"], "read_raw" in rows["withheld"]) == ([], True)
    for path in (f"/incidents/{incident.id}", "/evidence/ev_tool"):
        assert "needs the right read_raw" in web.get(path, **viewer).text
        assert "needs the right read_raw" not in web.get(path, **headers[Role.RESPONDER]).text
    refused = web.get("/api/v1/deliveries/any", **viewer)
    assert (refused.status_code, refused.json()["rule"]) == (403, "access.read_raw")


def test_the_live_stream_names_what_changed_and_says_nothing_of_it(app: App) -> None:
    assert set(snapshot(app)) == {*(incident.id for incident in app.incidents()), "waiting"}


@pytest.mark.criterion(37)
def test_what_was_made_of_deleted_text_is_withheld_whole(
    app: App, headers: Mapping[Role, dict[str, str]]
) -> None:
    """The last test of this file: it deletes the incident of all the others."""
    (incident,) = app.incidents()
    app.memory.incidents.save(replace(app.memory.incidents.get(incident.id), closed_at=app.clock.now()))
    web = browser(app)
    gone = {"actor": "admin", "reason": "a customer asked"}
    path = f"/api/v1/incidents/{incident.id}"
    answer = web.send("POST", f"{path}/deletion", json=gone, headers=headers[Role.ADMIN])
    assert answer.status_code == 201, answer.text
    paths = readable(web.server, app)
    without = seen(web, paths, headers[Role.VIEWER])
    for said in (CANARY, *(" ".join(line.split()[:3]) for line in (*LINES, TOLD))):
        assert {path for path in without if said in without[path]} == set()
