"""One thread per incident in the chat: said once whatever breaks, and people are heard there."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from urllib.parse import parse_qs

import pytest
from pydantic import SecretStr
from tests.attacks.production import Planted, shop, template
from tests.doubles.slack import (
    APP_TOKEN,
    CHANNEL,
    PERSON,
    SECRET,
    Slack,
    mention,
    pressed,
    signed,
    slack_server,
    socket_mode,
)
from tests.unit.surfaces.stage import Browser, alert, browser, story

from autoheal.app import App
from autoheal.config import Config, load
from autoheal.domain.approval import Decision
from autoheal.domain.errors import ConfigError, UnreachableError
from autoheal.domain.incident import Incident, IncidentState, TimelineEntry
from autoheal.domain.mitigation import Mitigation, MitigationState
from autoheal.domain.person import Role
from autoheal.domain.question import Question
from autoheal.healing.correct import correct
from autoheal.healing.room import Room
from autoheal.healing.theory import WEIGH, Theory, weigh
from autoheal.healing.thread import Teller, is_link
from autoheal.integrations.database.database import Database
from autoheal.integrations.machine import SystemClock
from autoheal.integrations.memory.runs import MemoryRuns
from autoheal.integrations.slack.config import SlackSettings
from autoheal.ports.runs import Json
from autoheal.sandbox.attacked.attack import Attack, attacks
from autoheal.surfaces.chat_line import heard_by
from autoheal.wiring import wire

_TOKEN = "xoxb-of-the-double"  # noqa: S105  a double's


@pytest.fixture
def slack() -> Iterator[Slack]:
    with slack_server() as server:
        yield server


def _settings(slack: Slack, *labels: str) -> SlackSettings:
    return SlackSettings.model_validate(
        {
            "url": slack.url,
            "token": _TOKEN,
            "signing_secret": SECRET,
            "channel": CHANNEL,
            "people": {PERSON: "dana"},
            "labels": labels or ("team", "severity", "region"),
            "per_second": 10,
            "breaker_failures": 0,
        }
    )


@pytest.fixture
def app(tmp_path: Path, slack: Slack) -> Iterator[App]:
    wired = wire(Config(home=tmp_path / "home", slack=_settings(slack)))
    runs = MemoryRuns()
    room = replace(wired.room, runs=runs) if wired.room else None
    intake = replace(wired.loop.intake, runs=runs)
    yield replace(wired, runs=runs, room=room, loop=replace(wired.loop, intake=intake))
    wired.stop()


@pytest.fixture
def incident(app: App) -> Incident:
    app.receive("alertmanager", alert(team="payments", region="eu1", cluster="c7"))
    (opened,) = app.incidents()
    return opened


def _room(app: App) -> Room:
    assert app.room is not None
    return app.room


def _teller(slack: Slack, stores: Database) -> Teller:
    return Teller(
        chat=_settings(slack).open(),
        posts=stores.posts,
        alerts=stores.alerts,
        incidents=stores.incidents,
        mitigations=stores.mitigations,
        labels=(),
        link="http://heal.test",
        clock=SystemClock(),
    )


def _say(app: App, incident: Incident, text: str) -> None:
    entry = TimelineEntry(at=app.clock.now(), kind="decision", text=text, actor="autoheal")
    app.memory.incidents.add_timeline(incident.id, entry)


def _send(app: App, call: tuple[bytes, str]) -> int:
    body, kind = call
    headers = signed(body, kind, at=app.clock.now().timestamp())
    web: Browser = browser(app)
    return web.send("POST", "/chat/slack", content=body, headers=headers).status_code


def _thread(app: App, incident: Incident) -> str:
    return _room(app).posts.of_incident(incident.id)["opening"].place


@pytest.mark.criterion(105)
def test_a_new_incident_is_one_message_and_all_that_follows_stands_in_its_thread(
    app: App, incident: Incident, slack: Slack
) -> None:
    for text in ("", "looked at the metrics", "it is the deploy"):
        if text:
            _say(app, incident, text)
        _room(app).teller.catch_up()
    first, *later = slack.messages.values()
    assert "thread_ts" not in first
    assert [message["thread_ts"] for message in later] == [first["ts"]] * len(later)
    said = slack.texts()
    assert [text for text in ("looked at the metrics", "it is the deploy") if text in "\n".join(said[1:])]
    _room(app).teller.catch_up()
    assert slack.texts() == said
    assert slack.authorizations == {f"Bearer {_TOKEN}"}


@pytest.mark.criterion(106)
def test_the_first_message_shows_the_chosen_labels_in_order_and_always_names_and_the_way_in(
    app: App, incident: Incident, slack: Slack
) -> None:
    _room(app).teller.catch_up()
    lines = slack.texts()[0].splitlines()
    shown = [lines.index(word) for word in ("Alerts", "Services", "team", "severity", "region")]
    assert shown == sorted(shown)
    assert {"HighErrorRate", "checkout", "payments", "eu1", "Open"} <= set(lines)
    assert "c7" not in lines
    assert f"/incidents/{incident.id}" in json.dumps(slack.messages, default=str)


@pytest.mark.criterion(106)
def test_a_seventh_label_is_refused_with_its_place(tmp_path: Path) -> None:
    labels = ", ".join(f'"l{n}"' for n in range(7))
    file = tmp_path / "autoheal.toml"
    given = 'token = "x"\nsigning_secret = "12345678"\nchannel = "C1"'
    file.write_text(f"[slack]\n{given}\nlabels = [{labels}]\n")
    with pytest.raises(ConfigError, match=r"autoheal\.toml.*5.*labels.*6"):
        load(file)


@pytest.mark.criterion(107)
@pytest.mark.parametrize(
    ("address", "shown"),
    [
        ("https://wiki.example.org/runbooks/errors?x=1", True),
        ("http://10.0.0.7/book", True),
        ("/runbooks/errors", False),
        ("runbooks/errors.md", False),
        ("//evil.example/x", False),
        ("javascript:alert(1)", False),
        ("data:text/html,hi", False),
        ("ftp://files.example.org/book", False),
        ("https://", False),
        ("https://user:pw@wiki.example.org/", False),
        ("https://[broken", False),
        ("", False),
    ],
)
def test_only_an_absolute_address_of_the_web_becomes_a_button(
    address: str,
    shown: bool,  # noqa: FBT001  a column of the table above
    app: App,
    slack: Slack,
) -> None:
    document = json.loads(alert())
    document["alerts"][0]["annotations"] = {"runbook_url": address}
    app.receive("alertmanager", json.dumps(document).encode())
    _room(app).teller.catch_up()
    assert ("Runbook" in slack.texts()[0].splitlines()) is shown
    assert is_link(address) is shown


@pytest.mark.criterion(111)
def test_while_the_chat_is_down_nothing_waits_and_afterwards_everything_is_said_once(
    app: App, incident: Incident, slack: Slack
) -> None:
    slack.down = True
    for text in ("first", "second", "third"):
        _say(app, incident, text)
        with pytest.raises(UnreachableError):
            _room(app).teller.catch_up()
    app.receive("alertmanager", alert("OrdersDown", "orders"))
    assert len(app.incidents()) == 2
    assert slack.messages == {}
    slack.down = False
    for _ in range(2):
        _room(app).teller.catch_up()
    said = "\n".join(slack.texts())
    assert [said.count(text) for text in ("first", "second", "third", "[critical] HighErrorRate")] == [1] * 4
    assert said.index("first") < said.index("second") < said.index("third")


@pytest.mark.criterion(111)
@pytest.mark.parametrize("before", [0, 1, 2])
def test_a_message_whose_answer_was_lost_is_not_said_again(
    app: App, incident: Incident, slack: Slack, before: int
) -> None:
    _say(app, incident, "first")
    for number in range(before):
        _room(app).teller.catch_up()
        _say(app, incident, f"another {number}")
    slack.lost = True
    with pytest.raises(UnreachableError):
        _room(app).teller.catch_up()
    _room(app).teller.catch_up()
    keys = [json.dumps(message["metadata"]) for message in slack.messages.values()]
    assert len(keys) == len(set(keys)) >= 3


def test_a_message_that_the_chat_cannot_show_holds_up_nothing(
    app: App, incident: Incident, slack: Slack
) -> None:
    slack.picky = "unshowable"
    for text in ("before", "unshowable text", "after"):
        _say(app, incident, text)
    for _ in range(2):
        _room(app).teller.catch_up()
    said = "\n".join(slack.texts())
    assert [said.count(text) for text in ("before", "cannot show", "after")] == [1, 1, 1]
    assert said.index("before") < said.index("cannot show") < said.index("after")


@pytest.mark.parametrize(("hours", "told"), [(25, 0), (1, 1)])
def test_what_was_over_long_before_the_chat_was_connected_is_not_told(
    app: App, incident: Incident, slack: Slack, hours: int, told: int
) -> None:
    over = app.clock.now() - timedelta(hours=hours)
    app.memory.incidents.save(replace(incident, state=IncidentState.CLOSED, closed_at=over))
    _room(app).teller.catch_up()
    assert len([text for text in slack.texts() if text.startswith("[critical]")]) == told


@pytest.mark.criterion(112)
def test_the_preview_is_the_message_byte_for_byte(app: App, incident: Incident, slack: Slack) -> None:
    previewed = browser(app).get(f"/api/v1/incidents/{incident.id}/chat").text
    _room(app).teller.catch_up()
    assert slack.bodies[0] == previewed


# ---------------------------------------------------------------- people


@pytest.fixture
def waiting(app: App) -> Mitigation:
    """An action that waits for a person, shown in the thread."""
    told = story(app)
    _room(app).teller.catch_up()
    proposed = [m for m in app.mitigations_waiting() if m.incident_id == told.id]
    return proposed[0]


def _card(slack: Slack, mitigation: Mitigation) -> dict[str, object]:
    return next(dict(m) for m in slack.messages.values() if mitigation.id in json.dumps(m))


def _value(mitigation: Mitigation) -> str:
    return f"{mitigation.id}|{mitigation.digest}"


def _of(app: App, mitigation: Mitigation) -> Incident:
    return app.memory.incidents.get(mitigation.incident_id)


@pytest.mark.parametrize(
    ("action", "decision"),
    [
        ("ah_approve", Decision.APPROVED),
        ("ah_reject", Decision.REJECTED),
        ("ah_not_the_cause", Decision.REJECTED),
    ],
)
def test_a_press_is_that_persons_answer_to_that_very_action_once(
    app: App, waiting: Mitigation, slack: Slack, action: str, decision: Decision
) -> None:
    thread = _thread(app, _of(app, waiting))
    before = app.memory.mitigations.approvals(waiting.id)
    for _ in range(3):  # Slack sends again what was not answered in time
        assert _send(app, pressed(action, _value(waiting), thread)) == 200
    (given,) = [a for a in app.memory.mitigations.approvals(waiting.id) if a not in before]
    assert (given.actor, given.channel, given.decision) == ("dana", "chat", decision)
    assert given.digest == waiting.digest
    assert given.note == ("not the cause" if action == "ah_not_the_cause" else "")
    text = "\n".join(slack.texts())
    assert str(waiting.action) in text


def test_the_buttons_vanish_once_it_is_decided(app: App, waiting: Mitigation, slack: Slack) -> None:
    assert "ah_approve" in json.dumps(_card(slack, waiting))
    app.memory.mitigations.save(replace(waiting, state=MitigationState.REJECTED))
    _room(app).teller.catch_up()
    assert "ah_approve" not in json.dumps(_card(slack, waiting))


def test_an_action_that_changed_since_it_was_shown_is_not_approved(
    app: App, waiting: Mitigation, slack: Slack
) -> None:
    before = app.memory.mitigations.approvals(waiting.id)
    later = replace(waiting, expires_at=waiting.expires_at + timedelta(minutes=1))
    app.memory.mitigations.save(later)
    assert _send(app, pressed("ah_approve", _value(waiting), _thread(app, _of(app, waiting)))) == 200
    assert app.memory.mitigations.approvals(waiting.id) == before
    _room(app).teller.catch_up()
    assert "dana was refused" in "\n".join(slack.texts())


@pytest.mark.parametrize("role", [None, *Role], ids=str)
@pytest.mark.parametrize("action", ["ah_approve", "ah_reject", "ah_not_the_cause"])
def test_once_people_are_enrolled_a_press_takes_the_role_of_that_name(
    app: App, waiting: Mitigation, slack: Slack, action: str, role: Role | None
) -> None:
    app.people.add("ann", role=Role.ADMIN, actor="root")
    if role is not None:
        app.people.add("dana", role=role, actor="ann")
    before = app.memory.mitigations.approvals(waiting.id)
    assert _send(app, pressed(action, _value(waiting), _thread(app, _of(app, waiting)))) == 200
    counted = len(app.memory.mitigations.approvals(waiting.id)) - len(before)
    assert counted == (1 if role in (Role.RESPONDER, Role.ADMIN) else 0)
    _room(app).teller.catch_up()
    assert ("dana was refused" in "\n".join(slack.texts())) == (counted == 0)


def test_a_theory_of_a_person_without_the_right_is_not_weighed(
    app: App, incident: Incident, slack: Slack
) -> None:
    app.people.add("ann", role=Role.ADMIN, actor="root")
    app.people.add("dana", role=Role.VIEWER, actor="ann")
    _room(app).teller.catch_up()
    assert _send(app, mention("<@U07AUTOHEAL> I think it's checkout", _thread(app, incident))) == 200
    runs = app.runs
    assert isinstance(runs, MemoryRuns)
    assert [one for one in runs.started if one[0] == WEIGH] == []
    _room(app).teller.catch_up()
    assert "dana was refused" in "\n".join(slack.texts())


def test_a_stranger_and_another_thread_decide_nothing(
    app: App, waiting: Mitigation, incident: Incident
) -> None:
    before = app.memory.mitigations.approvals(waiting.id)
    _room(app).teller.catch_up()
    here, elsewhere = _thread(app, _of(app, waiting)), _thread(app, incident)
    if here != elsewhere:
        _send(app, pressed("ah_approve", _value(waiting), elsewhere, at="2.2"))
    _send(app, pressed("ah_approve", _value(waiting), here, user="U666", at="3.3"))
    _send(app, pressed("ah_approve", _value(waiting), f"{CHANNEL}:0.0", at="4.4"))
    assert app.memory.mitigations.approvals(waiting.id) == before


def test_an_unsigned_call_is_refused(app: App) -> None:
    body, kind = pressed("ah_approve", "m|d", "C:1")
    answer = browser(app).send("POST", "/chat/slack", content=body, headers={"Content-Type": kind})
    assert answer.status_code == 403


def test_without_a_chat_the_door_is_closed(tmp_path: Path) -> None:
    plain = wire(Config(home=tmp_path / "plain"))
    answer = browser(plain).send("POST", "/chat/slack", content=b"{}")
    assert answer.status_code == 404
    plain.stop()


@pytest.mark.criterion(109)
def test_a_theory_said_in_the_thread_is_weighed_under_the_persons_name(
    app: App, incident: Incident, slack: Slack
) -> None:
    _room(app).teller.catch_up()
    _send(app, mention("<@U07AUTOHEAL> I think it's checkout", _thread(app, incident)))
    runs = app.runs
    assert isinstance(runs, MemoryRuns)
    theory = Theory(incident_id=incident.id, person="dana", service="checkout")
    assert (WEIGH, theory.subject) in runs.started
    _room(app).teller.catch_up()
    assert "I think it's checkout" in "\n".join(slack.texts())


@pytest.mark.criterion(109)
@pytest.mark.parametrize(
    ("service", "result"), [("checkout", "stands"), ("payments", "unknown"), ("nowhere", "unknown")]
)
def test_a_theory_is_measured_and_its_result_is_told_in_the_thread(
    service: str, result: str, tmp_path: Path, slack: Slack
) -> None:
    hurt = shop(tmp_path / "shop", template(tmp_path / "home"), Planted())
    hurt.begin()
    (incident,) = hurt.database.incidents.list()
    theory = Theory(incident_id=incident.id, person="dana", service=service)
    assert weigh(hurt.loop.responder, theory.subject) == result
    stores = hurt.database
    _teller(slack, stores).catch_up()
    assert f"dana's theory that {service} is the cause" in "\n".join(slack.texts())
    weighed = [record for record in stores.audit.records(incident.id) if record.kind == "theory.weighed"]
    assert [(record.actor, json.loads(record.body)["result"]) for record in weighed] == [("dana", result)]
    assert not hurt.actuator.effects
    hurt.close()


def test_what_is_said_in_the_thread_answers_the_open_question_once(
    app: App, incident: Incident, slack: Slack
) -> None:
    _room(app).teller.catch_up()
    asked = Question(
        id="qst_1",
        incident_id=incident.id,
        text="Which service?",
        why_asked="nothing is known",
        asked_at=app.clock.now(),
        asked_of="dana",
    )
    app.memory.questions.save(asked)
    assert [question["id"] for question in browser(app).get("/api/v1/questions").json()] == ["qst_1"]
    _send(app, mention("it is checkout, password=hunter-the-third", _thread(app, incident)))
    answered = app.memory.questions.get("qst_1")
    assert (answered.answered_by, answered.answer) == ("dana", "it is checkout, password=[masked:password]")
    runs = app.runs
    assert isinstance(runs, MemoryRuns)
    assert runs.told["qst_1"][:3] == ("heal", incident.id, "answer-qst_1")
    body = {"actor": "ann", "text": "it is orders"}
    assert browser(app).post("/api/v1/questions/qst_1/answer", body=body).status_code == 409
    assert app.questions() == []
    assert slack.messages


@pytest.mark.criterion(108)
def test_two_people_and_autoheal_see_what_each_other_tested_and_did(tmp_path: Path, slack: Slack) -> None:
    hurt = shop(tmp_path / "shop", template(tmp_path / "home"), Planted())
    hurt.begin()
    (incident,) = hurt.database.incidents.list()
    responder, stores = hurt.loop.responder, hurt.database
    for person in ("dana", "ann"):
        weigh(responder, Theory(incident_id=incident.id, person=person, service="checkout").subject)
    correct(responder, incident.id, person="ann", service="search")
    _teller(slack, stores).catch_up()
    said = slack.texts()
    mine, yours = (next(i for i, t in enumerate(said) if f"{p}'s theory" in t) for p in ("dana", "ann"))
    warned = next(i for i, text in enumerate(said) if "dana had checkout tested at" in text)
    assert mine < warned < yours, "ann is told of dana's test before hers is made"
    assert any("search is not the cause, says ann" in text for text in said)
    timeline = "\n".join(entry.text for entry in stores.incidents.timeline(incident.id))
    assert "measuring again for ann" in timeline, "the web page and the API show the same"
    hurt.close()


def test_a_press_over_the_line_that_we_open_decides_once(app: App, waiting: Mitigation) -> None:
    body, _ = pressed("ah_approve", f"{waiting.id}|{waiting.digest}", _thread(app, _of(app, waiting)))
    document = json.loads(parse_qs(body.decode())["payload"][0])
    for _ in range(2):  # an envelope that was not acknowledged in time comes again
        heard_by(app)(document)
    (given,) = app.memory.mitigations.approvals(waiting.id)
    assert (given.actor, given.decision, given.channel) == ("dana", Decision.APPROVED, "chat")
    heard_by(app)(document | {"user": {"id": "U666"}})
    assert list(app.memory.mitigations.approvals(waiting.id)) == [given]


def test_presses_over_a_live_socket_decide_once_and_only_those_of_people_we_know(
    app: App, waiting: Mitigation, slack: Slack
) -> None:
    thread, value = _thread(app, _of(app, waiting)), f"{waiting.id}|{waiting.digest}"

    def press(user: str) -> Json:
        body, _ = pressed("ah_approve", value, thread, user=user)
        document: Json = json.loads(parse_qs(body.decode())["payload"][0])
        return document

    line_of = _settings(slack).model_copy(update={"app_token": SecretStr(APP_TOKEN)}).open_line()
    assert line_of is not None
    with socket_mode(slack) as line:
        line_of.open(heard_by(app))
        _until(lambda: line.connected != [])
        line.send("interactive", press("U666"), envelope_id="e1")
        _until(lambda: line.acknowledged == ["e1"])
        assert list(app.memory.mitigations.approvals(waiting.id)) == []
        for number in (2, 3):  # the same press twice, as when the first acknowledgement was lost
            line.send("interactive", press(PERSON), envelope_id=f"e{number}")
            _until(lambda: line.acknowledged[-1] == f"e{number}")  # noqa: B023  it is called at once
        line_of.close()
    (given,) = app.memory.mitigations.approvals(waiting.id)
    assert (given.actor, given.decision, given.channel) == ("dana", Decision.APPROVED, "chat")


def _until(holds: Callable[[], bool]) -> None:
    for _ in range(1_500):
        if holds():
            return
        time.sleep(0.01)
    raise AssertionError("it did not happen in 15 s")


def test_a_word_that_could_not_be_acted_on_is_acted_on_when_it_comes_again(
    app: App, incident: Incident
) -> None:
    _room(app).teller.catch_up()
    said: Json = json.loads(mention("I think it is checkout", _thread(app, incident))[0])
    assert isinstance(said, dict)
    asleep = wire(app.config)  # nothing runs in it yet
    with pytest.raises(UnreachableError):
        heard_by(asleep)(said)
    asleep.stop()
    runs = app.runs
    assert isinstance(runs, MemoryRuns)
    for _ in range(2):
        heard_by(app)(said)
    assert [workflow for workflow, _ in runs.started].count(WEIGH) == 1


def test_a_chat_that_can_hear_nobody_is_refused(slack: Slack) -> None:
    said = {"url": slack.url, "token": _TOKEN, "channel": CHANNEL}
    with pytest.raises(ValueError, match="give signing_secret, so that Slack can call, or app_token"):
        SlackSettings.model_validate(said)
    assert SlackSettings.model_validate(said | {"app_token": APP_TOKEN}).open_line() is not None


@pytest.mark.parametrize(
    ("token", "app_token", "says"),
    [(_TOKEN, _TOKEN, "app_token is no app token"), (APP_TOKEN, APP_TOKEN, "token is an app token")],
)
def test_tokens_in_each_others_place_are_refused_in_one_line_without_being_told(
    tmp_path: Path, token: str, app_token: str, says: str
) -> None:
    text = f'[slack]\ntoken = "{token}"\napp_token = "{app_token}"\nchannel = "{CHANNEL}"\n'
    (tmp_path / "autoheal.toml").write_text(text, encoding="utf-8")
    with pytest.raises(ConfigError, match=says) as caught:
        load(tmp_path / "autoheal.toml")
    assert "of-the-double" not in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("attack", attacks("chat"), ids=lambda attack: attack.id)
def test_hostile_words_in_the_chat_decide_and_change_nothing(
    attack: Attack, app: App, waiting: Mitigation, slack: Slack
) -> None:
    before = app.memory.mitigations.approvals(waiting.id)
    facts = list(app.graph().facts())
    thread = _thread(app, _of(app, waiting))
    for number, user in enumerate((PERSON, "U666")):
        _send(app, mention(attack.text, thread, user=user, event_id=f"Ev{number}"))
    assert app.memory.mitigations.approvals(waiting.id) == before
    assert list(app.graph().facts()) == facts
    runs = app.runs
    assert isinstance(runs, MemoryRuns)
    assert {workflow for workflow, _ in runs.started} <= {"heal", WEIGH}
    _room(app).teller.catch_up()
    assert "<!channel>" not in "".join(slack.bodies)


@pytest.mark.criterion(123)
@pytest.mark.parametrize(
    ("forbidden", "scopes", "says"),
    [
        (
            "",
            "chat:write, channels:history",
            {
                "chat": "ok: autoheal in acme, channel C07INCIDENT",
                "chat speaks": "ok: may speak",
                "chat reads": "ok: can read the channel",
                "chat line": "skip: the chat calls us, or there is none",
            },
        ),
        ("", "channels:history", {"chat": "ok", "chat speaks": "fail: the token lacks chat:write"}),
        ("", "", {"chat": "ok", "chat speaks": "fail: slack did not tell the scopes", "chat reads": "ok"}),
        ("conversations.history", "chat:write", {"chat speaks": "ok", "chat reads": "warn: cannot read"}),
        ("auth.test", "chat:write", {"chat": "fail: slack refused auth.test: missing_scope"}),
    ],
)
def test_doctor_tells_what_the_chat_lets_us_do(
    app: App, slack: Slack, forbidden: str, scopes: str, says: dict[str, str]
) -> None:
    slack.forbidden, slack.scopes = frozenset({forbidden}), scopes
    seen = {check.name: check for check in app.checks() if check.name in says}
    for name, start in says.items():
        assert f"{seen[name].status}: {seen[name].text}".startswith(start)
        assert bool(seen[name].mend) == (seen[name].status in ("warn", "fail"))
