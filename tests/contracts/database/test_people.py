"""Who may come in, on SQLite, on PostgreSQL and in memory; the last admin stays, also in a race."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from functools import partial
from threading import Barrier

import pytest
import sqlalchemy
from tests.contracts.database.words import NOON, at_once, opened

from autoheal.domain.errors import AutohealError, RefusedError
from autoheal.domain.person import Person, Role, Session
from autoheal.integrations.database.database import Database
from autoheal.integrations.machine import SystemClock, new_secret
from autoheal.integrations.memory.people import MemoryPeople
from autoheal.policy.people import People
from autoheal.policy.settings import AccessSettings
from autoheal.ports.people import PeopleStore

ANN = Person(name="ann", role=Role.ADMIN, added_by="root", added_at=NOON)
BOB = Person(name="bob", role=Role.VIEWER, added_by="ann", added_at=NOON)
BROWSER = Session(digest="5" * 64, name="ann", begun_at=NOON, seen_at=NOON)


@pytest.fixture(params=["memory", "database"])
def store(request: pytest.FixtureRequest, database: Database) -> PeopleStore:
    """A store with two people in it."""
    made = MemoryPeople() if request.param == "memory" else database.people
    made.save(BOB)
    made.save(ANN)
    return made


def people(database: Database) -> People:
    """The use cases around one open database."""
    return People(
        store=database.people,
        audit=database.audit,
        clock=SystemClock(),
        whole=database.alerts.exclusively,
        mint=new_secret,
        settings=AccessSettings(),
    )


def test_people_come_back_as_they_were_saved_by_name(store: PeopleStore) -> None:
    assert store.list() == [ANN, BOB]
    removed = replace(BOB, removed_at=NOON)
    store.save(removed)
    assert store.list() == [ANN, removed]


def test_a_token_belongs_to_one_person_until_it_is_withdrawn(store: PeopleStore) -> None:
    store.give("ann", "a" * 64)
    store.give("bob", "b" * 64)
    assert [store.holder(digest * 64) for digest in "abc"] == [ANN, BOB, None]
    store.give("ann", "c" * 64)
    store.give("bob", None)
    assert [store.holder(digest * 64) for digest in "abc"] == [None, None, ANN]


def test_saving_somebody_again_leaves_them_their_token(store: PeopleStore) -> None:
    store.give("bob", "b" * 64)
    promoted = replace(BOB, role=Role.ADMIN)
    store.save(promoted)
    assert store.holder("b" * 64) == promoted


def test_a_session_ends_when_it_is_ended_and_when_the_token_changes(store: PeopleStore) -> None:
    for digest in "56":
        store.begin(replace(BROWSER, digest=digest * 64))
    store.begin(replace(BROWSER, digest="7" * 64, name="bob"))
    store.end("5" * 64)
    assert store.session("5" * 64) is None
    assert store.session("6" * 64) is not None
    store.give("ann", "a" * 64)
    assert store.session("6" * 64) is None
    assert store.session("7" * 64) is not None


def test_the_use_of_a_session_is_noted_but_never_brings_an_ended_one_back(store: PeopleStore) -> None:
    store.begin(BROWSER)
    later = NOON + timedelta(minutes=7)
    store.seen(BROWSER.digest, later)
    assert store.session(BROWSER.digest) == replace(BROWSER, seen_at=later)
    store.end(BROWSER.digest)
    store.seen(BROWSER.digest, later)
    assert store.session(BROWSER.digest) is None


def test_nothing_stored_lets_anybody_in(database: Database) -> None:
    mine = people(database)
    token = mine.add("ann", role=Role.ADMIN, actor="root").token
    secret = mine.sign_in(token)
    assert secret is not None
    with database._connections.read() as connection:  # noqa: SLF001  whoever stole the database reads this
        names = sqlalchemy.inspect(connection).get_table_names()
        text = repr([connection.exec_driver_sql(f'SELECT * FROM "{name}"').all() for name in names])  # noqa: S608
    assert token not in text
    assert secret not in text


@contextmanager
def opened_twice(url: str) -> Iterator[tuple[People, People]]:
    """Two connections of their own, as two processes would have."""
    databases = (opened(url), opened(url))
    for database in databases:
        database.migrate()
    try:
        yield people(databases[0]), people(databases[1])
    finally:
        for database in databases:
            database.close()


Leave = Callable[[People, str], object]
LEAVE: dict[str, Leave] = {
    "demoted": lambda mine, name: mine.change(name, role=Role.VIEWER, actor="root"),
    "removed": lambda mine, name: mine.remove(name, actor="root"),
}


@pytest.mark.criterion(115)
@pytest.mark.parametrize("how", LEAVE)
def test_the_last_admin_can_be_neither_demoted_nor_removed(database: Database, how: str) -> None:
    mine = people(database)
    mine.add("ann", role=Role.ADMIN, actor="root")
    mine.add("bob", role=Role.RESPONDER, actor="ann")
    with pytest.raises(RefusedError, match="last admin"):
        LEAVE[how](mine, "ann")
    assert [(one.name, one.role) for one in mine.enrolled()] == [
        ("ann", Role.ADMIN),
        ("bob", Role.RESPONDER),
    ]
    kinds = [record.kind for record in database.audit.records()]
    assert kinds == ["person.added", "person.added"]


def refusal(start: Barrier, mine: People, how: Leave, name: str) -> AutohealError | None:
    """What comes of it once everybody is there."""
    start.wait(10)
    try:
        how(mine, name)
    except AutohealError as error:
        return error
    return None


def call(tries: Sequence[Callable[[], AutohealError | None]], number: int) -> AutohealError | None:
    return tries[number]()


@pytest.mark.criterion(115)
@pytest.mark.parametrize("pair", [("demoted", "demoted"), ("removed", "removed"), ("demoted", "removed")])
def test_two_admins_who_remove_each_other_at_once_leave_one(url: str, pair: tuple[str, str]) -> None:
    """Two connections to one database, let go in the same moment, ten times over."""
    with opened_twice(url) as (one, other):
        for _ in range(10):
            for name in ("ann", "bob"):
                if name not in {person.name for person in one.enrolled()}:
                    one.add(name, role=Role.ADMIN, actor="root")
                one.change(name, role=Role.ADMIN, actor="root")
            start = Barrier(2)
            acts = ((one, LEAVE[pair[0]], "ann"), (other, LEAVE[pair[1]], "bob"))
            tries = [partial(refusal, start, *act) for act in acts]
            refused = list(filter(None, at_once(partial(call, tries), 2)))
            assert [type(error) for error in refused] == [RefusedError]
            assert sum(person.role is Role.ADMIN for person in one.enrolled()) == 1
        assert one.audit.verify() is None


def test_a_database_of_before_there_were_people_gets_room_for_them(database: Database) -> None:
    with database._connections.write() as connection:  # noqa: SLF001  as an older program left it
        for name in ("session", "person"):
            connection.exec_driver_sql(f"DROP TABLE {name}")
        connection.exec_driver_sql("UPDATE alembic_version SET version_num = '0007'")
    database.migrate()
    assert database.version() == database.newest()
    people(database).add("ann", role=Role.ADMIN, actor="root")
    assert [one.name for one in database.people.list()] == ["ann"]
