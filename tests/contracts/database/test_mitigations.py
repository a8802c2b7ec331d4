"""The MitigationStore on SQLite and PostgreSQL."""

from __future__ import annotations

from dataclasses import replace

import pytest
from tests.contracts.database.words import NOON, after, approval, at_once, mitigation, opened

from autoheal.domain.approval import Decision
from autoheal.domain.errors import NotFoundError
from autoheal.domain.mitigation import MitigationEvent, Verification, VerificationResult
from autoheal.integrations.database.database import Database


def test_a_mitigation_keeps_its_digest_in_the_store(database: Database) -> None:
    database.mitigations.save(mitigation())
    stored = database.mitigations.get("mit_1")
    assert stored == mitigation()
    assert stored.digest == mitigation().digest
    assert [type(value) for value in stored.action.parameters.values()] == [int, float, bool, str, int]


def test_an_unknown_mitigation_is_not_found(database: Database) -> None:
    with pytest.raises(NotFoundError, match="mit_9"):
        database.mitigations.get("mit_9")


def test_mitigations_of_an_incident_come_in_the_order_they_were_proposed(database: Database) -> None:
    for number in (2, 1):
        database.mitigations.save(mitigation(number))
    database.mitigations.save(mitigation(3, "inc_2"))
    assert [found.id for found in database.mitigations.of_incident("inc_1")] == ["mit_1", "mit_2"]
    assert [found.id for found in database.mitigations.since(after(2))] == ["mit_2", "mit_3"]


def test_only_one_of_many_racing_workers_moves_a_mitigation(url: str, database: Database) -> None:
    database.mitigations.save(mitigation())
    moved = mitigation().move(MitigationEvent.APPROVE)

    def race(_: int) -> bool:
        mine = opened(url)
        won = mine.mitigations.transition(moved, expected_state="proposed")
        mine.close()
        return won

    assert sorted(at_once(race)) == [False] * 7 + [True]
    assert database.mitigations.get("mit_1") == moved


def test_an_approval_is_used_once_even_under_a_race(database: Database) -> None:
    database.mitigations.add_approval(approval())
    used = replace(approval(), used_at=after(5))
    assert sorted(at_once(lambda _: database.mitigations.use_approval(used))) == [False] * 7 + [True]
    assert list(database.mitigations.approvals("mit_1")) == [used]


def test_an_approval_that_was_never_given_cannot_be_used(database: Database) -> None:
    assert not database.mitigations.use_approval(approval())


def test_approvals_come_in_the_order_they_were_given(database: Database) -> None:
    for number in (2, 1):
        database.mitigations.add_approval(approval(number, Decision.REJECTED))
    assert [given.id for given in database.mitigations.approvals("mit_1")] == ["apr_1", "apr_2"]


def test_a_verification_is_replaced_by_its_mitigation(database: Database) -> None:
    assert database.mitigations.verification("mit_1") is None
    for score in (3.0, float("-inf")):
        judged = Verification(
            mitigation_id="mit_1",
            result=VerificationResult.HELPED,
            text="gone",
            judged_at=NOON,
            score_before=9.0,
            score_after=score,
        )
        database.mitigations.save_verification(judged)
    assert database.mitigations.verification("mit_1") == judged


def test_no_two_racers_get_the_same_epoch_of_a_target(url: str, database: Database) -> None:
    def race(_: int) -> int:
        mine = opened(url)
        epoch = mine.mitigations.next_epoch("cart")
        mine.close()
        return epoch

    assert sorted(at_once(race)) == list(range(1, 9))
    assert database.mitigations.next_epoch("other") == 1


def test_the_kill_switch_is_seen_by_every_process_until_it_is_released(url: str, database: Database) -> None:
    other = opened(url)
    assert other.mitigations.killed() is None
    database.mitigations.set_killed("fire drill")
    assert other.mitigations.killed() == "fire drill"
    database.mitigations.set_killed(None)
    assert other.mitigations.killed() is None
    other.close()
