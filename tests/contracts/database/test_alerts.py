"""The AlertStore on SQLite and PostgreSQL."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest
from tests.contracts.database.words import NOON, after, alert, at_once, group, incident, opened

from autoheal.domain.errors import NotFoundError
from autoheal.domain.incident import IncidentState
from autoheal.integrations.database.database import Database
from autoheal.ports.stores import RawEvent


def event(name: str, minutes: float = 0, *, handled: bool = False) -> RawEvent:
    return RawEvent(
        id=name, source="generic", received_at=after(minutes), body=b"\x00\xff{}", handled=handled
    )


def test_a_delivery_comes_back_byte_for_byte(database: Database) -> None:
    database.alerts.append_event(event("evt_1"))
    assert database.alerts.event("evt_1") == event("evt_1")


def test_an_unknown_delivery_is_not_found(database: Database) -> None:
    with pytest.raises(NotFoundError, match="evt_9"):
        database.alerts.event("evt_9")


@pytest.mark.criterion(11)
def test_what_was_not_handled_when_the_process_ended_is_listed_oldest_first(
    url: str, database: Database
) -> None:
    for name, minutes in (("b", 2), ("a", 1), ("c", 3)):
        database.alerts.append_event(event(name, minutes))
    database.alerts.mark_handled("c")
    database.close()
    again = opened(url)
    assert [left.id for left in again.alerts.unhandled_events()] == ["a", "b"]
    again.close()


@pytest.mark.criterion(11)
def test_an_acknowledged_delivery_is_synced_before_the_call_returns(tmp_path: Path) -> None:
    database = opened(f"sqlite:///{tmp_path / 'a.db'}")
    database.migrate()
    with database.alerts._connections.read() as connection:  # noqa: SLF001  the setting is the promise
        assert connection.exec_driver_sql("PRAGMA synchronous").scalar() == 2
        assert connection.exec_driver_sql("PRAGMA journal_mode").scalar() == "wal"
    database.close()


def test_an_alert_is_replaced_by_its_occurrence(database: Database) -> None:
    database.alerts.save_alert(alert())
    ended = alert(ends_at=after(5))
    database.alerts.save_alert(ended)
    assert database.alerts.occurrence(ended.occurrence) == ended
    assert list(database.alerts.alerts(since=NOON)) == [ended]
    assert database.alerts.occurrence("other") is None


def test_alerts_that_only_ended_since_are_listed(database: Database) -> None:
    database.alerts.save_alert(alert("old"))
    database.alerts.save_alert(alert("ended", ends_at=after(10)))
    assert [found.fingerprint for found in database.alerts.alerts(since=after(5))] == ["ended"]


def test_open_groups_leave_out_closed_incidents(database: Database) -> None:
    for number, state in ((1, IncidentState.OPEN), (2, IncidentState.CLOSED), (3, IncidentState.ESCALATED)):
        database.incidents.save(incident(number, state))
        database.alerts.save_group(group(number))
    assert list(database.alerts.open_groups()) == [group(3), group(1)]
    assert database.alerts.group("grp_2") == database.alerts.group_of_incident("inc_2") == group(2)


def test_a_missing_group_is_not_found(database: Database) -> None:
    with pytest.raises(NotFoundError):
        database.alerts.group("grp_9")
    with pytest.raises(NotFoundError):
        database.alerts.group_of_incident("inc_9")


def test_an_exclusive_transaction_that_fails_leaves_nothing(database: Database) -> None:
    def fail() -> None:
        with database.alerts.exclusively():
            database.alerts.save_alert(alert())
            database.incidents.save(incident())
            assert database.alerts.occurrence(alert().occurrence) == alert()
            raise LookupError

    with pytest.raises(LookupError):
        fail()
    assert database.alerts.occurrence(alert().occurrence) is None
    assert not database.incidents.list()


@pytest.mark.criterion(2)
def test_racing_deliveries_of_one_alert_open_one_incident(url: str, database: Database) -> None:
    """Each racer has connections of its own, as another process would."""

    def deliver(number: int) -> None:
        mine = opened(url)
        with mine.alerts.exclusively(), mine.alerts.exclusively():
            if mine.alerts.occurrence(alert().occurrence) is None:
                mine.alerts.save_alert(alert())
                mine.incidents.save(incident(number))
                mine.alerts.save_group(group(number))
        mine.close()

    at_once(deliver)
    assert len(database.incidents.list()) == len(database.alerts.open_groups()) == 1


def test_another_thread_does_not_see_an_exclusive_transaction_before_it_commits(
    database: Database,
) -> None:
    with database.alerts.exclusively():
        database.alerts.save_alert(alert())
        assert at_once(lambda _: database.alerts.occurrence(alert().occurrence), 2) == [None, None]
    assert database.alerts.occurrence(alert().occurrence) == alert()


def test_many_threads_append_and_read_at_once(database: Database) -> None:
    def work(number: int) -> int:
        database.alerts.append_event(event(f"evt_{number}", number))
        return len(database.alerts.unhandled_events())

    assert max(at_once(work, 40)) <= 40
    assert len(database.alerts.unhandled_events()) == 40


def test_the_file_is_a_plain_sqlite_database(tmp_path: Path) -> None:
    database = opened(f"sqlite:///{tmp_path / 'a.db'}")
    database.migrate()
    database.alerts.append_event(event("evt_1"))
    database.close()
    stored = sqlite3.connect(tmp_path / "a.db")
    assert stored.execute("SELECT count(*) FROM raw_event").fetchone() == (1,)
    stored.close()
