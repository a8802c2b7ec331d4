"""Transactions on either database: reads that never block, writes that are on disk before they return."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from sqlalchemy import URL, Connection, Engine, create_engine, event, make_url, text
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.exc import ArgumentError, DBAPIError, DisconnectionError, NoSuchModuleError
from sqlalchemy.exc import TimeoutError as NoConnectionLeft
from sqlalchemy.pool import ConnectionPoolEntry

from autoheal.domain.errors import AutohealError, ConfigError, OverloadedError, UnreachableError

_BUSY_MILLISECONDS = 30_000
_CACHE_KIB = 64 * 1024
_MAPPED_BYTES = 1 << 30
_ALERTS_LOCK = 0x6175746F  # "auto": one advisory lock for all writers of alerts on PostgreSQL
_POOL = {"pool_size": 5, "max_overflow": 15, "pool_timeout": 10}
_IDLE_SECONDS = 1.0
"""A connection that rested longer is asked whether it still lives: a server does not restart faster."""
_USED = "autoheal_used"
_TEMPORARY = ("locked", "full", "readonly", "read-only", "disk i/o", "too many connections", "no space")
_NOT_OURS = ("file is not a database", "malformed")
_WRONG = ("does not exist", "authentication failed")


class Connections:
    """Opens transactions; inside `exclusively` every store call of the same thread shares one."""

    def __init__(self, url: str) -> None:
        self.engine = _engine(url)
        self.sqlite = self.engine.dialect.name == "sqlite"
        # PostgreSQL shows each statement its own moment also inside a transaction: opening and closing one
        # for reading would be two more ways to the server and back.
        self._reading = self.engine if self.sqlite else _without_transactions(self.engine)
        self._local = threading.local()

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """A view of what is committed: on SQLite of one moment, on PostgreSQL of one moment a statement."""
        with self._transaction(writes=False) as connection:
            yield connection

    @contextmanager
    def write(self) -> Iterator[Connection]:
        """All or nothing; after it returns, power may fail."""
        with self._transaction(writes=True) as connection:
            yield connection

    @contextmanager
    def exclusively(self) -> Iterator[None]:
        """One transaction for this thread that no other exclusive one, in any process, interleaves with."""
        if getattr(self._local, "connection", None) is not None:
            yield
            return
        with self._transaction(writes=True) as connection:
            if not self.sqlite:
                connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _ALERTS_LOCK})
            self._local.connection = connection
            try:
                yield
            finally:
                self._local.connection = None

    @contextmanager
    def _transaction(self, *, writes: bool) -> Iterator[Connection]:
        shared = getattr(self._local, "connection", None)
        if shared is not None:
            yield shared
            return
        try:
            with (self.engine if writes else self._reading).connect() as connection:
                connection.execution_options(autoheal_writes=writes)
                with connection.begin():
                    yield connection
        except NoConnectionLeft as error:
            raise OverloadedError("the database cannot take it just now: all connections are busy") from error
        except DBAPIError as error:
            translated = _translated(error)
            if translated is None:
                raise
            raise translated from error

    def close(self) -> None:
        """Give back every connection."""
        self.engine.dispose()


def _engine(url: str) -> Engine:
    parsed = _parsed(url)
    backend = parsed.get_backend_name()
    if backend == "sqlite" and parsed.database:
        _make_folder(Path(parsed.database).parent)
    try:
        engine = create_engine(parsed, connect_args=_arguments(backend), **_POOL)
    except (ArgumentError, NoSuchModuleError, TypeError, ValueError) as error:
        raise ConfigError(f"database.url cannot be read: {error}") from None
    if backend == "sqlite":
        event.listen(engine, "connect", _prepare_sqlite)
        event.listen(engine, "begin", _begin_sqlite)
    else:
        event.listen(engine, "checkin", _remember_use)
        event.listen(engine, "checkout", _still_lives(engine))
    return engine


def _without_transactions(engine: Engine) -> Engine:
    return engine.execution_options(isolation_level="AUTOCOMMIT")


def _remember_use(_: DBAPIConnection | None, entry: ConnectionPoolEntry) -> None:
    entry.info[_USED] = time.monotonic()


def _still_lives(engine: Engine) -> Callable[[DBAPIConnection, ConnectionPoolEntry, object], None]:
    """Ask a connection that rested; the pool replaces one that does not answer."""

    def ask(connection: DBAPIConnection, entry: ConnectionPoolEntry, _: object) -> None:
        used = entry.info.get(_USED)
        if used is None or time.monotonic() - used < _IDLE_SECONDS:
            return
        try:
            engine.dialect.do_ping(connection)
        except engine.dialect.loaded_dbapi.Error as error:
            raise DisconnectionError from error

    return ask


def _parsed(url: str) -> URL:
    try:
        parsed = make_url(url)
        backend = parsed.get_backend_name()
    except (ArgumentError, ValueError) as error:
        raise ConfigError(f"database.url cannot be read: {error}") from None
    if backend not in ("sqlite", "postgresql"):
        raise ConfigError(f"database.url: {backend} is not supported; use sqlite or postgresql")
    if backend == "sqlite" and parsed.database in (None, "", ":memory:"):
        raise ConfigError("database.url: name a file, as in sqlite:///.autoheal/autoheal.db")
    if parsed.drivername == "postgresql":
        return parsed.set(drivername="postgresql+psycopg")
    return parsed


def _make_folder(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ConfigError(f"database.url: the folder {folder} cannot be made: {error.strerror}") from None


def _arguments(backend: str) -> dict[str, object]:
    if backend == "sqlite":
        return {"timeout": _BUSY_MILLISECONDS / 1000, "check_same_thread": False}
    return {"connect_timeout": 5}


def _prepare_sqlite(connection: DBAPIConnection, _: ConnectionPoolEntry) -> None:
    # The driver's own BEGIN comes too late and too weak: transactions are opened by _begin_sqlite.
    connection.isolation_level = None
    cursor = connection.cursor()
    cursor.execute(f"PRAGMA busy_timeout={_BUSY_MILLISECONDS}")
    cursor.execute("PRAGMA journal_mode=WAL")
    # FULL, not NORMAL: an acknowledged alert must survive power loss (measured: NORMAL acknowledges
    # before any fsync).
    cursor.execute("PRAGMA synchronous=FULL")
    cursor.execute("PRAGMA foreign_keys=ON")
    # The default of 2 MB makes every insert into the index of a large graph read pages from the file again.
    cursor.execute(f"PRAGMA cache_size=-{_CACHE_KIB}")
    cursor.execute(f"PRAGMA mmap_size={_MAPPED_BYTES}")
    cursor.execute("PRAGMA temp_store=MEMORY")
    cursor.close()


def _begin_sqlite(connection: Connection) -> None:
    writes = connection.get_execution_options().get("autoheal_writes")
    # IMMEDIATE takes the write lock at once: a transaction that reads first would otherwise fail to upgrade.
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")


def _translated(error: DBAPIError) -> AutohealError | None:
    """What the error means to a caller; None where it is a mistake of ours."""
    said = " ".join(str(error.orig).split())
    if any(word in said.lower() for word in _TEMPORARY):
        return OverloadedError(f"the database cannot take it just now: {said}")
    if any(word in said.lower() for word in _NOT_OURS):
        return ConfigError(f"database.url names no database of ours: {said}")
    if any(word in said.lower() for word in _WRONG):
        return ConfigError(f"database.url: {said}")
    if error.connection_invalidated or "connect" in said.lower() or "unable to open" in said.lower():
        return UnreachableError(f"the database does not answer: {said}")
    return None
