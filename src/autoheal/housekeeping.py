"""What goes on beside the loop: lost deliveries, dead runs, answers unheard, observed calls, the chat."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial

from autoheal.alerts.intake import HEAL, Intake
from autoheal.domain.errors import AutohealError, WorldError
from autoheal.graph.calls import call_facts, service_node
from autoheal.graph.sync import Sync
from autoheal.healing.thread import Teller
from autoheal.learning.context_index import ContextIndex
from autoheal.ports.machine import Clock
from autoheal.ports.stores import GraphStore
from autoheal.ports.telemetry import Traces

_log = logging.getLogger(__name__)
_EVERY_SECONDS = 5.0
_CALLS_EVERY_SECONDS = 60.0
_LOOKBACK_SECONDS = 900.0


@dataclass(slots=True, kw_only=True)
class Housekeeping:
    """One background thread; what fails once is tried again at the next round."""

    intake: Intake
    traces: Traces | None
    graph: GraphStore
    clock: Clock
    teller: Teller | None = None
    remind: Callable[[], None] = lambda: None
    dead: Callable[[], Sequence[str]] = tuple
    take_over: Callable[[str], object] = lambda _: None
    sync: Sync | None = None
    index: ContextIndex | None = None
    _stopping: threading.Event = field(default_factory=threading.Event)
    _thread: threading.Thread | None = None
    _calls_at: float = 0.0

    def start(self) -> None:
        """Begin, with a first round at once: what a crash left is finished before anything new."""
        self._thread = threading.Thread(target=self._rounds, name="housekeeping", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """End after the round under way."""
        self._stopping.set()
        if self._thread is not None:
            self._thread.join(timeout=_EVERY_SECONDS)

    def _rounds(self) -> None:
        while not self._stopping.is_set():
            self.round()
            self._stopping.wait(_EVERY_SECONDS)

    def round(self) -> None:
        """Everything once; a part that fails holds up no other."""
        for part in (self._sweep, self.remind, self._bury, self._tell, self._fill_in_time):
            _guarded(part)

    def _sweep(self) -> None:
        for event_id in self.intake.sweep():
            _log.error("delivery %s cannot be read; it is kept", event_id)

    def _bury(self) -> None:
        """Bring a person in where a healing run died: nothing else would ever tell."""
        for run in self.dead():
            workflow, _, incident_id = run.partition("-")
            if workflow == HEAL:
                _guarded(partial(self.take_over, incident_id))

    def _fill_in_time(self) -> None:
        now = self.clock.now().timestamp()
        if now - self._calls_at >= _CALLS_EVERY_SECONDS:
            found = self._fill()
            # An empty answer is asked again soon: production may just have started.
            self._calls_at = now if found else now - _CALLS_EVERY_SECONDS + _EVERY_SECONDS

    def _tell(self) -> None:
        """Say in the chat what is new; a chat that is down holds up nothing else."""
        if self.teller is None:
            return
        try:
            self.teller.catch_up()
        except WorldError as error:
            _log.warning("the chat is told later: %s", error)

    def _fill(self) -> int:
        """Keep the graph as production and the context repository are; returns how much was told."""
        if self.sync is None:
            return self.observe_calls()
        taken = [*self.sync.run(), *(self.index.refresh() if self.index else ())]
        for one in taken:
            if one.problem:
                _log.warning("graph: %s: %s", one.source, one.problem)
        return sum(one.nodes for one in taken)

    def observe_calls(self) -> int:
        """Write who was seen calling whom into the graph; returns how many pairs."""
        if self.traces is None:
            return 0
        now = self.clock.now()
        calls = self.traces.calls(end=now.timestamp(), lookback=_LOOKBACK_SECONDS)
        for name in sorted({name for pair in calls for name in pair}):
            self.graph.save_node(service_node(name))
        for fact in call_facts(calls, source=self.traces.name, at=now):
            self.graph.assert_fact(fact)
        return len(calls)


def _guarded(part: Callable[[], object]) -> None:
    try:
        part()
    except AutohealError as error:
        _log.warning("housekeeping: %s", error)
    except Exception:  # noqa: BLE001  the edge of a run: the next round must come
        _log.exception("housekeeping failed")
