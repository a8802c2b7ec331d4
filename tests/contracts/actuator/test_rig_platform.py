"""The actuator against the rig's own platform, with real processes under a real supervisor."""

from __future__ import annotations

import itertools
import json
import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest

from autoheal.domain.change import ChangeKind
from autoheal.domain.errors import NotFoundError, StaleTargetError
from autoheal.domain.mitigation import Action, ActionKind
from autoheal.integrations.platform.actuator import PlatformActuator
from autoheal.integrations.platform.config import PlatformSettings
from autoheal.sandbox.layout import Layout
from autoheal.sandbox.supervisor import Program, Supervisor, write

pytestmark = pytest.mark.skipif(shutil.which("git") is None, reason="git is not installed")
_REPLICAS = 3
_GIT = {
    "PATH": os.defpath,
    "HOME": "/nonexistent",
    "GIT_CONFIG_GLOBAL": "/dev/null",
    "GIT_CONFIG_NOSYSTEM": "1",
}
_GIT |= {
    f"GIT_{who}_{what}": "ann@shop.example" for who in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Rig:
    """The platform's URL, what it deployed, and the log of what it really did."""

    url: str
    releases: tuple[str, str]
    effects: Path

    def open(self) -> PlatformActuator:
        """The actuator under test."""
        return PlatformSettings.model_validate({"url": self.url}).open()

    def done(self) -> list[str]:
        """Keys of the effects that really happened."""
        lines = self.effects.read_text().splitlines() if self.effects.exists() else []
        return [json.loads(line)["key"] for line in lines]


def _git(folder: Path, *arguments: str) -> str:
    done = subprocess.run(
        ["git", *arguments], cwd=folder, env=_GIT, capture_output=True, text=True, check=True
    )
    return done.stdout.strip()


def _repository(home: Path) -> tuple[str, str]:
    """Two releases on main of a bare repository."""
    work = home / "work"
    work.mkdir()
    _git(work, "init", "-q", "--initial-branch=main")
    commits: list[str] = []
    for number in (1, 2):
        (work / "release.txt").write_text(str(number))
        _git(work, "add", ".")
        _git(work, "commit", "-qm", f"Release {number}")
        commits.append(_git(work, "rev-parse", "HEAD"))
    _git(home, "clone", "-q", "--bare", str(work), "shop.git")
    return commits[0], commits[1]


def _free_ports(count: int) -> list[int]:
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [one.getsockname()[1] for one in sockets]
    for one in sockets:
        one.close()
    return ports


def _state(releases: tuple[str, str]) -> dict[str, object]:
    def service(name: str) -> dict[str, object]:
        return {
            "name": name,
            "version": 7,
            "releases": [{"commit": commit, "deployed_at": 1000.0} for commit in releases],
            "configurations": {"3": {"pool": 20}, "4": {"pool": 5}},
            "config_version": 4,
            "config_history": [3, 4],
            "replicas": 2,
        }

    return {"services": {name: service(name) for name in ("gateway", "orders")}, "flags": {"fast": True}}


def _programs(layout: Layout) -> list[Program]:
    return [
        Program(
            name=f"{name}-{number}",
            command=[sys.executable, "-m", "http.server", "--bind", "127.0.0.1", str(port)],
            start=number < 2,
        )
        for name, ports in layout.services.items()
        for number, port in enumerate(ports)
    ]


@pytest.fixture(scope="module")
def rig(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Rig]:
    """Two services of two replicas each behind the platform."""
    home = tmp_path_factory.mktemp("rig")
    parts = ("prometheus", "alertmanager", "store", "platform", "database", "exporter")
    free = iter(_free_ports(len(parts) + 2 * _REPLICAS))
    ports = {part: next(free) for part in parts}
    services = {name: tuple(next(free) for _ in range(_REPLICAS)) for name in ("gateway", "orders")}
    layout = Layout(home=home, ports=ports, services=services)
    releases = _repository(home)
    layout.save()
    layout.state.write_text(json.dumps(_state(releases)))
    write(home, _programs(layout))
    supervisor = Supervisor(home)
    supervisor.start()
    server = subprocess.Popen([sys.executable, "-m", "autoheal.sandbox.platform.server", str(home)])
    try:
        _wait_for(f"{layout.url('platform')}/v1/services")
        yield Rig(url=layout.url("platform"), releases=releases, effects=layout.effects)
    finally:
        server.terminate()
        server.wait(10)
        supervisor.shut_down()


def _wait_for(url: str) -> None:
    for _ in range(200):
        try:
            httpx.get(url).raise_for_status()
        except httpx.HTTPError:
            time.sleep(0.1)
        else:
            return
    pytest.fail(f"{url} did not answer within 20 s")


@pytest.fixture(scope="module")
def epochs() -> Iterator[int]:
    """Epochs that rise over the whole module, as a worker takes them from its store."""
    return itertools.count(1)


def _scale(replicas: int) -> Action:
    return Action(kind=ActionKind.SCALE, target="gateway", parameters={"replicas": replicas})


def test_the_state_tells_what_runs_and_what_a_way_back_needs(rig: Rig) -> None:
    state = rig.open().state("orders")
    assert (state.target, state.version, state.release, state.previous_release) == (
        "orders",
        7,
        *rig.releases[::-1],
    )
    assert (state.config_version, state.previous_config_version, state.config) == (4, 3, {"pool": 5})
    assert (state.flags, state.replicas, state.healthy_peers) == ({"fast": True}, 2, 1)
    with pytest.raises(NotFoundError, match="nobody"):
        rig.open().state("nobody")


@pytest.mark.parametrize(
    ("kind", "parameters", "field", "expected"),
    [
        (ActionKind.RESTORE_CONFIG, {"to_version": 3}, "config", {"pool": 20}),
        (ActionKind.SET_FLAG, {"flag": "fast", "value": "false"}, "flags", {"fast": False}),
        (ActionKind.SCALE, {"replicas": 3}, "replicas", 3),
        (ActionKind.RESTART, {}, "replicas", 3),
    ],
)
def test_each_action_is_carried_out_and_logged_once(
    kind: ActionKind,
    parameters: dict[str, str | int],
    field: str,
    expected: object,
    rig: Rig,
    epochs: Iterator[int],
) -> None:
    actuator, epoch = rig.open(), next(epochs)
    before = actuator.state("gateway")
    action = Action(kind=kind, target="gateway", parameters=parameters)
    actuator.fence("gateway", epoch)
    key = f"each:{kind}:key"
    result = actuator.execute(action, key=key, version=before.version, epoch=epoch)
    after = actuator.state("gateway")
    assert result.done
    assert result.version == after.version == before.version + 1
    assert getattr(after, field) == expected
    assert actuator.execute(action, key=key, version=before.version, epoch=epoch) == result
    assert actuator.outcome(key) == result
    assert rig.done().count(key) == 1


@pytest.mark.criterion(65)
def test_a_target_that_a_person_changed_since_is_not_touched(rig: Rig, epochs: Iterator[int]) -> None:
    actuator, epoch = rig.open(), next(epochs)
    seen = actuator.state("gateway").version
    deploy = {"service": "gateway", "commit": rig.releases[0], "author": "ann"}
    httpx.post(f"{rig.url}/v1/deploys", json=deploy, timeout=20).raise_for_status()
    actuator.fence("gateway", epoch)
    with pytest.raises(StaleTargetError, match="version"):
        actuator.execute(_scale(2), key="too-late", version=seen, epoch=epoch)
    assert actuator.outcome("too-late") is None
    assert "too-late" not in rig.done()
    assert actuator.state("gateway").previous_release == rig.releases[1]


@pytest.mark.criterion(75)
def test_a_worker_that_was_fenced_out_cannot_act_any_more(rig: Rig, epochs: Iterator[int]) -> None:
    actuator, old, new = rig.open(), next(epochs), next(epochs)
    version = actuator.state("gateway").version
    actuator.fence("gateway", old)
    actuator.fence("gateway", new)
    for epoch in (old, new):
        with pytest.raises(StaleTargetError, match="fenced"):
            actuator.fence("gateway", epoch)
    with pytest.raises(StaleTargetError, match="fenced"):
        actuator.execute(_scale(2), key="fenced-out", version=version, epoch=old)
    assert "fenced-out" not in rig.done()


@pytest.mark.criterion(65)
def test_of_many_who_saw_the_same_version_one_acts(rig: Rig, epochs: Iterator[int]) -> None:
    actuator, epoch = rig.open(), next(epochs)
    actuator.fence("orders", epoch)
    version = actuator.state("orders").version
    restart = Action(kind=ActionKind.RESTART, target="orders")

    def act(number: int) -> bool:
        try:
            return actuator.execute(restart, key=f"race-{number:04}", version=version, epoch=epoch).done
        except StaleTargetError:
            return False

    with ThreadPoolExecutor(6) as pool:
        assert sum(pool.map(act, range(6))) == 1
    assert sum(key.startswith("race-") for key in rig.done()) == 1


@pytest.mark.criterion(74)
def test_a_plan_leaves_the_target_and_its_log_as_they_were(rig: Rig) -> None:
    actuator = rig.open()
    before, done = actuator.state("orders"), rig.done()
    assert f"{rig.url}/v1/services/gateway/actions" in actuator.plan(_scale(2))
    assert actuator.state("orders") == before
    assert rig.done() == done


def test_what_the_target_cannot_do_is_answered_and_not_done(rig: Rig, epochs: Iterator[int]) -> None:
    actuator, epoch = rig.open(), next(epochs)
    version = actuator.state("orders").version
    actuator.fence("orders", epoch)
    missing = Action(kind=ActionKind.ROLLBACK, target="orders", parameters={"to": "0" * 40})
    result = actuator.execute(missing, key="no-such-release", version=version, epoch=epoch)
    assert not result.done
    assert "never ran release" in result.text
    assert "no-such-release" not in rig.done()


def test_the_change_log_tells_who_changed_what_with_its_diff(rig: Rig, epochs: Iterator[int]) -> None:
    began = time.time()  # noqa: TID251  a real platform lives now
    actuator, epoch = rig.open(), next(epochs)
    back = next(commit for commit in rig.releases if commit != actuator.state("orders").release)
    actuator.fence("orders", epoch)
    action = Action(kind=ActionKind.ROLLBACK, target="orders", parameters={"to": back})
    actuator.execute(action, key="back-again", version=actuator.state("orders").version, epoch=epoch)
    changes = PlatformSettings.model_validate({"url": rig.url}).open_changes()
    (change,) = changes.between(start=began, end=time.time() + 1)  # noqa: TID251  a real platform lives now
    assert (change.kind, change.entity, change.commit) == (ChangeKind.DEPLOY, "orders", back)
    assert change.before == rig.releases[1]
    assert "release.txt" in change.diff
    assert changes.between(start=began + 3600, end=began + 7200) == []
