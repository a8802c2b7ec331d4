"""What people were asked, and what they said."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import select

from autoheal.domain.errors import NotFoundError
from autoheal.domain.question import Question
from autoheal.integrations.database import schema
from autoheal.integrations.database.codec import encode
from autoheal.integrations.database.connections import Connections
from autoheal.integrations.database.reading import words
from autoheal.integrations.database.writing import upsert

_TABLE = schema.question
_ALL = select(_TABLE.c.body).order_by(_TABLE.c.at, _TABLE.c.id)


class DatabaseQuestions:
    """The QuestionStore on a database."""

    def __init__(self, connections: Connections) -> None:
        self._connections = connections

    def save(self, question: Question) -> None:
        """Insert or replace by id."""
        values = {
            "id": question.id,
            "incident_id": question.incident_id,
            "at": question.asked_at.timestamp(),
            "body": encode(question),
        }
        with self._connections.write() as connection:
            upsert(connection, _TABLE, values, "id")

    def get(self, question_id: str) -> Question:
        """One question."""
        found = words(self._connections, Question, _ALL.where(_TABLE.c.id == question_id))
        if not found:
            raise NotFoundError(f"there is no question {question_id}")
        return found[0]

    def of_incident(self, incident_id: str) -> Sequence[Question]:
        """In the order they were asked."""
        return words(self._connections, Question, _ALL.where(_TABLE.c.incident_id == incident_id))

    def since(self, moment: datetime) -> Sequence[Question]:
        """Questions asked at or after a moment."""
        return words(self._connections, Question, _ALL.where(_TABLE.c.at >= moment.timestamp()))

    def list(self) -> Sequence[Question]:
        """All, oldest first."""
        return words(self._connections, Question, _ALL)
