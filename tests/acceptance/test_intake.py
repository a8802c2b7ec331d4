"""Intake on a real database: nothing acknowledged is lost or doubled, also when the process is killed."""

from __future__ import annotations

import json
import os
import random  # noqa: TID251  seeded below: the moments of the kills are the same in every run
import signal
import time
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import pytest
from tests.unit.alerts.desk import item, notification

from autoheal.alerts.intake import Intake
from autoheal.alerts.settings import AlertSettings
from autoheal.domain.alert import AlertStatus
from autoheal.domain.fact import Fact, Method, Node, NodeKind, Provenance, Relation, urn
from autoheal.domain.incident import IncidentState
from autoheal.integrations.alertmanager.alerts import AlertmanagerAlerts
from autoheal.integrations.database.database import Database
from autoheal.integrations.generic.alerts import GenericAlerts
from autoheal.integrations.machine import SystemClock, UlidIds
from autoheal.ports.runs import Json
from autoheal.ports.stores import AlertStore

LONG_AGO = datetime(2000, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class NotedRuns:
    """Runs that note each start in a file, so that a killed process leaves what it did."""

    file: Path

    def start(self, workflow: str, subject: str) -> None:
        """Note it, on disk."""
        with self.file.open("a") as notes:
            notes.write(f"{workflow} {subject}\n")

    def tell(self, workflow: str, subject: str, topic: str, message: Json, *, once: str) -> None:
        """Note it, on disk."""
        del message
        with self.file.open("a") as notes:
            notes.write(f"{workflow} {subject} {topic} {once}\n")

    def noted(self) -> set[str]:
        """What was noted so far."""
        return set(self.file.read_text().splitlines()) if self.file.exists() else set()


def database(home: Path) -> Database:
    opened = Database(f"sqlite:///{home}/autoheal.db", now=SystemClock().now, new_id=UlidIds().new)
    opened.migrate()
    return opened


def intake(opened: Database, home: Path, alerts: AlertStore | None = None) -> Intake:
    return Intake(
        alerts=alerts or opened.alerts,
        incidents=opened.incidents,
        graph=opened.graph,
        runs=NotedRuns(home / "runs"),
        clock=SystemClock(),
        ids=UlidIds(),
        decoders={"alertmanager": AlertmanagerAlerts(), "generic": GenericAlerts()},
        settings=AlertSettings(),
        environment="production",
    )


@pytest.mark.criterion(1)
def test_one_fault_told_in_four_formats_is_one_group_and_each_payload_is_kept(tmp_path: Path) -> None:
    opened = database(tmp_path)
    desk = intake(opened, tmp_path)
    bodies = [
        ("alertmanager", notification(item("CartErrors", "cart", 0))),
        ("generic", json.dumps({"name": "cart down", "service": "cart", "severity": 5}).encode()),
        ("generic", json.dumps([{"name": "p99", "labels": {"app": "cart"}, "status": "alerting"}]).encode()),
        (
            "generic",
            json.dumps({"alerts": [{"name": "cart burns", "labels": {"service.name": "cart"}}]}).encode(),
        ),
    ]
    ids = [desk.receive(source, body) for source, body in bodies]
    (incident,) = opened.incidents.list()
    assert len(opened.alerts.group_of_incident(incident.id).occurrences) == 4
    assert [opened.alerts.event(key).body for key in ids] == [body for _, body in bodies]
    assert NotedRuns(tmp_path / "runs").noted() == {f"heal {incident.id}"}
    opened.close()


@pytest.mark.criterion(2)
def test_deliveries_from_many_threads_of_two_processes_worth_of_stores_are_one_occurrence(
    tmp_path: Path,
) -> None:
    one, other = database(tmp_path), database(tmp_path)
    body = notification(item("CartErrors", "cart", 0), item("CheckoutErrors", "checkout", 1))
    desks = [intake(one, tmp_path), intake(other, tmp_path)]
    with ThreadPoolExecutor(8) as pool:
        ids = list(pool.map(lambda n: desks[n % 2].receive("alertmanager", body), range(24)))
    assert len(set(ids)) == 24
    assert len(one.alerts.alerts(since=LONG_AGO)) == 2
    assert not one.alerts.unhandled_events()
    occurrences = [key for group in one.alerts.open_groups() for key in group.occurrences]
    assert sorted(Counter(occurrences).values()) == [1, 1]
    one.close()
    other.close()


@pytest.mark.criterion(4)
@pytest.mark.criterion(7)
def test_a_cascade_is_seen_with_the_graph_of_the_database_and_an_alias_names_a_service(
    tmp_path: Path,
) -> None:
    opened = database(tmp_path)
    names = {name: urn(NodeKind.SERVICE, name) for name in ("a", "b", "c", "d", "e", "f", "orders-db")}
    for name, node in names.items():
        opened.graph.save_node(Node(urn=node, kind=NodeKind.SERVICE, name=name))
    seen = Provenance(source="traces", method=Method.OBSERVED, asserted_at=LONG_AGO, actor="test")
    for name in "abcdef":
        opened.graph.assert_fact(
            Fact(
                id=f"fact_{name}",
                subject=names[name],
                relation=Relation.CALLS,
                object=names["orders-db"],
                statement=f"{name} calls orders-db",
                recorded_at=LONG_AGO,
                provenance=(seen,),
            )
        )
    opened.graph.add_alias("instance", "10.0.0.6:9090", names["f"])
    desk = intake(opened, tmp_path)
    for second, name in enumerate("abcde"):
        desk.receive("alertmanager", notification(item(f"{name}Errors", name, second)))
    desk.receive("alertmanager", notification(item("Down", None, 6, instance="10.0.0.6:9090")))
    (group,) = opened.alerts.open_groups()
    assert (group.cascade, group.origin, set(group.services)) == (True, "orders-db", set("abcdef"))
    opened.close()


@pytest.mark.criterion(5)
def test_a_resolve_that_overtook_its_fire_leaves_the_database_with_nothing_open(tmp_path: Path) -> None:
    opened = database(tmp_path)
    desk = intake(opened, tmp_path)
    start = datetime.now(UTC).timestamp()  # noqa: TID251  the alert must be as young as a real one
    resolved = {
        "name": "cart",
        "service": "cart",
        "starts_at": start,
        "ends_at": start + 1,
        "status": "resolved",
    }
    for document in (resolved, {"name": "cart", "service": "cart", "starts_at": start}):
        desk.receive("generic", json.dumps(document).encode())
    assert [alert.status for alert in opened.alerts.alerts(since=LONG_AGO)] == [AlertStatus.RESOLVED]
    assert opened.alerts.open_groups() == []
    opened.close()


METHODS = ("append_event", "event", "open_groups", "save_alert", "save_group", "mark_handled")


class Deadly:
    """A store at which the process dies, at once and without a word, before or after one call."""

    def __init__(self, store: AlertStore, method: str, when: str) -> None:
        self.store, self.method, self.when = store, method, when

    def __getattr__(self, name: str) -> Callable[..., object]:
        do: Callable[..., object] = getattr(self.store, name)
        if name != self.method:
            return do

        def die(*args: object, **options: object) -> object:
            if self.when == "after":
                do(*args, **options)
            os.kill(os.getpid(), signal.SIGKILL)
            return None

        return die


def in_child(work: Callable[[], None]) -> int:
    """Run in a real process of its own; returns the signal that ended it, 0 when none did."""
    child = os.fork()
    if child == 0:
        try:
            work()
        finally:
            os._exit(1)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


@pytest.mark.criterion(11)
@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize("method", METHODS)
def test_a_kill_at_any_write_loses_and_doubles_nothing(tmp_path: Path, method: str, when: str) -> None:
    acked = tmp_path / "acked"
    body = notification(item("CartErrors", "cart", 0), item("CheckoutErrors", "checkout", 1))

    def deliver() -> None:
        opened = database(tmp_path)
        deadly = Deadly(opened.alerts, method, when)
        acked.write_text(intake(opened, tmp_path, deadly).receive("alertmanager", body))  # type: ignore[arg-type]  # every other call passes through

    assert in_child(deliver) == -signal.SIGKILL
    opened = database(tmp_path)
    stored = len(opened.alerts.unhandled_events()) + len(opened.alerts.alerts(since=LONG_AGO))
    desk = intake(opened, tmp_path)
    assert desk.sweep() == []
    if stored:  # it was durable, so it must have its end without the sender
        assert_whole(opened, tmp_path, {"CartErrors", "CheckoutErrors"})
    desk.receive("alertmanager", body)  # the sender was never answered and tries again
    assert_whole(opened, tmp_path, {"CartErrors", "CheckoutErrors"})
    opened.close()


def assert_whole(opened: Database, home: Path, names: set[str]) -> None:
    """Each alert once, in one group, all deliveries handled, and every incident being healed."""
    alerts = opened.alerts.alerts(since=LONG_AGO)
    assert Counter(alert.name for alert in alerts) == dict.fromkeys(names, 1)
    occurrences = Counter(key for group in opened.alerts.open_groups() for key in group.occurrences)
    assert occurrences == {alert.occurrence: 1 for alert in alerts}
    assert opened.alerts.unhandled_events() == []
    healing = NotedRuns(home / "runs").noted()
    incidents = opened.incidents.list(limit=1000)
    assert {i.state for i in incidents} == {IncidentState.OPEN}
    assert {f"heal {i.id}" for i in incidents} == healing


def deliver_many(home: Path, acked: Path) -> None:
    """Hand in alert after alert, noting each that was acknowledged; begins with what a crash left."""
    desk = intake(database(home), home)
    desk.sweep()
    for n in range(len(acked.read_text().split()), 2_000):
        desk.receive("alertmanager", notification(item(f"Alert{n}", f"service-{n}", n)))
        with acked.open("a") as log:
            log.write(f"Alert{n}\n")


def kill_after(work: Callable[[], None], acked: Path, *, more: int, seconds: float) -> None:
    """Kill a real process some seconds after it acknowledged so many more alerts."""
    before = len(acked.read_text().split())
    child = os.fork()
    if child == 0:
        try:
            work()
        finally:
            os._exit(0)
    while len(acked.read_text().split()) < before + more:
        assert os.waitpid(child, os.WNOHANG) == (0, 0)
        time.sleep(0.005)
    time.sleep(seconds)
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)


@pytest.mark.criterion(11)
def test_kills_at_random_moments_lose_and_double_no_acknowledged_alert(tmp_path: Path) -> None:
    acked = tmp_path / "acked"
    acked.touch()
    dice = random.Random(11)  # noqa: S311  moments, not secrets
    for _ in range(10):
        more, seconds = dice.randint(1, 5), dice.uniform(0, 0.05)
        kill_after(lambda: deliver_many(tmp_path, acked), acked, more=more, seconds=seconds)
    opened = database(tmp_path)
    intake(opened, tmp_path).sweep()
    names = {alert.name for alert in opened.alerts.alerts(since=LONG_AGO)}
    said = set(acked.read_text().split())
    assert len(said) >= 10
    assert said <= names
    assert_whole(opened, tmp_path, names)
    opened.close()
