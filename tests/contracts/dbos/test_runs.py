"""Durable runs on SQLite and PostgreSQL, with real processes that are killed hard."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from autoheal.domain.errors import UnreachableError
from autoheal.integrations.dbos.runs import DbosRuns

ROOT = Path(__file__).parents[3]
WORKER = Path(__file__).parent / "worker.py"


@dataclass(slots=True, kw_only=True)
class Stage:
    """Workers on one database, and the world that they change."""

    url: str
    world: Path
    started: list[subprocess.Popen[str]] = field(default_factory=list)

    def worker(self, *, crash: str = "-", subject: str = "inc_1") -> subprocess.Popen[str]:
        """A new process."""
        command = [sys.executable, str(WORKER), self.url, str(self.world), crash, subject]
        process = subprocess.Popen(command, cwd=ROOT, text=True, stdout=subprocess.PIPE)
        self.started.append(process)
        return process

    def lines(self) -> list[str]:
        """What was done to the world."""
        return self.world.read_text().splitlines() if self.world.exists() else []

    def until(self, line: str) -> None:
        """Wait for a line."""
        deadline = time.monotonic() + 60
        while line not in self.lines():
            assert time.monotonic() < deadline, f"{line!r} never came: {self.lines()}"
            time.sleep(0.05)

    def tell(self, *, once: str, message: str = "ann", subject: str = "inc_1") -> None:
        """Tell the run something from this other process, which executes nothing."""
        client = DbosRuns(self.url, executor="client")
        try:
            client.tell("heal", subject, "yes", message, once=once)
        finally:
            client.shutdown()


@pytest.fixture
def stage(url: str, tmp_path: Path) -> Iterator[Stage]:
    made = Stage(url=url, world=tmp_path / "world")
    yield made
    for process in made.started:
        process.kill()
        process.communicate()


def ended(process: subprocess.Popen[str]) -> tuple[int, str]:
    said, _ = process.communicate(timeout=60)
    return process.returncode, said


def test_a_run_goes_on_when_another_process_tells_it_and_starts_only_once(stage: Stage) -> None:
    worker = stage.worker()
    stage.until("first inc_1")
    stage.tell(once="a")
    assert ended(worker) == (0, "dead []\n")
    assert stage.lines() == ["first inc_1", "second inc_1 heard ann"]
    assert ended(stage.worker()) == (0, "dead []\n")
    assert len(stage.lines()) == 2


@pytest.mark.parametrize(
    ("label", "firsts"), [("heal.first.before", 1), ("heal.first.after", 2)], ids=["before", "after"]
)
def test_a_kill_repeats_only_a_step_whose_effect_was_not_yet_noted(
    stage: Stage, label: str, firsts: int
) -> None:
    assert ended(stage.worker(crash=label))[0] == -signal.SIGKILL
    again = stage.worker()
    stage.until("first inc_1")
    stage.tell(once="a")
    assert ended(again) == (0, "dead []\n")
    assert stage.lines() == ["first inc_1"] * firsts + ["second inc_1 heard ann"]


def test_a_kill_during_a_wait_repeats_nothing_and_the_message_is_heard_after_the_restart(
    stage: Stage,
) -> None:
    worker = stage.worker()
    stage.until("first inc_1")
    time.sleep(0.5)
    worker.kill()
    worker.wait()
    stage.tell(once="a")
    assert ended(stage.worker()) == (0, "dead []\n")
    assert stage.lines() == ["first inc_1", "second inc_1 heard ann"]


def test_the_first_of_two_messages_with_one_key_is_heard(stage: Stage) -> None:
    worker = stage.worker()
    stage.until("first inc_1")
    worker.kill()
    worker.wait()
    stage.tell(once="same", message="ann")
    stage.tell(once="same", message="bob")
    assert ended(stage.worker()) == (0, "dead []\n")
    assert stage.lines()[-1] == "second inc_1 heard ann"


def test_the_world_is_tried_again_but_a_mistake_of_ours_is_not(stage: Stage) -> None:
    code, said = ended(stage.worker(subject="lesson"))
    assert (code, said) == (0, "dead ['learn-lesson']\n")
    assert stage.lines() == ["tried lesson"] * 3 + ["first lesson heard None", "broke lesson"]


def test_nobody_is_told_where_there_is_no_run(stage: Stage) -> None:
    assert ended(stage.worker(crash="heal.first.before"))[0] == -signal.SIGKILL
    with pytest.raises(UnreachableError, match="inc_9"):
        stage.tell(once="a", subject="inc_9")


def test_a_process_without_a_worker_starts_nothing(url: str) -> None:
    with pytest.raises(UnreachableError, match="autoheal serve"):
        DbosRuns(url, executor="client").start("heal", "inc_1")
