"""The shop's real database: a throw-away PostgreSQL cluster, its tables, and its metrics."""

from __future__ import annotations

import contextlib
import grp
import os
import pwd
import runpy
import shutil
import subprocess
import sys
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import psycopg
from prometheus_client import CollectorRegistry, Gauge, generate_latest

from autoheal.domain.errors import UnreachableError
from autoheal.sandbox.layout import Layout, load
from autoheal.sandbox.supervisor import unprivileged

_START_SECONDS = 15.0


def binary(name: str) -> str | None:
    """A PostgreSQL program: Debian keeps them outside of PATH."""
    versions = sorted(Path("/usr/lib/postgresql").glob(f"*/bin/{name}"))
    return str(versions[-1]) if versions else shutil.which(name)


def create(layout: Layout) -> None:
    """Make the cluster; as an unprivileged user when we are root, which PostgreSQL refuses."""
    data = layout.home / "postgres"
    data.mkdir(parents=True)
    user = unprivileged()
    initdb = [str(binary("initdb")), "-D", str(data), "-U", "shop", "-A", "trust", "-E", "UTF8", "--no-sync"]
    if user:
        shutil.chown(data, user)
        for folder in (layout.home, *layout.home.parents):
            # Others need to pass through, not to read.
            with contextlib.suppress(PermissionError):
                folder.chmod(folder.stat().st_mode | 0o011)
        initdb = ["setpriv", f"--reuid={user}", f"--regid={_group(user)}", "--clear-groups", *initdb]
    done = subprocess.run(initdb, capture_output=True, check=False, cwd="/")
    if done.returncode:
        said = done.stderr.decode(errors="replace").strip().splitlines()
        raise UnreachableError(f"PostgreSQL cannot be set up: {said[-1] if said else 'initdb failed'}")


def _group(user: str) -> str:
    return grp.getgrgid(pwd.getpwnam(user).pw_gid).gr_name


def command(layout: Layout) -> list[str]:
    """How the server is started; durability is off, since the rig's data is worth nothing."""
    data = layout.home / "postgres"
    settings = {
        "listen_addresses": "127.0.0.1",
        "unix_socket_directories": str(data),
        "fsync": "off",
        "synchronous_commit": "off",
        "full_page_writes": "off",
        "max_connections": "60",
        "shared_buffers": "32MB",
        "track_activity_query_size": "256",
    }
    given = [part for key, value in settings.items() for part in ("-c", f"{key}={value}")]
    return [str(binary("postgres")), "-D", str(data), "-p", str(layout.ports["database"]), *given]


def fill(layout: Layout, release: Path) -> None:
    """Create the shop's database with its tables and first rows."""
    base = layout.database_url.rpartition("/")[0]
    _await(f"{base}/postgres")
    with psycopg.connect(f"{base}/postgres", autocommit=True) as connection:
        connection.execute("CREATE DATABASE shop")
    tables = runpy.run_path(str(release / "shop" / "tables.py"))
    with psycopg.connect(layout.database_url) as connection:
        for statement in tables["CREATE"]:
            connection.execute(statement)
        for sql, rows in tables["ROWS"]:
            connection.cursor().executemany(sql, rows)
    with psycopg.connect(layout.database_url, autocommit=True) as connection:
        connection.execute("ANALYZE")


def _await(url: str) -> None:
    until = time.monotonic() + _START_SECONDS
    while True:
        try:
            psycopg.connect(url, connect_timeout=1).close()
        except psycopg.OperationalError as error:
            if time.monotonic() > until:
                raise UnreachableError(f"PostgreSQL does not start: {error}") from None
            time.sleep(0.1)
        else:
            return


# ---------------------------------------------------------------- its metrics

_GAUGES = {
    "pg_connections": "SELECT count(*) FROM pg_stat_activity WHERE datname = 'shop'",
    "pg_connections_active": "SELECT count(*) FROM pg_stat_activity WHERE datname='shop' AND state='active'",
    "pg_connections_idle_in_transaction": "SELECT count(*) FROM pg_stat_activity WHERE datname = 'shop'"
    " AND state = 'idle in transaction'",
    "pg_locks_waiting": "SELECT count(*) FROM pg_locks WHERE NOT granted",
    "pg_longest_transaction_seconds": "SELECT coalesce(max(extract(epoch FROM now() - xact_start)), 0)"
    " FROM pg_stat_activity WHERE datname = 'shop' AND pid != pg_backend_pid()",
    "pg_commits_total": "SELECT xact_commit FROM pg_stat_database WHERE datname = 'shop'",
    "pg_rollbacks_total": "SELECT xact_rollback FROM pg_stat_database WHERE datname = 'shop'",
    "pg_sequential_rows_read_total": "SELECT coalesce(sum(seq_tup_read), 0) FROM pg_stat_user_tables",
    "pg_index_rows_read_total": "SELECT coalesce(sum(idx_tup_fetch), 0) FROM pg_stat_user_tables",
    "pg_deadlocks_total": "SELECT deadlocks FROM pg_stat_database WHERE datname = 'shop'",
}


def measured(url: str) -> bytes:
    """The database's metrics in Prometheus' text format; raises psycopg.Error when it does not answer."""
    registry = CollectorRegistry()
    with psycopg.connect(url, autocommit=True, connect_timeout=2, options="-c statement_timeout=1500") as db:
        for name, sql in _GAUGES.items():
            row = db.execute(sql.encode()).fetchone()
            Gauge(name, name, registry=registry).set(float(row[0] or 0) if row else 0.0)
    return generate_latest(registry)


class _Handler(BaseHTTPRequestHandler):
    url = ""

    def do_GET(self) -> None:
        """Metrics, or 503 while the database does not answer: then the scrape fails and `up` is 0."""
        try:
            status, body = 200, measured(self.url)
        except psycopg.Error as error:
            status, body = 503, str(error).encode()
        self.send_response(status)
        self.send_header("Content-Type", "text/plain; version=0.0.4")
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002  the standard library's name
        """Say nothing."""


def export(home: Path) -> None:
    """Serve the database's metrics."""
    layout = load(home)
    _Handler.url = layout.database_url
    ThreadingHTTPServer(("127.0.0.1", layout.ports["exporter"]), _Handler).serve_forever()


if __name__ == "__main__":
    os.chdir("/")
    export(Path(sys.argv[1]))
