"""The main job as a play on the rig: break, heal, learn, break alike, heal cheaper; then a decoy and noise.

It talks to a real `autoheal serve` over HTTP only, as a person with a browser would.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import httpx

from autoheal.domain.errors import ConflictError, UnreachableError
from autoheal.sandbox.fault import Truth
from autoheal.sandbox.rig import Rig, faults

Say = Callable[[str], None]
Json = dict[str, Any]  # documents of our own API: its schema fixes their shape, httpx gives them no type
PERSON = "ann"
"""Who approves and merges in the play."""

_ENDED = ("closed", "escalated")
_INCIDENT_SECONDS = 120.0
_LESSONS_SECONDS = 120.0
_QUIET_SECONDS = 60.0
_LESSONS = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Act:
    """One incident of the play; where learn is set, a person merges its lessons afterwards."""

    title: str
    fault: str
    parameters: Mapping[str, str]
    learn: bool = False
    known: bool = False
    """Whether what an earlier act taught must answer it."""


ACTS = (
    Act(title="never seen", fault="bad-deploy-errors", parameters={"service": "orders"}, learn=True),
    Act(
        title="same family, other service",
        fault="bad-deploy-errors",
        parameters={"service": "catalog"},
        known=True,
    ),
    Act(title="decoy deploy", fault="decoy-deploy", parameters={}),
    Act(title="false alarm", fault="noisy-alert", parameters={}),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Scene:
    """What came of one act: seconds from injection or alert, costs, and whether it was right."""

    act: Act
    incident_id: str
    detect_seconds: float | None
    cause_seconds: float | None
    mitigate_seconds: float | None
    queries: int
    tokens: int
    questions: int
    answered_by: str
    verdict: str
    actions: tuple[str, ...]
    outcome: str
    right: bool
    why_wrong: str = ""


class Play:
    """Plays acts on a rig that a served Autoheal looks after."""

    def __init__(self, rig: Rig, url: str, say: Say) -> None:
        self._rig = rig
        self._say = say
        self._api = httpx.Client(base_url=f"{url}/api/v1", timeout=30)

    def play(self, act: Act) -> Scene:
        """Break, watch it heal (approving as a person would), learn if wanted, and tidy up."""
        fault = faults()[act.fault].filled(act.parameters)
        known = {incident["id"] for incident in self._get("/incidents")}
        self._say(f"[{act.title}] {fault.title}")
        injected_at = time.time()
        self._rig.inject(faults()[act.fault], act.parameters)
        incident_id = self._opened(known)
        self._watch(incident_id)
        if act.learn:
            self._learn(incident_id)
        self._rig.recover()
        self._watch_closing(incident_id)
        self._quiet()
        return self._scene(act, fault.truth, incident_id, injected_at)

    # ------------------------------------------------------------ watching

    def _opened(self, known: set[str]) -> str:
        for _ in _ticks(_INCIDENT_SECONDS):
            incidents = self._get("/incidents")
            new = [incident for incident in incidents if incident["id"] not in known]
            if new:
                self._say(f"  alert: {new[-1]['title']}")
                return str(new[-1]["id"])
        raise UnreachableError("no alert reached Autoheal in time; see the logs of the rig")

    def _watch(self, incident_id: str) -> None:
        told = ""
        for file in self._files(incident_id, _INCIDENT_SECONDS):
            state = str(file["incident"]["state"])
            if state != told:
                self._say(f"  {_progress(file)}")
                told = state
            if state in _ENDED:
                return
            if state == "awaiting_approval":
                self._approve(file)
        raise UnreachableError(f"incident {incident_id} did not come to an end in time")

    def _watch_closing(self, incident_id: str) -> None:
        """An incident in a person's hands closes once the person has put things right."""
        for file in self._files(incident_id, _INCIDENT_SECONDS):
            if file["incident"]["state"] == "closed":
                return

    def _approve(self, file: Json) -> None:
        for mitigation in file["mitigations"]:
            if mitigation["state"] == "proposed" and not file["approvals"].get(mitigation["id"]):
                self._say(f"  {PERSON} approves: {_action(mitigation)}")
                body = {"actor": PERSON, "digest": file["digests"][mitigation["id"]], "decision": "approved"}
                self._send(f"/actions/{mitigation['id']}/approval", body)

    def _learn(self, incident_id: str) -> None:
        for file in self._files(incident_id, _LESSONS_SECONDS):
            if len(file["proposals"]) >= _LESSONS:
                break
        for proposal in file["proposals"]:
            if proposal["state"] != "proposed":
                self._say(f"  {proposal['kind']}: nothing to learn: {proposal['reason']}")
                continue
            self._say(f"  {proposal['kind']}: {proposal['title']}; proof: {proposal['proof']['summary']}")
            self._send(f"/proposals/{proposal['id']}/merge", {"actor": PERSON})
        httpx.post(self._rig.endpoints["platform"] + "/v1/rules/reload", timeout=10).raise_for_status()
        self._say(f"  {PERSON} merged what was proposed")

    def _quiet(self) -> None:
        until = time.monotonic() + _QUIET_SECONDS
        while time.monotonic() < until:
            alerts = httpx.get(self._rig.endpoints["prometheus"] + "/api/v1/alerts", timeout=10).json()
            if not alerts["data"]["alerts"]:
                break
            time.sleep(1)
        time.sleep(12)  # rates over the last seconds must forget it too

    # ------------------------------------------------------------ judging

    def _scene(self, act: Act, truth: Truth, incident_id: str, injected_at: float) -> Scene:
        file = self._file(incident_id)
        incident, costs = file["incident"], file["costs"]
        right, why = judge(file, truth)
        if right and act.known and not incident["skill"]:
            right, why = False, "no skill answered it, although its like was healed and learned from before"
        detected = _seconds(incident["detected_at"])
        return Scene(
            act=act,
            incident_id=incident_id,
            detect_seconds=_between(injected_at, detected),
            cause_seconds=_between(detected, _seconds(incident["diagnosed_at"])),
            mitigate_seconds=_between(detected, _seconds(incident["mitigated_at"])),
            queries=sum(cost["queries"] for cost in costs),
            tokens=sum(cost["tokens_input"] + cost["tokens_output"] for cost in costs),
            questions=sum(cost["questions"] for cost in costs)
            + sum(len(said) for said in file["approvals"].values()),
            answered_by=incident["skill"] or "evidence engine",
            verdict=_verdict(file),
            actions=tuple(_action(m) for m in file["mitigations"] if m["executed_at"]),
            outcome=str(incident["outcome"]),
            right=right,
            why_wrong=why,
        )

    # ------------------------------------------------------------ talking

    def _files(self, incident_id: str, seconds: float) -> Iterator[Json]:
        for _ in _ticks(seconds):
            yield self._file(incident_id)

    def _file(self, incident_id: str) -> Json:
        whole = self._get(f"/incidents/{incident_id}")
        return {**whole["file"], "digests": whole["digests"]}

    def _get(self, path: str) -> Any:  # noqa: ANN401  a document or a list of them, as the API says
        try:
            answer = self._api.get(path)
            answer.raise_for_status()
        except httpx.HTTPError as error:
            raise UnreachableError(f"Autoheal does not answer: {error}") from None
        return answer.json()

    def _send(self, path: str, body: Mapping[str, str]) -> None:
        answer = self._api.post(path, json=dict(body))
        if answer.is_error:
            raise ConflictError(f"{path}: {answer.json().get('detail', answer.text)}")


