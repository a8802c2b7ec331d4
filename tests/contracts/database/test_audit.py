"""The Audit on SQLite and PostgreSQL: no change of a stored record goes unnoticed."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
import sqlalchemy
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.contracts.database.words import HOSTILE, at_once, opened

from autoheal.domain.decision_trace import GENESIS
from autoheal.integrations.database import schema
from autoheal.integrations.database.database import Database

COLUMNS = [column.name for column in schema.audit.columns]


def record(database: Database, number: int) -> None:
    database.audit.append(
        incident_id=f"inc_{number % 2}", kind="decision", actor="autoheal", body={"why": HOSTILE, "n": number}
    )


GUARDS = ("audit_stays", "audit_as_is", "audit_whole")


def execute(database: Database, statement: str, **values: object) -> None:
    """What somebody does who owns the database: no trigger stops them, and the chain tells."""
    on = "" if database._connections.sqlite else " ON audit"  # noqa: SLF001  this is the attacker, not a caller
    with database._connections.write() as connection:  # noqa: SLF001  this is the attacker, not a caller
        for guard in GUARDS:
            connection.execute(sqlalchemy.text(f"DROP TRIGGER IF EXISTS {guard}{on}"))
        connection.execute(sqlalchemy.text(statement), values)


def change(database: Database, sequence: int, column: str, value: object) -> None:
    execute(database, f"UPDATE audit SET {column} = :v WHERE sequence = :s", v=value, s=sequence)  # noqa: S608


def test_records_are_linked_in_sequence_from_the_beginning(database: Database) -> None:
    for number in range(3):
        record(database, number)
    chain = database.audit.records()
    assert [one.sequence for one in chain] == [1, 2, 3]
    assert [one.previous_hash for one in chain] == [GENESIS, chain[0].hash, chain[1].hash]
    assert [one.sequence for one in database.audit.records("inc_1")] == [2]
    assert database.audit.verify() is None


def test_an_empty_chain_is_intact(database: Database) -> None:
    assert database.audit.verify() is None


@pytest.mark.criterion(33)
@pytest.mark.parametrize("column", [name for name in COLUMNS if name != "sequence"])
def test_a_change_of_any_byte_of_any_column_names_the_record(database: Database, column: str) -> None:
    for number in range(3):
        record(database, number)
    original = getattr(database.audit.records()[1], column)
    text = original if isinstance(original, str) else original.isoformat()
    for position in range(0, len(text), max(len(text) // 12, 1)):
        other = " " if text[position] != " " else "_"
        change(database, 2, column, text[:position] + other + text[position + 1 :])
        assert "record 2 " in str(database.audit.verify())
    change(database, 2, column, text)
    assert database.audit.verify() is None


@pytest.fixture(scope="module")
def chain(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Database]:
    """Three records on SQLite, whose columns can hold bytes that are not even text."""
    with closing(opened(f"sqlite:///{tmp_path_factory.mktemp('audit') / 'a.db'}")) as database:
        database.migrate()
        for number in range(3):
            record(database, number)
        yield database


@pytest.mark.criterion(33)
@settings(max_examples=200, deadline=None, database=None)
@given(data=st.data())
def test_a_change_of_any_bits_of_any_byte_names_the_record(chain: Database, data: st.DataObject) -> None:
    sequence = data.draw(st.integers(1, 3))
    column = data.draw(st.sampled_from([name for name in COLUMNS if name != "sequence"]))
    original = getattr(chain.audit.records()[sequence - 1], column)
    text = original if isinstance(original, str) else original.isoformat()
    content = bytearray(text.encode())
    content[data.draw(st.integers(0, len(content) - 1))] ^= data.draw(st.integers(1, 255))
    changed = f"UPDATE audit SET {column} = CAST(:v AS TEXT) WHERE sequence = :s"  # noqa: S608  its own column
    execute(chain, changed, v=bytes(content), s=sequence)
    found = chain.audit.verify()
    change(chain, sequence, column, text)
    assert f"record {sequence} " in str(found)
    assert chain.audit.verify() is None


@pytest.mark.criterion(33)
def test_a_removed_record_is_missed(database: Database) -> None:
    for number in range(3):
        record(database, number)
    execute(database, "DELETE FROM audit WHERE sequence = 2")
    assert "record 2 is missing" in str(database.audit.verify())


@pytest.mark.criterion(33)
def test_swapped_records_are_noticed(database: Database) -> None:
    for number in range(3):
        record(database, number)
    for old, new in ((2, 9), (3, 2), (9, 3)):
        execute(database, "UPDATE audit SET sequence = :new WHERE sequence = :old", old=old, new=new)
    assert "record 2 " in str(database.audit.verify())


def test_racing_threads_and_databases_never_fork_the_chain(url: str, database: Database) -> None:
    def append(number: int) -> None:
        mine = opened(url)
        for _ in range(5):
            record(mine, number)
        mine.close()

    at_once(append)
    assert [one.sequence for one in database.audit.records()] == list(range(1, 41))
    assert database.audit.verify() is None


def test_two_processes_never_fork_the_chain(url: str, database: Database) -> None:
    program = (
        "import sys\n"
        "from tests.contracts.database.words import opened\n"
        "audit = opened(sys.argv[1]).audit\n"
        "for n in range(20): audit.append(incident_id='i', kind='k', actor='a', body={'n': n})"
    )
    root = Path(__file__).parents[3]
    running = [subprocess.Popen([sys.executable, "-c", program, url], cwd=root) for _ in range(2)]
    assert [process.wait(timeout=60) for process in running] == [0, 0]
    assert len(database.audit.records()) == 40
    assert database.audit.verify() is None


def test_a_record_of_a_transaction_that_failed_does_not_exist(database: Database) -> None:
    def fail() -> None:
        with database.alerts.exclusively():
            record(database, 1)
            raise LookupError

    with pytest.raises(LookupError):
        fail()
    record(database, 2)
    assert [one.sequence for one in database.audit.records()] == [1]
    assert database.audit.verify() is None


def bury(database: Database) -> None:
    database.audit.bury(incident_id="inc_1", kinds=["decision"], actor="ann", reason="a name was in it")


@pytest.mark.criterion(34)
def test_a_taken_out_body_leaves_the_chain_intact_and_a_tombstone_that_names_it(database: Database) -> None:
    for number in range(4):
        record(database, number)
    bury(database)
    assert database.audit.verify() is None
    chain = database.audit.records()
    assert [one.deleted for one in chain] == [False, True, False, True, False]
    assert (chain[-1].kind, chain[-1].actor) == ("investigation.deleted", "ann")
    assert "a name was in it" in chain[-1].body
    record(database, 5)
    bury(database)
    assert database.audit.verify() is None


@pytest.mark.criterion(34)
@pytest.mark.parametrize(
    "statement",
    [
        "DELETE FROM audit WHERE sequence = 5",
        "DELETE FROM audit WHERE sequence = 1",
        "UPDATE audit SET body = '{}' WHERE sequence = 1",
        "UPDATE audit SET actor = 'bob' WHERE sequence = 5",
        """UPDATE audit SET body = '["deleted"]' WHERE sequence = 5""",
        """UPDATE audit SET body = '["deleted"]', actor = 'bob' WHERE sequence = 1""",
    ],
)
def test_the_database_itself_refuses_to_change_a_record_or_a_tombstone(
    database: Database, statement: str
) -> None:
    for number in range(4):
        record(database, number)
    bury(database)
    before = database.audit.records()
    with (
        pytest.raises(sqlalchemy.exc.DBAPIError, match="the audit chain only grows"),
        database._connections.engine.begin() as connection,  # noqa: SLF001  this is the attacker, not a caller
    ):
        connection.execute(sqlalchemy.text(statement))
    assert database.audit.records() == before


@pytest.mark.criterion(33)
@pytest.mark.criterion(34)
@pytest.mark.parametrize("column", ["id", "incident_id", "recorded_at", "actor", "kind", "hash", "body"])
def test_a_change_of_what_is_left_of_a_record_is_named(database: Database, column: str) -> None:
    for number in range(4):
        record(database, number)
    bury(database)
    value = getattr(database.audit.records()[1], column)
    text = value if isinstance(value, str) else value.isoformat()
    change(database, 2, column, f"{text[:-1]}_")
    assert "record 2 " in str(database.audit.verify())


@pytest.mark.criterion(34)
def test_a_body_that_is_taken_out_without_a_tombstone_is_named(database: Database) -> None:
    for number in range(3):
        record(database, number)
    change(database, 2, "body", '["deleted"]')
    assert "record 2 " in str(database.audit.verify())
    assert "without a word" in str(database.audit.verify())
