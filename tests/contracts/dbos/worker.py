"""A worker to kill: its steps write one line each into a file, which is the world that they change.

Arguments: database URL, file, crash label (or -), subject. Ends when the run did.
"""

from __future__ import annotations

import os
import signal
import sys
import time
from pathlib import Path

from autoheal.domain.errors import UnreachableError
from autoheal.integrations.dbos.runs import DbosRuns
from autoheal.ports.runs import Run

URL, FILE, LABEL, SUBJECT = sys.argv[1:]


def note(line: str) -> str:
    """Change the world."""
    with Path(FILE).open("a") as world:
        world.write(line + "\n")
    return line


def first(subject: str) -> str:
    """A step."""
    return note(f"first {subject}")


def second(subject: str) -> str:
    """The next step."""
    return note(f"second {subject}")


def fails(subject: str) -> str:
    """A step that the world refuses twice."""
    note(f"tried {subject}")
    if Path(FILE).read_text().count("tried") < 3:
        raise UnreachableError("not yet")
    return "done"


def breaks(subject: str) -> str:
    """A step with a mistake of ours."""
    note(f"broke {subject}")
    raise LookupError(subject)


async def heal(run: Run, subject: str) -> None:
    """Two steps around a wait."""
    await run.step(first, subject)
    heard = await run.wait("yes", seconds=60)
    await run.step(second, f"{subject} heard {heard}")


async def learn(run: Run, subject: str) -> None:
    """Steps that fail, and a wait for nothing."""
    await run.step(fails, subject)
    heard = await run.wait("nothing", seconds=0.2)
    await run.sleep(0.05)
    await run.step(first, f"{subject} heard {heard}")
    await run.step(breaks, subject)


def crash(reached: str) -> None:
    """Die at the label."""
    if reached == LABEL:
        os.kill(os.getpid(), signal.SIGKILL)


def main() -> None:
    """Start the run, or go on with it."""
    runs = DbosRuns(URL, executor="worker-1", crash=crash)
    runs.launch({"heal": heal, "learn": learn})
    workflow = "learn" if SUBJECT.startswith("lesson") else "heal"
    runs.start(workflow, SUBJECT)
    runs.start(workflow, SUBJECT)
    while f"{workflow}-{SUBJECT}" in runs.unfinished():
        time.sleep(0.05)
    dead = runs.dead()
    runs.shutdown()
    sys.stdout.write(f"dead {dead}\n")


if __name__ == "__main__":
    main()
