"""The pages show everything, run nothing that came from outside, and work without a script."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import pytest
from tests.unit.surfaces.stage import Browser, browser, stage, story

from autoheal.app import App
from autoheal.domain.approval import Decision
from autoheal.domain.proposal import ProposalState
from autoheal.healing.reviewed import turned_off
from autoheal.surfaces.cli import incident_page

MARK = "zq7"
PAYLOADS = (
    f"<script>{MARK}()</script>",
    f'"><img src=x onerror={MARK}()>',
    f"'><svg onload={MARK}()>",
    f"javascript:{MARK}()",
    f'</title></textarea></style></script><iframe src="javascript:{MARK}()">',
    f"{{{{ {MARK} }}}}{{% {MARK} %}}",
    f"<a href=\u0001javascript:{MARK}()>x</a>",
    f"\u202e{MARK}<!--",
)
LINKS = {"href", "src", "action", "formaction", "xlink:href"}


class Reader(HTMLParser):
    """Collects what a browser would act on."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str]]] = []
        self.text: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """A tag with its attributes."""
        self.tags.append((tag, {name: value or "" for name, value in attrs}))

    def handle_data(self, data: str) -> None:
        """Text between tags."""
        self.text.append(data)


def read(text: str) -> Reader:
    reader = Reader()
    reader.feed(text)
    return reader


@pytest.fixture
def app(tmp_path: Path) -> App:
    return stage(tmp_path)


@pytest.fixture
def web(app: App) -> Browser:
    return browser(app)


def pages(incident_id: str) -> tuple[str, ...]:
    return (
        "/",
        f"/incidents/{incident_id}",
        "/evidence/ev_errors",
        "/evidence/ev_changes",
        "/evidence/ev_failed",
        "/proposals",
        "/proposals/prp_0",
        "/skills",
        "/report",
        "/kill-switch",
        "/docs",
    )


@pytest.mark.parametrize("payload", PAYLOADS)
def test_text_from_outside_never_becomes_markup(app: App, web: Browser, payload: str) -> None:
    incident = story(app, lambda said: f"{said} {payload}")
    app.kill(actor=payload, reason=payload)
    for page in pages(incident.id):
        answer = web.get(page)
        assert answer.status_code == 200, page
        found = read(answer.text)
        scripts = [attributes for tag, attributes in found.tags if tag == "script"]
        assert scripts == [{"src": "/static/live.js", "defer": ""}], page
        for tag, attributes in found.tags:
            assert tag not in ("iframe", "object", "embed", "base"), page
            assert not [name for name in attributes if name.startswith("on") or name == "style"], page
            for name in LINKS & attributes.keys():
                assert re.match(r"^(/|#|https?://)", attributes[name]), (page, attributes[name])


def test_the_payload_is_shown_as_the_text_it_is(app: App, web: Browser) -> None:
    incident = story(app, lambda said: f"{said} {PAYLOADS[0]}")
    shown = " ".join(read(web.get(f"/incidents/{incident.id}").text).text)
    assert shown.count(PAYLOADS[0]) > 20


def test_the_incident_page_shows_the_whole_story(app: App, web: Browser) -> None:
    incident = story(app)
    text = " ".join(" ".join(read(web.get(f"/incidents/{incident.id}").text).text).split())
    for said in (
        "deploy v42 of checkout breaks charging",
        "errors of checkout rose from 0.3 to 12.4 per second",
        "deploy v7 of cart",
        "cart shows no symptom of its own",
        "onset follows the deploy and nothing below it alarms",
        "no traces of cart",
        "asked 14 queries",
        "checkout, 2 replicas; callers: gateway",
        "rollback checkout (release=v41)",
        "rollback checkout (release=v42)",
        "errors did not fall",
        "runs in a clean worktree",
        "no alert was noisy",
        "deploy of checkout: Charge in cents",
        "the symptom begins",
        "HighErrorRate fires on checkout",
        "prometheus 22",
    ):
        assert said in text
    assert text.index("deploy v42 of checkout breaks") < text.index("deploy v7 of cart")
    assert len(app.incident(incident.id).proposals) == 5


def test_a_chart_has_its_marks_a_summary_and_a_gap_where_nothing_was_measured(app: App, web: Browser) -> None:
    incident = story(app)
    text = web.get(f"/incidents/{incident.id}").text
    found = read(text)
    assert len([1 for tag, _ in found.tags if tag == "polyline"]) == 2
    kinds = [a["class"] for tag, a in found.tags if tag == "g"]
    assert kinds == ["mark change", "mark onset", "mark action"]
    (label,) = [a["aria-label"] for tag, a in found.tags if tag == "svg"]
    assert "highest 12.4 1/s" in label


def test_the_form_approves_exactly_what_it_showed(app: App, web: Browser) -> None:
    incident = story(app)
    found = read(web.get(f"/incidents/{incident.id}").text)
    (digest,) = [a["value"] for tag, a in found.tags if tag == "input" and a.get("name") == "digest"]
    form = {"digest": digest, "decision": "approved", "actor": "ann", "note": "seen"}
    answer = web.post("/actions/mit_2/approval", form=form)
    assert (answer.status_code, answer.headers["location"]) == (303, f"/incidents/{incident.id}#actions")
    (approval,) = app.memory.mitigations.approvals("mit_2")
    assert (approval.decision, approval.channel, approval.digest) == (Decision.APPROVED, "web", digest)


