"""Lasting trouble, one process for each: `python -m … helper HOME KIND STEP`; ends on SIGTERM."""

from __future__ import annotations

import contextlib
import json
import multiprocessing
import os
import signal
import sys
import time
import urllib.request
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import FrameType

import psycopg

from autoheal.domain.errors import AutohealError
from autoheal.sandbox.fault import Alert, Burn, Connections, Kill, Sql, Throttle
from autoheal.sandbox.layout import DATABASE, Layout, load
from autoheal.sandbox.supervisor import Supervisor

READY = "ready"
"""What a helper says once the trouble is there; anything else is why it is not."""

_SLICE_SECONDS = 0.5


class EndedError(Exception):
    """We were asked to end."""


def _ended(_: int, __: FrameType | None) -> None:
    raise EndedError


def ready() -> None:
    """Tell who started us, who then goes on without us."""
    with contextlib.suppress(BrokenPipeError):
        print(READY, flush=True)  # noqa: T201  our one word to the process that waits for it


def pid_of(layout: Layout, service: str) -> int | None:
    """The process of a service's first replica, or of the database."""
    name = service if service == DATABASE else f"{service}-0"
    try:
        return Supervisor(layout.home).processes().get(name)
    except AutohealError:
        return None


def kill(layout: Layout, step: Kill) -> None:
    """Send the signal, once or again and again."""
    while True:
        pid = pid_of(layout, step.service)
        if pid is not None:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.Signals[f"SIG{step.signal}"])
        ready()
        if step.every_seconds is None:
            return
        time.sleep(step.every_seconds)


def throttle(layout: Layout, step: Throttle) -> None:
    """Let the process run only part of each slice; a process that took its place is left alone."""
    pid = pid_of(layout, step.service)
    stopped = _SLICE_SECONDS * step.share_stopped
    ready()
    try:
        while pid is not None:
            os.kill(pid, signal.SIGSTOP)
            time.sleep(stopped)
            os.kill(pid, signal.SIGCONT)
            time.sleep(_SLICE_SECONDS - stopped)
    except ProcessLookupError:
        if step.follow:
            time.sleep(1)
            throttle(layout, step)
    finally:
        if pid is not None:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGCONT)


def burn(_: Layout, step: Burn) -> None:
    """Keep processors busy."""
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    for _number in range(step.processes - 1):
        multiprocessing.Process(target=_spin, daemon=True).start()
    signal.signal(signal.SIGTERM, _ended)
    ready()
    _spin()


def _spin() -> None:
    while True:
        sum(range(100_000))


def hold(layout: Layout, step: Sql) -> None:
    """Keep a transaction with these statements open, until the database ends it."""
    with psycopg.connect(layout.database_url) as connection:
        for statement in step.statements:
            connection.execute(statement.encode())
        ready()
        with contextlib.suppress(psycopg.Error):
            while True:
                time.sleep(1)
                connection.execute("SELECT 1")


def connections(layout: Layout, step: Connections) -> None:
    """Hold connections and do nothing with them."""
    held = [psycopg.connect(layout.database_url) for _ in range(step.count)]
    ready()
    while held:
        time.sleep(1)


def alert(layout: Layout, step: Alert) -> None:
    """Post the alert again and again, as a monitoring system does while it believes in it."""
    started = datetime.now(UTC)
    while True:
        body = {
            "labels": {"alertname": step.name, **step.labels},
            "annotations": {**step.annotations},
            "startsAt": started.isoformat(),
            "endsAt": (datetime.now(UTC) + timedelta(seconds=15)).isoformat(),
        }
        request = urllib.request.Request(
            layout.url("alertmanager") + "/api/v2/alerts",
            json.dumps([body]).encode(),
            {"Content-Type": "application/json"},
        )
        with contextlib.suppress(OSError):
            urllib.request.urlopen(request, timeout=5).read()
        ready()
        time.sleep(5)


def main(home: Path, kind: str, step: str) -> None:
    """Do one kind of trouble until asked to end."""
    signal.signal(signal.SIGTERM, _ended)
    layout = load(home)
    doers: dict[str, Callable[[], None]] = {
        "kill": lambda: kill(layout, Kill.model_validate_json(step)),
        "throttle": lambda: throttle(layout, Throttle.model_validate_json(step)),
        "burn": lambda: burn(layout, Burn.model_validate_json(step)),
        "hold": lambda: hold(layout, Sql.model_validate_json(step)),
        "connections": lambda: connections(layout, Connections.model_validate_json(step)),
        "alert": lambda: alert(layout, Alert.model_validate_json(step)),
    }
    # Nobody reads any more once we are ready, and writing to nobody must not end us.
    signal.signal(signal.SIGPIPE, signal.SIG_IGN)
    try:
        doers[kind]()
    except EndedError:
        pass
    except (psycopg.Error, OSError) as error:
        print(" ".join(str(error).split()), flush=True)  # noqa: T201  to the process that waits for it


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2], sys.argv[3])
