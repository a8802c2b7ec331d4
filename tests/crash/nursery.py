"""Bears workers: imports Autoheal once, then forks one `autoheal` process for each line it reads.

A line is {"arguments": [...], "environment": {...}, "folder": path}; the answer is the process id. A line
{"ask": pid} is answered by its exit status (minus the signal that killed it), or null while it runs.
"""

from __future__ import annotations

import gc
import json
import os
import signal
import sys

import httpcore  # noqa: F401  what its first question needs

import autoheal.surfaces.cli.serve  # noqa: F401  what `autoheal serve` needs, loaded before the first birth
from autoheal.surfaces.cli import main


def born(order: dict[str, object]) -> None:
    """Become the process; never returns."""
    code = 70
    try:
        folder, arguments, environment = order["folder"], order["arguments"], order["environment"]
        assert isinstance(folder, str)
        assert isinstance(arguments, list)
        assert isinstance(environment, dict)
        os.setsid()
        os.chdir(folder)
        os.environ.update(environment)  # noqa: TID251  what exec would have given it
        log = os.open("serve.log", os.O_WRONLY | os.O_CREAT | os.O_APPEND)
        nothing = os.open(os.devnull, os.O_RDONLY)
        for stream, file in ((nothing, 0), (log, 1), (log, 2)):
            os.dup2(stream, file)
        sys.argv = ["autoheal", *arguments]
        main.main()
        code = 0
    except SystemExit as end:
        code = end.code if isinstance(end.code, int) else 0
    finally:
        os._exit(code)


def status(pid: int, alive: set[int]) -> int | None:
    """How it ended, if it did."""
    ended, how = os.waitpid(pid, os.WNOHANG)
    alive -= {ended}
    return os.waitstatus_to_exitcode(how) if ended else None


def tend() -> None:
    """Bear and ask until nobody orders any more; nobody stays behind."""
    alive: set[int] = set()
    for order in map(json.loads, sys.stdin):
        answer = status(order["ask"], alive) if "ask" in order else os.fork()
        if answer == 0 and "ask" not in order:
            born(order)
        if answer is not None and "ask" not in order:
            alive.add(answer)
        sys.stdout.write(f"{json.dumps(answer)}\n")
        sys.stdout.flush()
    for pid in alive:
        os.kill(pid, signal.SIGKILL)


if __name__ == "__main__":
    gc.freeze()  # what was loaded stays shared: a child that looked it through would copy it
    tend()
