"""The PostStore and the QuestionStore on SQLite and PostgreSQL."""

from __future__ import annotations

from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from autoheal.domain.errors import NotFoundError
from autoheal.domain.message import Post
from autoheal.domain.question import Question
from autoheal.integrations.database.database import Database

_AT = datetime(2026, 11, 20, 14, tzinfo=UTC)


def _question(number: int, incident_id: str = "inc_1") -> Question:
    return Question(
        id=f"qst_{number}",
        incident_id=incident_id,
        text="which?",
        why_asked="nothing is known",
        asked_at=_AT + timedelta(minutes=number),
        asked_of="dana",
    )


def test_of_many_who_claim_a_message_at_once_one_may_send_it(database: Database) -> None:
    with ThreadPoolExecutor(8) as pool:
        claimed = list(pool.map(lambda _: database.posts.claim("inc_1", "opening"), range(16)))
    assert Counter(claimed) == {True: 1, False: 15}
    assert database.posts.claim("inc_2", "opening")


def test_what_was_released_may_be_claimed_again_but_not_what_stands_somewhere(database: Database) -> None:
    for key in ("heard:1", "opening"):
        database.posts.claim("inc_1", key)
    database.posts.settle(Post(incident_id="inc_1", key="opening", place="C1:17.5"))
    for key in ("heard:1", "opening", "never"):
        database.posts.release("inc_1", key)
    assert database.posts.claim("inc_1", "heard:1")
    assert not database.posts.claim("inc_1", "opening")


def test_a_settled_message_is_found_by_its_place_and_by_its_incident(database: Database) -> None:
    database.posts.claim("inc_1", "opening")
    database.posts.claim("inc_1", "entry")
    post = Post(incident_id="inc_1", key="opening", place="C1:17.5")
    database.posts.settle(post)
    assert database.posts.of_incident("inc_1") == {
        "opening": post,
        "entry": Post(incident_id="inc_1", key="entry"),
    }
    assert database.posts.incident_at("C1:17.5") == "inc_1"


def test_a_place_where_nothing_is_told_belongs_to_no_incident(database: Database) -> None:
    with pytest.raises(NotFoundError, match="C1:99"):
        database.posts.incident_at("C1:99")


def test_a_question_keeps_its_answer_and_its_author(database: Database) -> None:
    database.questions.save(_question(1))
    answered = replace(
        _question(1), answer="naïve \U0001f525", answered_by="dana", answered_at=_AT + timedelta(hours=1)
    )
    database.questions.save(answered)
    assert database.questions.get("qst_1") == answered
    with pytest.raises(NotFoundError, match="qst_9"):
        database.questions.get("qst_9")


def test_questions_come_in_the_order_they_were_asked(database: Database) -> None:
    for number, incident_id in ((2, "inc_1"), (1, "inc_1"), (3, "inc_2")):
        database.questions.save(_question(number, incident_id))
    assert [q.id for q in database.questions.list()] == ["qst_1", "qst_2", "qst_3"]
    assert [q.id for q in database.questions.of_incident("inc_1")] == ["qst_1", "qst_2"]
    assert [q.id for q in database.questions.since(_AT + timedelta(minutes=2))] == ["qst_2", "qst_3"]
