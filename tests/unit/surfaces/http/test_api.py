"""The API answers in JSON or with a problem, refuses other origins, and never hangs when it is full."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import httpx
import pytest
from tests.unit.surfaces.stage import BASE, Browser, alert, browser, mitigation, stage, story

from autoheal.app import App
from autoheal.domain.approval import Decision
from autoheal.domain.errors import OverloadedError
from autoheal.domain.mitigation import MitigationState
from autoheal.ports.runs import Json
from autoheal.surfaces.http.guard import MAX_BODY
from autoheal.surfaces.http.webhooks import WAITING, Hall

PROBLEM = "application/problem+json"


@pytest.fixture
def app(tmp_path: Path) -> App:
    return stage(tmp_path)


@pytest.fixture
def web(app: App) -> Browser:
    return browser(app)


def assert_problem(answer: httpx.Response, status: int, says: str = "") -> None:
    assert (answer.status_code, answer.headers["content-type"]) == (status, PROBLEM)
    body = answer.json()
    assert body["status"] == status
    assert body["title"]
    assert says in body["detail"]


def test_an_accepted_delivery_is_stored_and_can_be_read_back_byte_for_byte(web: Browser) -> None:
    body = alert()
    answer = web.send("POST", "/webhooks/alertmanager", content=body)
    assert answer.status_code == 202
    back = web.get(f"/api/v1/deliveries/{answer.json()['id']}")
    assert back.content == body
    assert back.headers["content-disposition"].startswith("attachment")
    assert [incident["title"] for incident in web.get("/api/v1/incidents").json()] == [
        "HighErrorRate on checkout"
    ]


@pytest.mark.parametrize(
    ("body", "says"),
    [
        (b"", "not JSON"),
        (b"{", "not JSON"),
        (b"\xff\xfe", "not UTF-8"),
        (b"[" * 90_000, "deeper than 32"),
        (b'{"alerts": NaN}', "NaN"),
        (b'{"alerts": [], "alerts": []}', "twice"),
        (b'{"alerts": [{}]}', "alerts[0].status"),
    ],
)
def test_a_malformed_delivery_is_one_clear_problem(web: Browser, body: bytes, says: str) -> None:
    assert_problem(web.send("POST", "/webhooks/alertmanager", content=body), 400, says)


def test_an_unknown_source_is_told_the_known_ones(web: Browser) -> None:
    assert_problem(web.send("POST", "/webhooks/nagios", content=b"{}"), 404, "alertmanager, generic")


def test_a_body_over_a_megabyte_is_refused_whether_or_not_it_says_so(web: Browser) -> None:
    assert_problem(web.send("POST", "/webhooks/generic", content=b" " * (MAX_BODY + 1)), 413)

    async def pieces() -> object:
        for _ in range(20):
            yield b" " * 100_000

    assert_problem(web.send("POST", "/webhooks/generic", content=pieces()), 413)


def test_a_compressed_body_is_refused(web: Browser) -> None:
    answer = web.send("POST", "/webhooks/generic", content=b"x", headers={"Content-Encoding": "gzip"})
    assert_problem(answer, 415, "Content-Encoding")


def test_a_full_house_answers_503_with_a_time_to_come_back(app: App) -> None:
    class Full(App):
        def receive(self, source: str, body: bytes) -> str:
            raise OverloadedError(f"no room for {len(body)} bytes of {source}; try again")

    fields = {name: getattr(app, name) for name in App.__dataclass_fields__}
    answer = browser(Full(**fields)).send("POST", "/webhooks/alertmanager", content=alert())
    assert_problem(answer, 503, "try again")
    assert answer.headers["retry-after"] == "5"


def test_more_senders_than_the_hall_holds_are_sent_away_at_once(app: App) -> None:
    web = browser(app)
    web.server.state.hall = Hall(inside=WAITING)
    assert_problem(web.send("POST", "/webhooks/alertmanager", content=alert()), 503)
    assert app.incidents() == []


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/nothing", 404),
        ("GET", "/api/v1/incidents/inc_none", 404),
        ("GET", "/api/v1/evidence/ev_none", 404),
        ("GET", "/api/v1/deliveries/evt_none", 404),
        ("GET", "/api/v1/proposals/prp_none", 404),
        ("GET", "/api/v1/skills/none", 404),
        ("DELETE", "/api/v1/incidents", 405),
        ("GET", "/api/v1/incidents?limit=0", 422),
        ("GET", "/api/v1/incidents?limit=many", 422),
        ("GET", "/api/v1/graph/nodes?kind=nonsense", 422),
        ("POST", "/api/v1/kill-switch", 422),
    ],
)
def test_every_error_is_a_problem(web: Browser, method: str, path: str, status: int) -> None:
    assert_problem(web.send(method, path), status)


def test_a_failure_nobody_named_is_a_problem_without_its_inside(app: App) -> None:
    def broken() -> None:
        raise ZeroDivisionError("secret inside")

    answer = browser(replace(app, checks=broken)).get("/readyz")  # type: ignore[arg-type]  # broken on purpose
    assert_problem(answer, 500)
    assert "secret" not in answer.text
    assert answer.headers["x-content-type-options"] == "nosniff"


def unsafe_paths(web: Browser) -> list[str]:
    paths: dict[str, dict[str, Json]] = web.server.openapi()["paths"]
    hidden = [
        "/actions/mit_2/approval",
        "/proposals/prp_0/merge",
        "/proposals/prp_0/reject",
        "/kill-switch/engage",
        "/kill-switch/release",
    ]
    return [path for path, methods in paths.items() if "post" in methods] + hidden


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "https://evil.example"},
        {"Origin": "null"},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site", "Origin": BASE},
        {"Origin": "http://127.0.0.1:9999"},
    ],
)
def test_no_page_of_another_origin_can_send_anything(web: Browser, headers: dict[str, str]) -> None:
    paths = unsafe_paths(web)
    assert len(paths) > 9
    for path in paths:
        assert_problem(web.send("POST", path, json={}, headers=headers), 403, "another origin")


def test_a_rebound_name_reads_nothing(web: Browser) -> None:
    for host in ("evil.example", "127.0.0.1.evil.example", "", "127.0.0.1@evil.example", "[::1"):
        assert_problem(web.get("/api/v1/incidents", Host=host), 421)
    for host in ("localhost:8787", "127.0.0.1:1", "[::1]:8787"):
        assert web.get("/api/v1/incidents", Host=host).status_code == 200


def test_every_response_forbids_scripts_of_others_and_sniffing(web: Browser) -> None:
    for path in ("/", "/api/v1/incidents", "/nothing", "/static/style.css", "/metrics"):
        headers = web.get(path).headers
        policy = headers["content-security-policy"]
        assert "default-src 'none'" in policy
        assert "script-src 'self'" in policy
        assert "unsafe" not in policy
        assert "frame-ancestors 'none'" in policy
        assert headers["x-content-type-options"] == "nosniff"


def test_a_decision_names_the_digest_and_is_recorded_with_its_channel(app: App, web: Browser) -> None:
    story(app)
    waiting = web.get("/api/v1/actions").json()
    assert [each["mitigation"]["id"] for each in waiting] == ["mit_2"]
    yes = {"digest": waiting[0]["digest"], "decision": "approved", "actor": "ann"}
    path = "/api/v1/actions/mit_2/approval"
    assert_problem(web.post(path, body={**yes, "digest": "0" * 64}), 409, "look at it again")
    assert_problem(web.post(path, body={**yes, "digest": "short"}), 422, "digest")
    assert_problem(web.post(path, body={**yes, "actor": "  "}), 422, "actor")
    assert_problem(web.post(path, body={**yes, "force": True}), 422, "force")
    assert app.memory.mitigations.approvals("mit_2") == []
    assert web.post(path, body=yes).status_code == 201
    (approval,) = app.memory.mitigations.approvals("mit_2")
    assert (approval.actor, approval.channel, approval.decision) == ("ann", "http", Decision.APPROVED)


def test_what_is_no_longer_proposed_cannot_be_decided(app: App, web: Browser) -> None:
    incident = story(app)
    gone = replace(mitigation(incident, app.clock.now()), state=MitigationState.EXPIRED)
    app.memory.mitigations.save(gone)
    yes = {"digest": gone.digest, "decision": "approved", "actor": "ann"}
    assert_problem(web.post("/api/v1/actions/mit_2/approval", body=yes), 409)


def test_the_kill_switch_is_engaged_and_released_with_who_and_why(app: App, web: Browser) -> None:
    engaged = web.post("/api/v1/kill-switch", body={"actor": "ann", "reason": "strange night"}).json()
    assert engaged == {"engaged": True, "reason": app.killed()}
    assert "strange night" in str(app.killed())
    assert web.post("/api/v1/kill-switch/release", body={"actor": "ann"}).json()["engaged"] is False
    assert {record.actor for record in app.traces()} == {"ann"}


def test_a_lesson_is_rejected_with_its_reason(app: App, web: Browser) -> None:
    story(app)
    no = {"actor": "ann", "reason": "wrong layer"}
    assert web.post("/api/v1/proposals/prp_0/reject", body=no).json()["state"] == "rejected"
    assert_problem(web.post("/api/v1/proposals/prp_0/reject", body=no), 409)


def test_everything_that_can_be_read_is_json_even_where_a_value_is_no_number(app: App, web: Browser) -> None:
    incident = story(app)
    for path in (
        f"incidents/{incident.id}",
        "evidence/ev_errors",
        "proposals",
        "proposals/prp_1",
        "skills",
        "report",
        "checks",
        "audit",
        "kill-switch",
        "graph/nodes?kind=service",
        "graph/facts?relation=CALLS",
    ):
        answer = web.get(f"/api/v1/{path}")
        assert (answer.status_code, answer.headers["content-type"]) == (200, "application/json"), path
        json.loads(answer.content, parse_constant=pytest.fail)
    rows = web.get("/api/v1/evidence/ev_errors").json()["rows"]
    assert [row["value"] for row in rows].count(None) == 1
    whole = web.get(f"/api/v1/incidents/{incident.id}").json()
    assert set(whole["digests"]) == {"mit_1", "mit_2"}


def test_health_asks_nobody_and_readiness_proves_the_write_path(app: App, web: Browser) -> None:
    assert [web.get(path).json() for path in ("/healthz", "/livez")] == [{"status": "ok"}] * 2
    assert web.get("/readyz").json()["status"] == "ready"
    names = [check["name"] for check in web.get("/readyz?verbose").json()["checks"]]
    assert "database" in names
    app.stop()
    app.config.home.joinpath("autoheal.db").unlink()
    app.config.home.joinpath("autoheal.db").mkdir()
    assert web.get("/readyz").status_code == 503


def test_metrics_are_prometheus_text_with_closed_labels(app: App, web: Browser) -> None:
    story(app)
    web.send("POST", "/webhooks/alertmanager", content=alert("Another", "cart"))
    web.send("POST", "/webhooks/alertmanager", content=b"{")
    web.send("POST", "/webhooks/<b>", content=b"{}")
    text = web.get("/metrics").text
    assert 'autoheal_webhooks_received_total{outcome="accepted",source="alertmanager"} 1.0' in text
    assert 'autoheal_webhooks_received_total{outcome="malformed",source="alertmanager"} 1.0' in text
    assert 'autoheal_webhooks_received_total{outcome="unknown_source",source="unknown"} 1.0' in text
    assert 'autoheal_incidents_total{severity="critical"} 2.0' in text
    assert 'autoheal_actions_total{action="restart",outcome="undone",risk="medium"} 1.0' in text
    assert "inc_" not in text


def test_the_description_is_openapi_3_1_and_knows_the_problems(web: Browser) -> None:
    description = web.get("/openapi.json").json()
    assert description["openapi"].startswith("3.1")
    responses = description["paths"]["/api/v1/incidents/{incident_id}"]["get"]["responses"]
    assert PROBLEM in responses["default"]["content"]
    assert PROBLEM in responses["422"]["content"]


def stream(web: Browser, change: Callable[[], object]) -> list[str]:
    """What a listener hears when something changes after it connected."""
    heard: list[str] = []

    async def listen() -> None:
        parts: asyncio.Queue[str] = asyncio.Queue()
        gone = asyncio.Event()

        async def receive() -> dict[str, object]:
            if not heard:
                heard.append("connected")
                return {"type": "http.request", "body": b"", "more_body": False}
            await gone.wait()
            return {"type": "http.disconnect"}

        async def send(message: dict[str, object]) -> None:
            body = message.get("body", b"")
            if isinstance(body, bytes) and body:
                parts.put_nowait(body.decode())

        scope = {
            "type": "http",
            "asgi": {"version": "3.0"},
            "http_version": "1.1",
            "method": "GET",
            "path": "/api/v1/events",
            "raw_path": b"/api/v1/events",
            "query_string": b"",
            "headers": [(b"host", b"127.0.0.1")],
            "client": ("127.0.0.1", 1),
            "server": ("127.0.0.1", 80),
            "scheme": "http",
            "root_path": "",
        }
        serving = asyncio.create_task(web.server(scope, receive, send))  # type: ignore[arg-type]  # ASGI by hand
        heard.append(await asyncio.wait_for(parts.get(), 10))
        await asyncio.to_thread(change)
        heard.append(await asyncio.wait_for(parts.get(), 10))
        gone.set()
        await asyncio.wait_for(serving, 10)

    asyncio.run(listen())
    return heard


def test_a_listener_hears_of_a_new_incident(app: App, web: Browser) -> None:
    heard = stream(web, lambda: app.receive("alertmanager", alert()))
    (incident,) = app.incidents()
    assert heard[1].startswith("retry: 3000")
    assert heard[2] == f"event: incident\ndata: {incident.id}\n\n"
    assert web.server.state.listeners == 0


def test_more_listeners_than_allowed_are_told_to_come_back(web: Browser) -> None:
    web.server.state.listeners = 32
    assert_problem(web.get("/api/v1/events"), 503)
