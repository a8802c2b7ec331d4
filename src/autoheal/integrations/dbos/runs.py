"""Starts, steps, sleeps, waits and messages of durable runs.

A step is at-least-once: killed between its effect and its checkpoint, it runs again. The crash points
`<workflow>.<step>.before` and `.after` stand around each step, where `after` is exactly that dangerous gap.
"""

from __future__ import annotations

import asyncio
import logging
import sqlite3
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Any, TypeVar, cast

from dbos import (
    DBOS,
    DBOSClient,
    DBOSConfig,
    DBOSPortableJSONSerializer,
    SetWorkflowID,
    StepOptions,
)
from dbos import (
    error as dbos_error,
)
from sqlalchemy import make_url
from sqlalchemy.exc import SQLAlchemyError

from autoheal.domain.errors import UnreachableError, WorldError
from autoheal.ports.runs import Json, Workflow

T = TypeVar("T")
Crash = Callable[[str], None]
"""Called with the label of each crash point that is reached; in production it does nothing."""

# Counts every restart of the worker under an unfinished run, deploys too, and never starts anew: a run that
# waits for people for days would be buried by three deploys. What is buried is paged (`healing/take_over`).
_RECOVERY_ATTEMPTS = 20
_ATTEMPTS = 4
_MESSAGE_POLL_SECONDS = 0.25
# The default version is a hash of our sources: any edit would strand the incidents in flight.
_VERSION = "1"


class DbosRun:
    """One run as its workflow sees it."""

    def __init__(self, name: str, crash: Crash) -> None:
        self._name = name
        self._crash = crash

    async def step(self, do: Callable[..., T], *args: object) -> T:
        """Run a blocking function in a thread, checkpointed by its name."""
        label = f"{self._name}.{do.__name__}"

        def work() -> T:
            self._crash(f"{label}.before")
            result = do(*args)
            self._crash(f"{label}.after")
            return result

        async def act() -> T:
            # Not asyncio.to_thread: it hands the run's context on, and DBOS refuses to start the next run
            # from inside a step of this one.
            return await asyncio.get_running_loop().run_in_executor(None, work)

        options = StepOptions(
            name=do.__name__,
            retries_allowed=True,
            max_attempts=_ATTEMPTS,
            interval_seconds=0.5,
            backoff_rate=2.0,
            should_retry=lambda error: isinstance(error, WorldError),
        )
        return await DBOS.run_step_async(options, act)

    async def sleep(self, seconds: float) -> None:
        """Wait, across restarts."""
        if seconds > 0:
            await DBOS.sleep_async(seconds)

    async def wait(self, topic: str, *, seconds: float) -> Json:
        """Wait for a message."""
        return cast("Json", await DBOS.recv_async(topic, timeout_seconds=seconds))


class DbosRuns:
    """Runs on one database URL; launched it executes them, otherwise it only starts and tells."""

    def __init__(self, url: str, *, executor: str, crash: Crash = lambda _: None) -> None:
        self._url = _driver_url(url)
        self._executor = executor
        self._crash = crash
        self._registered: dict[str, Callable[..., Any]] = {}  # DBOS gives its wrapper no type
        self._launched = False
        self._client: DBOSClient | None = None

    def launch(self, workflows: Mapping[str, Workflow]) -> None:
        """Execute runs of these workflows from now on, those first that a crash interrupted."""
        _use_write_ahead_log(self._url)
        config = DBOSConfig(
            name="autoheal",
            system_database_url=self._url,
            application_version=_VERSION,
            executor_id=self._executor,
            serializer=DBOSPortableJSONSerializer(),
            log_level="ERROR",
            notification_listener_polling_interval_sec=_MESSAGE_POLL_SECONDS,
        )
        DBOS(config=config)
        for name, workflow in workflows.items():
            self._registered[name] = self._register(name, workflow)
        DBOS.launch()
        self._launched = True

    def shutdown(self, *, seconds: float = 2) -> None:
        """Stop executing; what is under way goes on at the next launch."""
        if self._client is not None:
            self._client.destroy()
            self._client = None
        if self._launched:
            self._launched = False
            # A run that is cut off goes on at the next launch; DBOS would print a traceback for each.
            logging.getLogger("dbos").setLevel(logging.CRITICAL)
            with suppress(RuntimeError):
                DBOS.destroy(workflow_completion_timeout_sec=int(seconds))

    def start(self, workflow: str, subject: str) -> None:
        """Start once: the run's id is made of both names."""
        if not self._launched:
            raise UnreachableError("no worker runs in this process; `autoheal serve` starts one")
        with SetWorkflowID(_run_id(workflow, subject)):
            DBOS.start_workflow(self._registered[workflow], subject)

    def tell(self, workflow: str, subject: str, topic: str, message: Json, *, once: str) -> None:
        """Leave a message for a run, from this or any other process; an ended run ignores it."""
        client = self._client or self._connect()
        try:
            client.send(_run_id(workflow, subject), message, topic, idempotency_key=once)
        except (dbos_error.DBOSNonExistentWorkflowError, SQLAlchemyError) as error:
            reason = str(error).splitlines()[0]
            raise UnreachableError(
                f"no {workflow} run of {subject} hears this: {reason}; is `autoheal serve` running?"
            ) from error

    def unfinished(self) -> list[str]:
        """Runs that are neither done nor failed, by id."""
        pending = (self._client or self._connect()).list_workflows(status=["PENDING", "ENQUEUED"])
        return [run.workflow_id for run in pending]

    def dead(self) -> list[str]:
        """Runs that ended in an error or crashed their worker too often, by id."""
        states = ["ERROR", "MAX_RECOVERY_ATTEMPTS_EXCEEDED"]
        return [run.workflow_id for run in (self._client or self._connect()).list_workflows(status=states)]

    def _register(self, name: str, workflow: Workflow) -> Callable[..., Any]:
        crash = self._crash

        async def run(subject: str) -> None:
            await workflow(DbosRun(name, crash), subject)

        return DBOS.workflow(name=name, max_recovery_attempts=_RECOVERY_ATTEMPTS)(run)

    def _connect(self) -> DBOSClient:
        try:
            self._client = DBOSClient(system_database_url=self._url, serializer=DBOSPortableJSONSerializer())
        except Exception as error:
            raise UnreachableError(f"the durable runs do not answer: {error}") from error
        return self._client


def _run_id(workflow: str, subject: str) -> str:
    return f"{workflow}-{subject}"


def _driver_url(url: str) -> str:
    parsed = make_url(url)
    if parsed.drivername == "postgresql":
        parsed = parsed.set(drivername="postgresql+psycopg")
    return parsed.render_as_string(hide_password=False)


def _use_write_ahead_log(url: str) -> None:
    """Three times faster steps on SQLite (measured); must be set before DBOS opens the file."""
    parsed = make_url(url)
    if parsed.get_backend_name() == "sqlite" and parsed.database:
        connection = sqlite3.connect(parsed.database)
        connection.execute("PRAGMA journal_mode=WAL")
        connection.close()
