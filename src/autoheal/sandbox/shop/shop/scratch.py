"""An empty throw-away database in memory with the shop's tables, for tests of one service."""

import sqlite3

from shop.tables import CREATE, ROWS


class Scratch:
    """Speaks the few words of a PostgreSQL connection that services use."""

    def __init__(self):
        self._connection = sqlite3.connect(":memory:", check_same_thread=False, isolation_level=None)
        for statement in CREATE:
            self._connection.execute(statement.replace("BIGSERIAL PRIMARY KEY", "INTEGER PRIMARY KEY"))
        for sql, rows in ROWS:
            self._connection.executemany(sql.replace("%s", "?"), rows)

    def execute(self, sql, parameters=()):
        """One statement in PostgreSQL's spelling."""
        return self._connection.execute(sql.replace("%s", "?"), tuple(parameters))

    def close(self):
        """Nothing stays."""


_shared = Scratch()


def connect(_url, _timeout):
    """The one scratch database of this process."""
    return _shared
