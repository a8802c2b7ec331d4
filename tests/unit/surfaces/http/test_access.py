"""Every route of the server against every role, generated from the server itself; and how one signs in."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest
from fastapi import FastAPI
from fastapi.routing import iter_route_contexts
from starlette.routing import Mount
from tests.unit.surfaces.stage import Browser, alert, browser, stage, story

from autoheal.app import App
from autoheal.domain.person import Role
from autoheal.policy.access import holds
from autoheal.surfaces.http.admission import COOKIE, Rights
from autoheal.surfaces.server import build

PROBLEM = "application/problem+json"
ROLES: tuple[Role | None, ...] = (None, *Role)
IDS = {
    "incident_id": "inc_none",
    "evidence_id": "ev_errors",
    "event_id": "evt_none",
    "mitigation_id": "mit_none",
    "question_id": "que_none",
    "proposal_id": "prp_none",
    "source": "alertmanager",
}


@dataclass(frozen=True, slots=True)
class Place:
    """One route by method."""

    method: str
    path: str

    @property
    def name(self) -> str:
        """As the tables of rights spell it."""
        return f"{self.method} {self.path}"


def places(server: FastAPI) -> list[Place]:
    """Every route there is, by method, but for mounted files."""
    return [
        Place(method, found.path)
        for found in iter_route_contexts(server.routes)
        if found.path is not None
        for method in sorted(found.methods or ())
        if method != "HEAD"
    ]


@pytest.fixture(scope="module")
def app(tmp_path_factory: pytest.TempPathFactory) -> App:
    made = stage(tmp_path_factory.mktemp("access"))
    story(made)
    return made


@pytest.fixture(scope="module")
def server(app: App) -> FastAPI:
    return build(app)


@pytest.fixture(scope="module")
def tokens(app: App) -> Mapping[Role, str]:
    """One person of each role, named after it; the admin first."""
    return {role: app.people.add(role.value, role=role, actor="root").token for role in reversed(list(Role))}


@dataclass(frozen=True, slots=True)
class Reply:
    """What a knock was answered with."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def rule(self) -> str:
        """The rule that refused, if one did."""
        found = json.loads(self.body).get("rule") if self.headers["content-type"] == PROBLEM else None
        return str(found or "")


def knock(server: FastAPI, place: Place, headers: Mapping[str, str]) -> Reply:
    """Send one empty request and hang up, so that a stream ends too."""
    path = place.path
    for name, value in IDS.items():
        path = path.replace(f"{{{name}}}", value)
    path = path.replace("{urn:path}", "ah:service:default/none").replace("{", "").replace("}", "")
    sent: list[Mapping[str, object]] = []
    given = iter([{"type": "http.request", "body": b"{}", "more_body": False}])

    async def receive() -> Mapping[str, object]:
        return next(given, {"type": "http.disconnect"})

    async def send(message: Mapping[str, object]) -> None:
        sent.append(message)

    own = {"host": "127.0.0.1", "content-type": "application/json", **headers}
    scope = {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": place.method,
        "scheme": "http",
        "path": path,
        "raw_path": path.encode(),
        "query_string": b"",
        "root_path": "",
        "headers": [(key.lower().encode(), value.encode()) for key, value in own.items()],
        "client": ("127.0.0.1", 1),
        "server": ("127.0.0.1", 80),
    }
    asyncio.run(server(scope, receive, send))  # type: ignore[arg-type]  # plain mappings are what ASGI asks for
    head = sent[0]
    pairs = head["headers"]
    assert isinstance(pairs, list)
    return Reply(
        status=int(str(head["status"])),
        headers={key.decode(): value.decode() for key, value in pairs},
        body=b"".join(m["body"] for m in sent[1:] if isinstance(m.get("body"), bytes)),  # type: ignore[misc]  # just asked
    )


@pytest.mark.criterion(114)
def test_every_route_declares_the_right_it_takes_or_is_open_on_purpose(server: FastAPI) -> None:
    rights: Rights = server.state.rights
    names = {place.name for place in places(server)}
    assert len(names) > 60
    assert names - rights.by_route.keys() - rights.open == set()
    assert (rights.by_route.keys() | rights.open) - names == set()
    assert rights.by_route.keys() & rights.open == set()
    assert [route.path for route in server.routes if isinstance(route, Mount)] == ["/static"]


@pytest.mark.criterion(114)
@pytest.mark.parametrize("role", ROLES, ids=str)
def test_each_role_reaches_exactly_the_routes_whose_right_it_holds(
    server: FastAPI, tokens: Mapping[Role, str], role: Role | None
) -> None:
    rights: Rights = server.state.rights
    headers = {"authorization": f"Bearer {tokens[role]}"} if role else {}
    wrong: list[str] = []
    for place in places(server):
        reply = knock(server, place, headers)
        right = rights.by_route.get(place.name)
        shut = _shut(reply, place)
        expected = right is not None and (role is None or not holds(role, right))
        if shut != expected or (shut and role and reply.status != 403):
            wrong.append(f"{place.name} as {role}: {reply.status} {reply.rule}")
    assert wrong == []


