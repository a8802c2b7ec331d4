"""All processes of the rig under supervisord: written down once, started, stopped and asked over XML-RPC."""

from __future__ import annotations

import contextlib
import getpass
import hashlib
import os
import pwd
import signal
import subprocess
import sys
import tempfile
import time
import xmlrpc.client
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import cast

from supervisor.xmlrpc import SupervisorTransport

from autoheal.domain.errors import NotFoundError, UnreachableError

MARK = "AUTOHEAL_RIG"
"""Environment variable that every process of a rig carries: the rig's home folder."""

_GONE_SECONDS = 5.0
_RUNNING = 20
_STARTING = 10
_LONGEST_SOCKET_PATH = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class Program:
    """One process: its command, when it is restarted, and as whom it runs."""

    name: str
    command: Sequence[str]
    start: bool = True
    user: str | None = None
    environment: Mapping[str, str] | None = None
    stop_signal: str = "TERM"


def unprivileged() -> str | None:
    """An account that PostgreSQL may run as when we are root; None when we are not."""
    if os.geteuid() != 0:
        return None
    for name in ("postgres", "nobody"):
        with contextlib.suppress(KeyError):
            return pwd.getpwnam(name).pw_name
    return None


def write(home: Path, programs: Sequence[Program]) -> Path:
    """Write supervisord.conf; returns its path."""
    logs = home / "logs"
    logs.mkdir(parents=True, exist_ok=True)
    head = [
        "[supervisord]",
        f"logfile={logs / 'supervisord.log'}",
        f"pidfile={home / 'supervisord.pid'}",
        f"childlogdir={logs}",
        "nodaemon=false",
        "silent=true",
        f"user={getpass.getuser()}",
        "[unix_http_server]",
        f"file={_socket(home)}",
        "chmod=0700",
        "[rpcinterface:supervisor]",
        "supervisor.rpcinterface_factory=supervisor.rpcinterface:make_main_rpcinterface",
    ]
    path = home / "supervisord.conf"
    sections = (line for program in programs for line in _section(program, logs))
    path.write_text("\n".join([*head, *sections]) + "\n", encoding="utf-8")
    return path


def _section(program: Program, logs: Path) -> Iterator[str]:
    environment = {"PYTHONUNBUFFERED": "1", **(program.environment or {})}
    given = ",".join(f'{key}="{value}"' for key, value in environment.items())
    yield f"[program:{program.name}]"
    yield "command=" + " ".join(part.replace("%", "%%") for part in program.command)
    yield f"autostart={'true' if program.start else 'false'}"
    yield "autorestart=true"
    yield "startsecs=0"
    yield "startretries=1000000"
    yield f"stopsignal={program.stop_signal}"
    yield "stopwaitsecs=4"
    yield "stopasgroup=true"
    yield "killasgroup=true"
    yield f"environment={given}"
    yield f"stdout_logfile={logs / (program.name + '.log')}"
    yield "stdout_logfile_maxbytes=2MB"
    yield "stdout_logfile_backups=1"
    yield "redirect_stderr=true"
    if program.user:
        yield f"user={program.user}"


class Supervisor:
    """The running supervisord of a home folder."""

    def __init__(self, home: Path) -> None:
        self._home = home

    def start(self) -> None:
        """Start it with everything that starts by itself."""
        command = [sys.executable, "-m", "supervisor.supervisord", "-c", str(self._home / "supervisord.conf")]
        environment = {**os.environ, MARK: str(self._home)}
        done = subprocess.run(command, capture_output=True, check=False, env=environment)
        if done.returncode:
            said = (done.stderr or done.stdout).decode(errors="replace").strip().splitlines()
            raise UnreachableError(f"supervisord does not start: {said[-1] if said else 'no word'}")

    def running(self) -> bool:
        """Whether it answers."""
        try:
            self._call("getState")
        except UnreachableError:
            return False
        return True

    def processes(self) -> dict[str, int]:
        """Process id of each running program."""
        found = cast("list[dict[str, object]]", self._call("getAllProcessInfo"))
        alive = (p for p in found if p["state"] in (_RUNNING, _STARTING) and p["pid"])
        return {str(p["name"]): int(cast("int", p["pid"])) for p in alive}

    def start_program(self, name: str) -> None:
        """Start one program, unless it runs."""
        with contextlib.suppress(NotFoundError):
            self._call("startProcess", name)

    def stop_program(self, name: str) -> None:
        """Stop one program, unless it is stopped."""
        with contextlib.suppress(NotFoundError):
            self._call("stopProcess", name)

    def restart_program(self, name: str) -> None:
        """Stop and start one program."""
        self.stop_program(name)
        self.start_program(name)

    def shut_down(self, *, seconds: float = 12) -> None:
        """Stop everything and supervisord itself; kills what does not listen or lost its supervisor."""
        pid = self._pid()
        with contextlib.suppress(UnreachableError, NotFoundError):
            self._call("shutdown")
        until = time.monotonic() + seconds
        while pid is not None and _alive(pid) and time.monotonic() < until:
            time.sleep(0.1)
        self._end_strays(until=time.monotonic() + _GONE_SECONDS)

    def _end_strays(self, *, until: float) -> None:
        """Kill what is left, and wait until it is gone: who comes next may need its ports and files."""
        while (left := strays(self._home)) and time.monotonic() < until:
            for stray in left:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(stray, signal.SIGKILL)
            time.sleep(0.05)

    def _pid(self) -> int | None:
        try:
            return int((self._home / "supervisord.pid").read_text())
        except (FileNotFoundError, ValueError):
            return None

    def _call(self, method: str, *arguments: str) -> object:
        transport = SupervisorTransport(None, None, f"unix://{_socket(self._home)}")
        server = xmlrpc.client.ServerProxy("http://127.0.0.1", transport=transport)
        try:
            return getattr(server.supervisor, method)(*arguments)
        except xmlrpc.client.Fault as fault:
            raise NotFoundError(f"supervisord: {fault.faultString}") from None
        except (OSError, xmlrpc.client.ProtocolError) as error:
            raise UnreachableError(f"supervisord does not answer: {error}") from None
        finally:
            transport.close()


def _socket(home: Path) -> Path:
    # A unix socket's path may have at most 107 bytes, so a deep home folder gets one elsewhere.
    direct = home / "supervisor.sock"
    if len(str(direct)) < _LONGEST_SOCKET_PATH:
        return direct
    digest = hashlib.sha256(str(home).encode()).hexdigest()[:16]
    return Path(tempfile.gettempdir()) / f"autoheal-{os.geteuid()}-{digest}.sock"


def strays(home: Path) -> list[int]:
    """Processes that carry the mark of the rig in this folder, whoever their parent is now."""
    mark = f"{MARK}={home}".encode()
    return [
        int(path.parent.name) for path in Path("/proc").glob("[0-9]*/environ") if mark in _environment(path)
    ]


def _environment(path: Path) -> list[bytes]:
    try:
        return path.read_bytes().split(b"\0")
    except OSError:
        return []


def _alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
