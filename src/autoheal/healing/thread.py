"""One thread per incident: what is said there and in which order, each message once whatever breaks."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from urllib.parse import urlsplit

from autoheal.domain.alert import Alert
from autoheal.domain.errors import RefusedError
from autoheal.domain.incident import Incident, IncidentState, TimelineEntry
from autoheal.domain.message import Button, Message, Post, Press
from autoheal.domain.mitigation import Mitigation, MitigationState
from autoheal.policy.untrusted import fit
from autoheal.ports.chat import Chat, PostStore
from autoheal.ports.machine import Clock
from autoheal.ports.stores import AlertStore, IncidentStore, MitigationStore

OPENING, CLOSED = "opening", "closed"
_TITLE = 140
_BODY = 2_500
_RUNBOOK = "runbook_url"
_RECENT = 50
_OLD = timedelta(days=1)
_TOO_ODD = "Something happened that this chat cannot show: see the incident."


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """One message that an incident calls for, by a key that stays the same."""

    key: str
    message: Message


@dataclass(frozen=True, slots=True, kw_only=True)
class Teller:
    """Tells a chat about incidents; labels are those of the alert that the first message shows."""

    chat: Chat
    posts: PostStore
    alerts: AlertStore
    incidents: IncidentStore
    mitigations: MitigationStore
    labels: tuple[str, ...]
    link: str
    clock: Clock

    def catch_up(self) -> None:
        """Say what was not said yet, oldest first; stops at the first failure and goes on there next time."""
        yesterday = self.clock.now() - _OLD
        for incident in reversed(self.incidents.list(limit=_RECENT)):
            posts = self.posts.of_incident(incident.id)
            # What was over before the chat was connected is no news.
            old = not posts and incident.closed_at is not None and incident.closed_at < yesterday
            if CLOSED not in posts and not old:
                self._catch_up(incident, dict(posts))

    def opening(self, incident_id: str) -> Told:
        """The first message of an incident, as it is or would be sent."""
        return Told(key=OPENING, message=self._opening(self.incidents.get(incident_id)))

    def preview(self, incident_id: str) -> str:
        """The very text of the first message, as the chat gets it."""
        told = self.opening(incident_id)
        return self.chat.render(told.message, key=f"{incident_id}:{told.key}", thread="")

    def _catch_up(self, incident: Incident, posts: dict[str, Post]) -> None:
        for told in self._wanted(incident):
            if not posts.get(told.key, _NOWHERE).place:
                thread = posts[OPENING].place if OPENING in posts else ""
                posts[told.key] = self._say(incident.id, told, thread)
        for mitigation in self.mitigations.of_incident(incident.id):
            self._take_buttons_away(mitigation, posts)
        if incident.state is IncidentState.CLOSED:
            self.posts.claim(incident.id, CLOSED)

    def _wanted(self, incident: Incident) -> Iterator[Told]:
        yield Told(key=OPENING, message=self._opening(incident))
        for entry in self.incidents.timeline(incident.id):
            yield Told(key=f"entry:{_digest(entry)}", message=update(entry))
        for mitigation in self.mitigations.of_incident(incident.id):
            if mitigation.state is MitigationState.PROPOSED:
                yield Told(key=f"card:{mitigation.id}", message=card(mitigation, self._link(incident.id)))

    def _say(self, incident_id: str, told: Told, thread: str) -> Post:
        """Claim, send, settle; a claim without a place means that we may have died while sending."""
        key = f"{incident_id}:{told.key}"
        new = self.posts.claim(incident_id, told.key)
        place = "" if new else self.chat.find(key, thread=thread)
        place = place or self._post(told.message, key, thread)
        post = Post(incident_id=incident_id, key=told.key, place=place)
        self.posts.settle(post)
        return post

    def _post(self, message: Message, key: str, thread: str) -> str:
        try:
            return self.chat.post(message, key=key, thread=thread)
        except RefusedError:
            # One message that cannot be shown must not hold up all that follow.
            plain = Message(title=_TOO_ODD, footer=message.footer[:_TITLE])
            return self.chat.post(plain, key=key, thread=thread)

    def _take_buttons_away(self, mitigation: Mitigation, posts: dict[str, Post]) -> None:
        shown = posts.get(f"card:{mitigation.id}", _NOWHERE)
        done = f"decided:{mitigation.id}"
        if mitigation.state is MitigationState.PROPOSED or not shown.place or done in posts:
            return
        self.chat.replace(shown.place, decided(mitigation))
        self.posts.claim(mitigation.incident_id, done)

    def _opening(self, incident: Incident) -> Message:
        group = self.alerts.group_of_incident(incident.id)
        found = (self.alerts.occurrence(key) for key in group.occurrences)
        alerts = [alert for alert in found if alert is not None]
        return opening(incident, alerts, labels=self.labels, link=self._link(incident.id))

    def _link(self, incident_id: str) -> str:
        return f"{self.link.rstrip('/')}/incidents/{incident_id}"


_NOWHERE = Post(incident_id="", key="")


def opening(incident: Incident, alerts: Sequence[Alert], *, labels: Sequence[str], link: str) -> Message:
    """The first message: what fires where, the labels that were chosen, in their order, and where to look."""
    names = ", ".join(dict.fromkeys(alert.name for alert in alerts)) or incident.title
    where = ", ".join(incident.services) or "unknown"
    fixed = (("Alerts", names), ("Services", where))
    chosen = tuple((label, value) for label in labels if (value := _label(incident, alerts, label)))
    open_it = Button(press=Press.OPEN, label="Open", url=link)
    runbooks = (alert.annotations.get(_RUNBOOK, "") for alert in alerts)
    runbook = next((url for url in runbooks if is_link(url)), "")
    more = (Button(press=Press.OPEN, label="Runbook", url=runbook),) if runbook else ()
    return Message(
        title=fit(f"[{incident.severity}] {incident.title}", _TITLE),
        body=fit(incident.impact, _BODY),
        fields=tuple((name, fit(value, _BODY)) for name, value in (*fixed, *chosen)),
        buttons=(open_it, *more),
        footer=incident.id,
    )


def update(entry: TimelineEntry) -> Message:
    """One line of the timeline."""
    cited = f"evidence: {', '.join(entry.evidence[:5])}" if entry.evidence else ""
    return Message(title=f"{entry.kind} · {entry.actor}"[:_TITLE], body=fit(entry.text, _BODY), footer=cited)


def card(mitigation: Mitigation, link: str) -> Message:
    """What a person is asked to allow, written by code from the very action that would be carried out."""
    value = f"{mitigation.id}|{mitigation.digest}"
    way_back = str(mitigation.way_back) if mitigation.way_back else "none"
    action = str(mitigation.action)
    return Message(
        title=f"Allow {action}?"[:_TITLE],
        fields=(
            ("Action", action),
            ("Blast radius", mitigation.blast_radius),
            ("Way back", way_back),
            ("Risk", mitigation.tier),
            ("Expected", mitigation.expected_effect),
            ("Judged by", fit(mitigation.check.expression, 500)),
        ),
        buttons=(
            Button(press=Press.APPROVE, label="Approve", value=value, confirm=f"{action}, now."),
            Button(press=Press.REJECT, label="Reject", value=value),
            Button(press=Press.NOT_THE_CAUSE, label="Not the cause", value=value),
            Button(press=Press.OPEN, label="Evidence", url=link),
        ),
        footer=f"until {_time(mitigation.expires_at)} · {mitigation.policy_version} · {mitigation.rule}",
    )


def decided(mitigation: Mitigation) -> Message:
    """The same card once it is decided: without buttons."""
    return Message(title=f"{mitigation.action}: {mitigation.state}"[:_TITLE], footer=mitigation.id)


def is_link(text: str) -> bool:
    """Whether a person may be sent there: an absolute address of the web, of a host, without credentials."""
    try:
        parts = urlsplit(text)
        host = parts.hostname
    except ValueError:
        return False
    plain = text.isascii() and text.isprintable() and " " not in text
    return plain and parts.scheme in ("http", "https") and bool(host) and "@" not in parts.netloc


def _label(incident: Incident, alerts: Sequence[Alert], label: str) -> str:
    known = {"severity": str(incident.severity), "environment": incident.environment}
    values = dict.fromkeys(alert.labels[label] for alert in alerts if alert.labels.get(label))
    return known.get(label) or ", ".join(values)


def _digest(entry: TimelineEntry) -> str:
    said = f"{entry.at.isoformat()}\n{entry.kind}\n{entry.actor}\n{entry.text}"
    return hashlib.sha256(said.encode("utf-8", "replace")).hexdigest()[:24]


def _time(at: datetime) -> str:
    return at.strftime("%H:%M UTC")