def _shut(reply: Reply, place: Place) -> bool:
    """Whether access was refused, in whatever way this door says so."""
    if place.path.startswith("/api/"):
        return reply.status == 401 or reply.rule.startswith("access.")
    to_sign_in = reply.status == 303 and reply.headers["location"].startswith("/sign-in?to=")
    return to_sign_in or (reply.status == 403 and b"rule: access." in reply.body)


@pytest.mark.criterion(114)
def test_a_route_that_declares_no_right_is_nobodys(app: App, tokens: Mapping[Role, str]) -> None:
    grown = build(app)
    grown.add_api_route("/api/v1/forgotten", lambda: "something")
    reply = knock(grown, Place("GET", "/api/v1/forgotten"), {"authorization": f"Bearer {tokens[Role.ADMIN]}"})
    assert (reply.status, reply.rule) == (403, "access.undeclared")


def test_every_act_is_refused_to_whoever_names_another_person(
    app: App, server: FastAPI, tokens: Mapping[Role, str]
) -> None:
    """Generated from the API's own description, so that a new act cannot forget it."""
    description = server.openapi()
    acts = 0
    for path, operations in description["paths"].items():
        body = operations.get("post", {}).get("requestBody", {}).get("content", {}).get("application/json")
        schema = description["components"]["schemas"][body["schema"]["$ref"].split("/")[-1]] if body else {}
        if "actor" not in schema.get("properties", {}):
            continue
        acts += 1
        content = {name: _filled(name) for name in schema.get("required", [])}
        answer = browser(app).send(
            "POST",
            path.replace("{incident_id}", app.incidents()[0].id).replace("{proposal_id}", "prp_0"),
            json={**content, "actor": "mallory"},
            headers={"Authorization": f"Bearer {tokens[Role.ADMIN]}"},
        )
        assert (answer.status_code, answer.json().get("rule")) in {(403, "access.actor"), (404, None)}, path
        if answer.status_code == 404:
            assert "tool" in path, path
    assert acts > 10


def _filled(name: str) -> object:
    given = {"right": True, "digest": "a" * 64, "decision": "approved", "tier": "read", "role": "viewer"}
    return given.get(name, "checkout")


@pytest.fixture
def own(tmp_path: Path) -> App:
    made = stage(tmp_path)
    story(made)
    return made


def enroll(app: App, name: str, role: Role) -> dict[str, str]:
    """The header that lets them in."""
    return {"Authorization": f"Bearer {app.people.add(name, role=role, actor='root').token}"}


def test_without_anybody_enrolled_nobody_is_asked(own: App) -> None:
    web = browser(own)
    assert web.get("/api/v1/incidents").status_code == 200
    assert web.get("/").status_code == 200
    assert web.get("/api/v1/people").json() == []
    first = web.post("/api/v1/people", body={"name": "eve", "role": "admin", "actor": "eve"})
    assert (first.status_code, first.json()["rule"]) == (403, "access.first")


def test_who_is_unknown_is_told_how_to_come_in(own: App) -> None:
    enroll(own, "ann", Role.ADMIN)
    web = browser(own)
    for header in ({}, {"Authorization": "Bearer ahl_wrong"}, {"Authorization": "Basic YTpi"}):
        answer = web.get("/api/v1/incidents", **header)
        assert (answer.status_code, answer.headers["content-type"]) == (401, PROBLEM)
        assert answer.headers["www-authenticate"] == "Bearer"
        assert "Bearer TOKEN" in answer.json()["detail"]
    assert web.send("POST", "/webhooks/alertmanager", content=alert()).status_code == 202
    assert [
        web.get(path).status_code for path in ("/healthz", "/readyz", "/metrics", "/static/style.css")
    ] == [200] * 4


def test_the_actor_is_who_signed_in(own: App) -> None:
    ann = enroll(own, "ann", Role.ADMIN)
    web = browser(own)
    answer = web.send("POST", "/api/v1/proposals/prp_0/reject", json={"reason": "not now"}, headers=ann)
    assert (answer.status_code, answer.json()["decided_by"]) == (200, "ann")


def test_a_removed_person_is_out_at_once_with_token_and_browser(own: App) -> None:
    ann, bob = enroll(own, "ann", Role.ADMIN), enroll(own, "bob", Role.VIEWER)
    web = browser(own)
    cookie = signed_in(web, bob["Authorization"].removeprefix("Bearer "))
    assert web.get("/", Cookie=cookie).status_code == 200
    assert web.send("POST", "/api/v1/people/bob/removal", json={}, headers=ann).status_code == 200
    assert web.get("/api/v1/incidents", **bob).status_code == 401
    assert web.get("/", Cookie=cookie).status_code == 303


