"""A throwaway PostgreSQL server on a Unix socket, from the Debian package."""

from __future__ import annotations

import os
import pwd
import shutil
import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

# Nothing of this survives the test run, so nothing needs to reach the disk.
_FAST = "-c fsync=off -c synchronous_commit=off -c full_page_writes=off -c max_connections=60"
_EMPTY = "DROP SCHEMA IF EXISTS dbos CASCADE; DROP SCHEMA public CASCADE; CREATE SCHEMA public"


@dataclass(frozen=True, slots=True)
class Server:
    """A running server with one database."""

    folder: Path
    programs: Path

    def empty_database(self) -> str:
        """The URL of the database after everything in it was dropped."""
        program = str(self.programs / "psql")
        _run([program, "-qX", "-h", str(self.folder), "-U", "postgres", "-c", _EMPTY])
        return f"postgresql://postgres@/postgres?host={self.folder}"


@contextmanager
def running_server() -> Iterator[Server]:
    """Start a server and stop it at the end; fails with one line where PostgreSQL is not installed."""
    programs = _programs()
    folder = Path(tempfile.mkdtemp(prefix="autoheal-pg-"))
    if os.geteuid() == 0:
        shutil.chown(folder, _unprivileged())
    data = str(folder / "data")
    _run([str(programs / "initdb"), "-D", data, "-U", "postgres", "-A", "trust", "-E", "UTF8", "--no-sync"])
    control = [str(programs / "pg_ctl"), "-D", data, "-w"]
    options = f"-c listen_addresses='' -c unix_socket_directories='{folder}' {_FAST}"
    _run([*control, "-l", str(folder / "log"), "-o", options, "start"])
    try:
        yield Server(folder, programs)
    finally:
        _run([*control, "-m", "immediate", "stop"])
        shutil.rmtree(folder, ignore_errors=True)


def _programs() -> Path:
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
    on_path = shutil.which("initdb")
    if found:
        return found[-1].parent
    if on_path:
        return Path(on_path).parent
    pytest.fail("PostgreSQL is not installed: `apt-get install postgresql` brings it", pytrace=False)


def _unprivileged() -> str:
    """PostgreSQL refuses to run as root."""
    names = {user.pw_name for user in pwd.getpwall()}
    return "postgres" if "postgres" in names else "nobody"


def _run(command: Sequence[str]) -> None:
    user = _unprivileged() if os.geteuid() == 0 else None
    group = pwd.getpwnam(user).pw_gid if user else None
    ran = subprocess.run(
        command,
        user=user,
        group=group,
        cwd="/",
        stdin=subprocess.DEVNULL,
        # Not a pipe: the server inherits it from pg_ctl and would keep it open.
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        check=False,
        timeout=60,
    )
    if ran.returncode:
        pytest.fail(f"{Path(command[0]).name} failed with exit code {ran.returncode}", pytrace=False)
