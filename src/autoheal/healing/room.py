"""A chat in which incidents are told and people are heard: each word and press is acted on once."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from autoheal.domain.approval import Decision
from autoheal.domain.errors import ConflictError, RefusedError, UserError
from autoheal.domain.message import Press
from autoheal.domain.person import Right
from autoheal.healing.impact import ASK
from autoheal.healing.listen import Meaning, understand
from autoheal.healing.responder import Responder
from autoheal.healing.theory import WEIGH, Theory
from autoheal.healing.thread import Teller
from autoheal.ports.chat import ChatDoor, Greeting, Heard, PostStore, Pressed, Said, Unheard
from autoheal.ports.runs import Json, Runs

CHANNEL = "chat"


class Acts(Protocol):
    """What a person may do, wherever they are: a room only passes it on."""

    def decide(
        self, mitigation_id: str, *, digest: str, decision: Decision, actor: str, channel: str
    ) -> object:
        """Say yes or no to the action that was seen."""
        ...

    def answer(self, question_id: str, *, actor: str, text: str) -> object:
        """Answer a question."""
        ...

    def correct(self, incident_id: str, *, actor: str, service: str) -> None:
        """Say what is not the cause."""
        ...

    def acting(self, actor: str, right: Right) -> str:
        """Under which name an act is recorded; raises RefusedError for one who lacks the right."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Room:
    """The door in, the teller out, and which thread belongs to which incident."""

    door: ChatDoor
    posts: PostStore
    teller: Teller
    responder: Responder
    runs: Runs

    def hear(self, headers: Mapping[str, str], body: bytes, *, now: datetime, acts: Acts) -> str:
        """One delivery of the chat; returns what to answer it, raises RefusedError for an unsigned one."""
        return self._take(self.door.read(headers, body, now=now), acts)

    def hear_line(self, document: Mapping[str, Json], *, acts: Acts) -> None:
        """One delivery over the line that we opened; raises NotFoundError outside an incident's thread."""
        self._take(self.door.understand(document), acts)

    def _take(self, heard: Heard, acts: Acts) -> str:
        if isinstance(heard, Greeting):
            return heard.answer
        if isinstance(heard, Unheard):
            return ""
        incident_id = self.posts.incident_at(heard.thread)
        if self.posts.claim(incident_id, f"heard:{heard.id}"):
            try:
                self._act(incident_id, heard, acts)
            except (RefusedError, UserError) as error:
                # The thread is where the person waits for an answer.
                self.responder.note(incident_id, "human", f"{heard.person} was refused: {error}")
            except Exception:
                self.posts.release(incident_id, f"heard:{heard.id}")  # it comes again, and is not to be lost
                raise
        return ""

    def _act(self, incident_id: str, heard: Pressed | Said, acts: Acts) -> None:
        if isinstance(heard, Said):
            self._said(incident_id, heard, acts)
            return
        mitigation_id, _, digest = heard.value.partition("|")
        mitigation = self.responder.mitigations.get(mitigation_id)
        if (mitigation.incident_id, mitigation.digest) != (incident_id, digest):
            raise ConflictError(f"{mitigation_id} is not what this thread shows: look at it again")
        if heard.press is Press.NOT_THE_CAUSE:
            acts.correct(incident_id, actor=heard.person, service=mitigation.action.target)
            return
        decision = Decision.APPROVED if heard.press is Press.APPROVE else Decision.REJECTED
        acts.decide(mitigation_id, digest=digest, decision=decision, actor=heard.person, channel=CHANNEL)

    def _said(self, incident_id: str, heard: Said, acts: Acts) -> None:
        self.responder.note(incident_id, "human", heard.text, actor=heard.person)
        understood = understand(self.responder, incident_id, heard.text)
        match understood.meaning:
            case Meaning.ANSWER:
                acts.answer(understood.about, actor=heard.person, text=heard.text)
            case Meaning.CORRECTION:
                acts.correct(incident_id, actor=heard.person, service=understood.about)
            case Meaning.THEORY:
                person = acts.acting(heard.person, Right.DECIDE)
                theory = Theory(incident_id=incident_id, person=person, service=understood.about)
                self.runs.start(WEIGH, theory.subject)
            case Meaning.IMPACT:
                self.runs.start(ASK, f"{incident_id}|{heard.id}")
            case Meaning.TALK:
                pass