@pytest.mark.criterion(115)
def test_the_last_admin_stays_by_the_api_too(own: App) -> None:
    ann = enroll(own, "ann", Role.ADMIN)
    web = browser(own)
    for path, body in (("role", {"role": "viewer"}), ("removal", {})):
        answer = web.send("POST", f"/api/v1/people/ann/{path}", json=body, headers=ann)
        assert (answer.status_code, answer.json()["rule"]) == (403, "access.last_admin")


def signed_in(web: Browser, token: str, to: str = "/") -> str:
    """The cookie that the sign-in page gives."""
    answer = web.post("/sign-in", form={"token": token, "to": to})
    assert answer.status_code == 303
    name, _, rest = answer.headers["set-cookie"].partition("=")
    assert name == COOKIE
    return f"{name}={rest.partition(';')[0]}"


def test_the_cookie_is_out_of_reach_of_scripts_and_of_other_sites(own: App) -> None:
    token = enroll(own, "ann", Role.ADMIN)["Authorization"].removeprefix("Bearer ")
    answer = browser(own).post("/sign-in", form={"token": token})
    flags = {part.strip().lower() for part in answer.headers["set-cookie"].split(";")[1:]}
    assert {"httponly", "samesite=strict", "path=/"} <= flags
    assert token not in answer.headers["set-cookie"]
    again = browser(own).post("/sign-in", form={"token": token})
    assert again.headers["set-cookie"] != answer.headers["set-cookie"]


def test_a_page_leads_to_the_sign_in_and_back(own: App) -> None:
    token = enroll(own, "ann", Role.ADMIN)["Authorization"].removeprefix("Bearer ")
    web = browser(own)
    lost = web.get("/proposals/prp_0")
    assert (lost.status_code, lost.headers["location"]) == (303, "/sign-in?to=/proposals/prp_0")
    page = web.get(lost.headers["location"])
    assert '<label for="token">' in page.text
    assert 'value="/proposals/prp_0"' in page.text
    back = web.post("/sign-in", form={"token": token, "to": "/proposals/prp_0"})
    assert back.headers["location"] == "/proposals/prp_0"
    cookie = signed_in(web, token)
    shown = web.get("/proposals/prp_0", Cookie=cookie).text
    assert "Sign out" in shown
    assert "As <strong>ann</strong>" in shown
    assert "Your name" not in shown


@pytest.mark.parametrize(
    "to", ["//evil.example", "https://evil.example", "/\\evil.example", "javascript:x", ""]
)
def test_the_sign_in_leads_to_no_other_site(own: App, to: str) -> None:
    token = enroll(own, "ann", Role.ADMIN)["Authorization"].removeprefix("Bearer ")
    assert browser(own).post("/sign-in", form={"token": token, "to": to}).headers["location"] == "/"


def test_signing_out_ends_the_session_in_the_store(own: App) -> None:
    token = enroll(own, "ann", Role.ADMIN)["Authorization"].removeprefix("Bearer ")
    web = browser(own)
    cookie = signed_in(web, token)
    assert web.post("/sign-out", form={}, Cookie=cookie).status_code == 303
    assert web.get("/", Cookie=cookie).headers["location"] == "/sign-in?to=/"


def test_a_wrong_token_is_told_on_the_page(own: App) -> None:
    enroll(own, "ann", Role.ADMIN)
    answer = browser(own).post("/sign-in", form={"token": "ahl_guess"})
    assert answer.status_code == 401
    assert 'role="alert"' in answer.text
    assert "set-cookie" not in answer.headers


def test_the_sign_in_page_tells_a_stranger_nothing(own: App) -> None:
    ann = enroll(own, "ann", Role.ADMIN)
    own.kill(actor="ann", reason="the bank is on fire")
    web = browser(own)
    assert "the bank is on fire" in web.get("/", **ann).text
    page = web.get("/sign-in").text
    assert "the bank is on fire" not in page
    assert "checkout" not in page


def test_another_site_can_use_no_cookie(own: App) -> None:
    token = enroll(own, "ann", Role.ADMIN)["Authorization"].removeprefix("Bearer ")
    web = browser(own)
    cookie = signed_in(web, token)
    foreign = {"Origin": "https://evil.example", "Sec-Fetch-Site": "cross-site", "Cookie": cookie}
    answer = web.send("POST", "/kill-switch/engage", data={"reason": "x", "actor": "ann"}, headers=foreign)
    assert answer.status_code == 403
    assert own.killed() is None


@pytest.mark.parametrize(("role", "forms"), [(Role.VIEWER, False), (Role.RESPONDER, True)])
def test_a_page_offers_only_what_its_reader_may_do(own: App, role: Role, forms: bool) -> None:  # noqa: FBT001  a case
    enroll(own, "ann", Role.ADMIN)
    mine = enroll(own, "me", role)
    web = browser(own)
    for path, act in (
        (f"/incidents/{own.incidents()[0].id}", "/approval"),
        ("/proposals/prp_0", "/merge"),
        ("/kill-switch", "/kill-switch/engage"),
    ):
        page = web.get(path, **mine).text
        assert (f'{act}"' in page) is forms, path
        assert ("does not have" in page) is not forms, path
