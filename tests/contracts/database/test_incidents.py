"""The IncidentStore on SQLite and PostgreSQL."""

from __future__ import annotations

import math
from dataclasses import replace
from datetime import timedelta

import pytest
from tests.contracts.database.words import HOSTILE, NOON, after, incident

from autoheal.domain.errors import NotFoundError
from autoheal.domain.evidence import (
    Answer,
    Claim,
    Empty,
    Evidence,
    Failed,
    Found,
    NoData,
    Reading,
    Row,
    Statistic,
)
from autoheal.domain.incident import IncidentState, TimelineEntry
from autoheal.domain.investigation import (
    Confidence,
    Hypothesis,
    HypothesisState,
    Investigation,
    Mechanism,
    Objection,
    Review,
    Verdict,
    VerdictKind,
)
from autoheal.domain.ledger import LedgerEntry
from autoheal.integrations.database.database import Database


def evidence(name: str, answer: Answer) -> Evidence:
    return Evidence(
        id=name,
        incident_id="inc_1",
        stage="investigate",
        source="prometheus",
        expression=f'rate(x{{a="{HOSTILE}"}}[1m])',
        start=NOON,
        end=after(5),
        asked_at=after(6),
        seconds=0.25,
        answer=answer,
    )


def investigation(attempt: int, value: float = 2.5) -> Investigation:
    reading = Reading(
        evidence_id="ev_1", entity="cart", subject="", statistic=Statistic.MAX, start=0, end=9, value=value
    )
    hypothesis = Hypothesis(
        id="hyp_1",
        entity="cart",
        mechanism=Mechanism.DEPLOY,
        statement="v42 broke it",
        score=math.inf,
        confidence=0.9,
        author="engine",
        state=HypothesisState.ACCEPTED,
        claims_for=(Claim(text="errors rose", readings=(reading,), points=1.5),),
    )
    return Investigation(
        id=f"inv_{attempt}",
        incident_id="inc_1",
        attempt=attempt,
        started_at=after(attempt),
        ended_at=after(attempt + 1),
        hypotheses=(hypothesis,),
        verdict=Verdict(
            kind=VerdictKind.CAUSE, hypothesis_id="hyp_1", confidence=Confidence(value=0.9, reason="clear")
        ),
        review=Review(
            reviewer="code",
            hypothesis_id="hyp_1",
            objections=(Objection(test="timing", passed=True, text="before", evidence_ids=("ev_1",)),),
            completed=True,
        ),
        path=("metrics", "logs"),
    )


def test_an_incident_is_replaced_by_its_id(database: Database) -> None:
    database.incidents.save(incident())
    changed = replace(incident(), state=IncidentState.INVESTIGATING, family="errors/deploy")
    database.incidents.save(changed)
    assert database.incidents.get("inc_1") == changed


def test_incidents_come_newest_first_and_no_more_than_asked_for(database: Database) -> None:
    for number in (2, 3, 1):
        database.incidents.save(incident(number))
    assert [found.id for found in database.incidents.list(limit=2)] == ["inc_3", "inc_2"]


def test_what_is_missing_is_named(database: Database) -> None:
    with pytest.raises(NotFoundError, match="inc_9"):
        database.incidents.get("inc_9")
    with pytest.raises(NotFoundError, match="ev_9"):
        database.incidents.evidence("ev_9")
    with pytest.raises(NotFoundError, match="ev_9"):
        database.incidents.rows("ev_9")


def test_a_repeated_step_adds_no_second_timeline_entry(database: Database) -> None:
    entry = TimelineEntry(at=after(1), kind="decision", text=HOSTILE, actor="autoheal", evidence=("ev_1",))
    database.incidents.add_timeline("inc_1", entry)
    database.incidents.add_timeline("inc_1", replace(entry, at=after(9)))
    database.incidents.add_timeline("inc_2", entry)
    assert list(database.incidents.timeline("inc_1")) == [entry]


def test_the_timeline_is_in_time_order_whatever_came_first(database: Database) -> None:
    for minute in (3, 1, 2):
        entry = TimelineEntry(at=after(minute), kind="symptom", text=str(minute), actor="autoheal")
        database.incidents.add_timeline("inc_1", entry)
    assert [entry.text for entry in database.incidents.timeline("inc_1")] == ["1", "2", "3"]


@pytest.mark.parametrize("answer", [Found(rows=1, digest="d"), Empty(), NoData(), Failed(reason="time out")])
def test_each_kind_of_answer_comes_back_as_itself(database: Database, answer: Answer) -> None:
    database.incidents.add_evidence(evidence("ev_1", answer), [])
    assert database.incidents.evidence("ev_1").answer == answer


def test_rows_come_back_bit_for_bit(database: Database) -> None:
    rows = [
        Row(time=0.1 + 0.2, entity="cart", subject="m", value=1e-320),
        Row(time=1.0, entity="cart", subject="m", value=math.inf, text=HOSTILE),
        Row(time=2.0, entity="lone \ud800 surrogate", subject="m", value=-0.0),
    ]
    database.incidents.add_evidence(evidence("ev_1", Found(rows=3, digest="d")), rows)
    assert list(database.incidents.rows("ev_1")) == rows


def test_a_sample_that_is_not_a_number_stays_one(database: Database) -> None:
    row = Row(time=1.0, entity="cart", subject="m", value=math.nan)
    database.incidents.add_evidence(evidence("ev_1", Found(rows=1, digest="d")), [row])
    assert math.isnan(database.incidents.rows("ev_1")[0].value)


def test_evidence_is_listed_in_the_order_it_was_asked(database: Database) -> None:
    for name in ("z", "a", "m"):
        database.incidents.add_evidence(evidence(name, Empty()), [])
    assert [found.id for found in database.incidents.evidence_of("inc_1")] == ["z", "a", "m"]


def test_investigations_come_back_whole_and_in_order(database: Database) -> None:
    for attempt in (2, 1, 2):
        database.incidents.save_investigation(investigation(attempt))
    assert list(database.incidents.investigations("inc_1")) == [investigation(1), investigation(2)]


def test_an_investigation_whose_number_is_no_number_can_be_read_again(database: Database) -> None:
    database.incidents.save_investigation(investigation(1, value=math.nan))
    claim = database.incidents.investigations("inc_1")[0].hypotheses[0].claims_for[0]
    assert math.isnan(claim.readings[0].value)


def test_text_that_no_database_can_store_does_not_lose_the_incident(database: Database) -> None:
    database.incidents.save(replace(incident(), title="broken \ud800 text"))
    assert database.incidents.get("inc_1").title == "broken ? text"


def test_costs_are_kept_per_incident_and_in_total(database: Database) -> None:
    entries = [
        LedgerEntry(incident_id=f"inc_{number}", stage="review", backend="loki", at=NOON, queries=number)
        for number in (1, 2, 1)
    ]
    database.incidents.add_costs(entries)
    database.incidents.add_costs([])
    assert list(database.incidents.costs("inc_1")) == [entries[0], entries[2]]
    assert list(database.incidents.costs()) == entries


def test_what_was_spent_since_a_moment_counts_that_moment_and_nothing_before_it(database: Database) -> None:
    entries = [
        LedgerEntry(
            incident_id="inc_1",
            stage="review",
            backend="house",
            at=NOON + timedelta(seconds=number - 700),
            dollars=0.5,
        )
        for number in range(1_400)
    ]
    database.incidents.add_costs(entries)
    assert database.incidents.dollars_since(NOON) == pytest.approx(350.0)
    assert database.incidents.dollars_since(NOON + timedelta(days=1)) == 0.0