def test_a_form_of_an_older_page_is_told_so_on_a_page(app: App, web: Browser) -> None:
    story(app)
    form = {"digest": "0" * 64, "decision": "approved", "actor": "ann"}
    answer = web.post("/actions/mit_2/approval", form=form)
    assert (answer.status_code, answer.headers["content-type"]) == (409, "text/html; charset=utf-8")
    assert "look at it again" in answer.text
    assert app.memory.mitigations.approvals("mit_2") == []
    assert web.post("/actions/mit_2/approval", form={**form, "actor": " "}).status_code == 422


def test_lessons_are_rejected_and_everything_is_stopped_by_forms(app: App, web: Browser) -> None:
    story(app)
    assert web.post("/proposals/prp_0/reject", form={"actor": "ann", "reason": "no"}).status_code == 303
    assert app.proposal("prp_0").state is ProposalState.REJECTED
    assert web.post("/kill-switch/engage", form={"actor": "ann", "reason": "stop"}).status_code == 303
    assert "Everything is stopped" in web.get("/").text
    assert web.post("/kill-switch/release", form={"actor": "ann"}).status_code == 303
    assert app.killed() is None


def test_what_does_not_exist_is_a_page_for_people(web: Browser) -> None:
    for path in ("/incidents/none", "/evidence/none", "/proposals/none"):
        answer = web.get(path)
        assert (answer.status_code, answer.headers["content-type"]) == (404, "text/html; charset=utf-8")
        assert "<h1>Not found</h1>" in answer.text


def test_an_empty_start_says_what_to_do_next(web: Browser) -> None:
    for page in ("/", "/proposals", "/skills", "/report", "/kill-switch", "/docs"):
        assert web.get(page).status_code == 200
    assert "/webhooks/alertmanager" in web.get("/").text


def test_every_page_can_be_used_by_keyboard_and_reader(app: App, web: Browser) -> None:
    incident = story(app)
    for page in pages(incident.id):
        found = read(web.get(page).text)
        tags = [tag for tag, _ in found.tags]
        assert (tags.count("h1"), tags.count("main"), tags.count("nav")) == (1, 1, 1), page
        assert tags.count("table") == tags.count("caption"), page
        labels = {a["for"] for tag, a in found.tags if tag == "label"}
        inputs = {a["id"] for tag, a in found.tags if tag == "input" and a.get("type") != "hidden"}
        assert inputs == labels, page
        ids = [a["id"] for _, a in found.tags if "id" in a]
        assert len(ids) == len(set(ids)), page
        images = [a for tag, a in found.tags if tag == "svg"]
        assert all(a.get("role") == "img" and a.get("aria-label") for a in images), page


def test_a_page_with_its_files_is_under_200_kilobytes(app: App, web: Browser) -> None:
    incident = story(app)
    shared = sum(len(web.get(f"/static/{name}").content) for name in ("style.css", "live.js", "icon.svg"))
    for page in pages(incident.id):
        assert shared + len(web.get(page).content) < 200_000, page


def contrast(one: str, other: str) -> float:
    def light(color: str) -> float:
        parts = [int(color[i : i + 2], 16) / 255 for i in (1, 3, 5)]
        r, g, b = (c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in parts)
        return 0.2126 * r + 0.7152 * g + 0.0722 * b

    high, low = sorted((light(one), light(other)), reverse=True)
    return (high + 0.05) / (low + 0.05)


@pytest.mark.parametrize("scheme", [0, 1])
def test_every_text_color_stands_out_by_day_and_by_night(web: Browser, scheme: int) -> None:
    blocks = re.findall(r":root \{(.*?)\}", web.get("/static/style.css").text, re.DOTALL)
    colors = dict(re.findall(r"--(\w+): (#[0-9a-f]{6})", blocks[scheme]))
    for name in ("ink", "soft", "link", "bad", "wait", "good", "busy", "off", "change"):
        for ground in ("page", "card", "tint"):
            assert contrast(colors[name], colors[ground]) >= 4.5, (name, ground)
    assert contrast(colors["series"], colors["card"]) >= 3


def test_the_docs_page_lists_every_operation_of_the_api(web: Browser) -> None:
    text = web.get("/docs").text
    for path in json.loads(web.get("/openapi.json").text)["paths"]:
        assert path in text


@pytest.mark.criterion(42)
def test_a_finding_that_nobody_reviewed_says_so_on_the_page_and_on_the_terminal(
    app: App, web: Browser
) -> None:
    incident = story(app)
    (found,) = app.memory.incidents.investigations(incident.id)
    absent = replace(turned_off("hyp_1"), absent="nobody was there")
    app.memory.incidents.save_investigation(replace(found, review=absent))
    text = " ".join(" ".join(read(web.get(f"/incidents/{incident.id}").text).text).split())
    assert "Not reviewed: nobody was there" in text
    assert "passed" not in text.partition("Review by")[2].partition("Decision path")[0]
    assert "NOT REVIEWED: nobody was there" in incident_page.page(app.incident(incident.id))
