"""What a sentence in an incident's thread means: an answer, a correction, a theory, or talk among people."""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum

from autoheal.healing.correct import denied
from autoheal.healing.responder import Responder
from autoheal.healing.theory import blamed, known_services

_WHO = re.compile(
    r"\bimpact\s*\?|\b(?:who|what|which \w+) (?:is|are|was|were) (?:affected|impacted|hurt)\b", re.IGNORECASE
)


class Meaning(StrEnum):
    """What is to be done about it; talk is only kept."""

    ANSWER = "answer"
    CORRECTION = "correction"
    THEORY = "theory"
    IMPACT = "impact"
    TALK = "talk"


@dataclass(frozen=True, slots=True, kw_only=True)
class Understood:
    """The meaning with what it is about: a question's id, or a service."""

    meaning: Meaning
    about: str = ""


def understand(responder: Responder, incident_id: str, text: str) -> Understood:
    """Read a person's sentence; nothing but the name of a known service is ever taken from it."""
    services = known_services(responder, incident_id)
    ruled_out = denied(text, services)
    if ruled_out is not None:
        return Understood(meaning=Meaning.CORRECTION, about=ruled_out)
    asked = responder.questions.of_incident(incident_id) if responder.questions else ()
    if _WHO.search(text):
        return Understood(meaning=Meaning.IMPACT)
    waiting = next((question.id for question in asked if question.answer is None), None)
    if waiting is not None:
        return Understood(meaning=Meaning.ANSWER, about=waiting)
    service = blamed(text, services)
    return Understood(meaning=Meaning.THEORY, about=service) if service else Understood(meaning=Meaning.TALK)