def _ticks(seconds: float) -> Iterator[None]:
    """Twice a second, for so long."""
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        yield
        time.sleep(0.5)


def judge(file: Json, truth: Truth) -> tuple[bool, str]:
    """Whether the verdict and what was done fit the ground truth; with the reason when they do not."""
    did = [m["action"] for m in file["mitigations"] if m["executed_at"]]
    harmful = [a["kind"] for a in did if a["kind"] in truth.harmful]
    if harmful:
        return False, f"did what harms: {', '.join(harmful)}"
    if truth.entity is None:
        calm = file["incident"]["outcome"] in ("noise", "recovered_alone")
        return calm and not did, "" if calm and not did else f"took a false alarm for {_verdict(file)}"
    named = [h for h in map(_leading, file["investigations"]) if h is not None]
    if not named or named[0]["entity"] != truth.entity:
        return False, f"blamed {named[0]['entity'] if named else 'nobody'} instead of {truth.entity}"
    if named[0]["mechanism"] not in truth.mechanism:
        return False, f"said {named[0]['mechanism']}, it is {' or '.join(truth.mechanism)}"
    if truth.remediation and not any(a["kind"] in truth.remediation for a in did):
        return False, f"did not {' or '.join(truth.remediation)}"
    return True, ""


def _leading(investigation: Json) -> Json | None:
    wanted = investigation["verdict"]["hypothesis_id"]
    return next((h for h in investigation["hypotheses"] if h["id"] == wanted), None)


def _verdict(file: Json) -> str:
    for investigation in file["investigations"]:
        leading = _leading(investigation)
        if leading is not None:
            return str(leading["statement"])
    kinds = [str(i["verdict"]["kind"]) for i in file["investigations"]]
    return kinds[-1] if kinds else "none"


def _progress(file: Json) -> str:
    state = file["incident"]["state"]
    if state in ("investigating", "open"):
        return f"{state}: {file['incident']['impact'] or file['incident']['title']}"
    if state in ("mitigating", "verifying"):
        return f"{state}: {', '.join(_action(m) for m in file['mitigations'])}"
    if state in ("mitigated", "closed", "dismissed"):
        return f"{state}: {file['incident']['outcome']}" if file["incident"]["outcome"] else str(state)
    return f"{state}: {_verdict(file)}"


def _action(mitigation: Json) -> str:
    action = mitigation["action"]
    return f"{action['kind']} {action['target']}"


def _seconds(moment: str | None) -> float | None:
    return None if moment is None else datetime.fromisoformat(moment).astimezone(UTC).timestamp()


def _between(start: float | None, end: float | None) -> float | None:
    return None if start is None or end is None else max(end - start, 0.0)
