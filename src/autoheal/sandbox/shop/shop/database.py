"""A bounded pool of database connections; a full pool is waited for, then given up on."""

import os
import threading
import time
from contextlib import contextmanager

from prometheus_client import Counter, Gauge, Histogram

from shop.server import BUCKETS, Problem

IN_USE = Gauge("db_pool_in_use", "Connections handed out")
SIZE = Gauge("db_pool_size", "Connections at the most")
QUERY = Histogram("db_query_duration_seconds", "Time of one query", buckets=BUCKETS)
TIMEOUTS = Counter("db_pool_timeouts", "Times that no connection was free in time")


class Pool:
    """Connections to the shop's database."""

    def __init__(self, app):
        self._app = app
        self._url = os.environ.get("SHOP_DATABASE", "")
        self._size = app.config.get("pool_size", 8)
        self._free = threading.Semaphore(self._size)
        self._idle = []
        self._lock = threading.Lock()
        SIZE.set(self._size)

    @contextmanager
    def connection(self):
        """A connection for a while; raises Problem 503 when none is free in time."""
        wait = self._app.config.get("pool_timeout_seconds", 1.0)
        if not self._free.acquire(timeout=wait):
            TIMEOUTS.inc()
            raise Problem(503, f"no database connection free after {wait} s, pool size {self._size}")
        IN_USE.inc()
        connection = None
        try:
            connection = self._take()
            yield connection
            self._keep(connection)
        except Exception:
            if connection is not None:
                connection.close()
            raise
        finally:
            IN_USE.dec()
            self._free.release()

    def query(self, sql, parameters=()):
        """The rows of one statement, each statement its own transaction."""
        with self._app.span("query shop-db", "client", **{"db.system": "postgresql", "peer.service": "shop-db"}):
            with self.connection() as connection:
                began = time.perf_counter()
                try:
                    cursor = connection.execute(sql, parameters)
                    return cursor.fetchall() if cursor.description else []
                finally:
                    QUERY.observe(time.perf_counter() - began)

    def _take(self):
        with self._lock:
            if self._idle:
                return self._idle.pop()
        if self._url.startswith("sqlite:"):
            from shop.scratch import connect
        else:
            from shop.postgres import connect
        return connect(self._url, self._app.config.get("statement_timeout_seconds", 5.0))

    def _keep(self, connection):
        with self._lock:
            self._idle.append(connection)
