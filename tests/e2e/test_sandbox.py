"""The rig, really started: quiet by itself, loud when broken, healed by the platform, gone afterwards."""

from __future__ import annotations

import json
import os
import queue
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import httpx
import psycopg
import pytest

from autoheal.domain.errors import ConfigError, ConflictError
from autoheal.sandbox.fault import read
from autoheal.sandbox.rig import PACKAGES, Rig, faults, programs
from autoheal.sandbox.supervisor import strays
from autoheal.surfaces.cli.main import run

try:
    programs()
    MISSING = ""
except Exception as error:  # noqa: BLE001  whatever is missing is the reason to skip
    MISSING = str(error)

pytestmark = [pytest.mark.e2e, pytest.mark.skipif(bool(MISSING), reason=MISSING)]

SOON = 60.0
"""Seconds that anything here may take on a busy machine."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Stage:
    """A running rig, and what its Alertmanager posted."""

    rig: Rig
    posted: queue.Queue[dict[str, object]]

    def platform(self, path: str) -> dict[str, object]:
        """What the platform says."""
        found: dict[str, object] = httpx.get(self.rig.endpoints["platform"] + path, timeout=20).json()
        return found

    def service(self, name: str) -> dict[str, object]:
        """One service, without what grows by the second."""
        found = self.platform(f"/v1/services/{name}")
        return {key: value for key, value in found.items() if key != "releases"}

    def act(self, name: str, body: Mapping[str, object], **headers: str) -> httpx.Response:
        """Ask for an action on the version that is there now."""
        known = {"If-Match": str(self.service(name)["version"]), "X-Fence-Epoch": "1000000", **headers}
        url = f"{self.rig.endpoints['platform']}/v1/services/{name}/actions"
        return httpx.post(url, json=body, headers=known, timeout=30)

    def effects(self) -> list[str]:
        """Keys of the changes that were really made."""
        path = Path(self.rig.endpoints["effects"])
        lines = path.read_text().splitlines() if path.exists() else []
        return [json.loads(line)["key"] for line in lines]

    def firing(self) -> set[tuple[str, str]]:
        """Alerts that fire in Prometheus just now: name and service."""
        answer = httpx.get(self.rig.endpoints["prometheus"] + "/api/v1/alerts", timeout=20).json()
        firing = (a["labels"] for a in answer["data"]["alerts"] if a["state"] == "firing")
        return {(labels["alertname"], labels.get("service", "")) for labels in firing}

    def hear(self, status: str, service: str) -> dict[str, object]:
        """The next post of Alertmanager with this status about this service."""
        until = time.monotonic() + SOON
        while time.monotonic() < until:
            post = self.posted.get(timeout=SOON)
            labels = post["groupLabels"]
            assert isinstance(labels, dict)
            if post["status"] == status and labels.get("service") == service:
                return post
        raise AssertionError(f"no {status} alert about {service}")


def eventually(what: Callable[[], bool], *, stable: float = 0.0) -> None:
    """Wait until it holds, and has held for some seconds."""
    until, since = time.monotonic() + SOON, time.monotonic()
    while time.monotonic() < until:
        if not what():
            since = time.monotonic() + 0.2
        elif time.monotonic() - since >= stable:
            return
        time.sleep(0.2)
    raise AssertionError(f"it did not come true in {SOON:.0f} s")


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    posted: queue.Queue[dict[str, object]] = queue.Queue()

    class Sink(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            posted.put(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
            self.send_response(200)
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002  the standard library's name
            pass

    sink = HTTPServer(("127.0.0.1", 0), Sink)
    thread = threading.Thread(target=sink.serve_forever)
    thread.start()
    home = tmp_path_factory.mktemp("sandbox") / "rig"
    rig = Rig.up(home, webhook_url=f"http://127.0.0.1:{sink.server_port}/webhooks/alertmanager")
    try:
        yield Stage(rig=rig, posted=posted)
    finally:
        rig.down()
        sink.shutdown()
        thread.join()
        sink.server_close()


def test_a_quiet_rig_fires_nothing_and_has_every_kind_of_telemetry(stage: Stage) -> None:
    eventually(lambda: stage.firing() == set(), stable=10)
    ends = stage.rig.endpoints
    up = httpx.get(ends["prometheus"] + "/api/v1/query", params={"query": "up"}).json()["data"]["result"]
    assert {s["metric"]["service"]: s["value"][1] for s in up} == dict.fromkeys(
        ("gateway", "orders", "catalog", "pricing", "payments", "inventory", "shop-db"), "1"
    )
    now = time.time_ns() // 1_000_000
    calls = httpx.get(ends["jaeger"] + "/api/dependencies", params={"endTs": now}).json()["data"]
    pairs = {(call["parent"], call["child"]) for call in calls}
    assert {
        ("gateway", "orders"),
        ("orders", "inventory"),
        ("payments", "bank"),
        ("catalog", "shop-db"),
    } <= pairs
    assert "orders" in httpx.get(ends["loki"] + "/loki/api/v1/label/service_name/values").json()["data"]


def test_a_bad_deploy_is_posted_by_alertmanager_and_resolved_by_one_rollback(stage: Stage) -> None:
    before = stage.service("catalog")
    stage.rig.inject(faults()["bad-deploy-errors"], {"service": "catalog"})
    fired = stage.hear("firing", "catalog")
    assert fired["version"] == "4"
    broken = stage.service("catalog")
    assert broken["previous_release"] == before["release"] != broken["release"]
    changes = stage.platform("/v1/changes")["changes"]
    assert isinstance(changes, list)
    assert (changes[-1]["kind"], changes[-1]["entity"], changes[-1]["author"]) == (
        "deploy",
        "catalog",
        "Lena Vogt",
    )
    assert "badge" in changes[-1]["diff"]

    body = {"action": "rollback", "parameters": {"to": before["release"]}, "idempotency_key": "e2e-rollback"}
    plan = stage.act("catalog", {**body, "dry_run": True})
    assert plan.json()["done"] is False
    assert stage.service("catalog") == broken, "a plan changes nothing"
    first, second = stage.act("catalog", body), stage.act("catalog", body)
    assert first.json()["done"] is True
    assert second.json() == first.json()
    assert stage.effects().count("e2e-rollback") == 1
    assert stage.service("catalog")["release"] == before["release"]
    stage.hear("resolved", "catalog")
    stage.rig.recover("bad-deploy-errors")
    eventually(lambda: stage.firing() == set(), stable=4)


def test_the_platform_remembers_after_it_was_killed(stage: Stage) -> None:
    stage.act("pricing", {"action": "scale", "parameters": {"replicas": 2}, "idempotency_key": "e2e-scale-2"})
    fence = stage.rig.endpoints["platform"] + "/v1/services/pricing/fence"
    assert httpx.post(fence, json={"epoch": 7}, timeout=20).status_code == 200
    before = stage.service("pricing")
    os.kill(stage.rig.supervisor.processes()["platform"], signal.SIGKILL)

    def answers() -> bool:
        try:
            return stage.service("pricing") == before
        except httpx.TransportError:
            return False

    eventually(answers)
    assert stage.platform("/v1/actions/e2e-scale-2")["done"] is True
    assert httpx.post(fence, json={"epoch": 7}, timeout=20).status_code == 409
    body: dict[str, object] = {"action": "restart", "idempotency_key": "e2e-older"}
    assert stage.act("pricing", body, **{"X-Fence-Epoch": "6"}).status_code == 409
    assert stage.act("pricing", body, **{"If-Match": "1"}).status_code == 412
    assert "e2e-older" not in stage.effects()
    down = {"action": "scale", "parameters": {"replicas": 1}, "idempotency_key": "e2e-scale-1"}
    assert stage.act("pricing", down).json()["done"] is True


def test_a_lock_is_real_leaves_no_change_behind_and_goes_with_its_helper(stage: Stage) -> None:
    changes = stage.platform("/v1/changes")
    stage.rig.inject(faults()["database-lock"])
    with (
        psycopg.connect(stage.rig.endpoints["database"]) as shop,
        pytest.raises(psycopg.errors.LockNotAvailable),
    ):
        shop.execute("LOCK TABLE stock IN SHARE MODE NOWAIT")
    with pytest.raises(ConflictError, match="injected already"):
        stage.rig.inject(faults()["database-lock"])
    assert stage.rig.recover() == ["database-lock"]
    with psycopg.connect(stage.rig.endpoints["database"]) as shop:
        shop.execute("LOCK TABLE stock IN SHARE MODE NOWAIT")
    assert stage.platform("/v1/changes") == changes
    eventually(lambda: stage.firing() == set(), stable=4)


def test_a_fault_from_elsewhere_that_cannot_be_done_says_why_and_is_taken_back(
    stage: Stage, tmp_path: Path
) -> None:
    path = tmp_path / "odd.yaml"
    path.write_text(
        "{id: odd, title: t, family: f, truth: {entity: shop-db, mechanism: [errors]},"
        " inject: [{sql: {statements: [LOCK TABLE nowhere], hold: true}}]}"
    )
    with pytest.raises(ConfigError, match='relation "nowhere" does not exist'):
        stage.rig.inject(read(path))
    stage.rig.recover("odd")
    assert stage.rig.recover() == []


def test_a_second_up_in_the_same_folder_is_refused_and_harms_nothing(stage: Stage) -> None:
    before = stage.rig.supervisor.processes()
    with pytest.raises(ConflictError, match="a rig is up"):
        Rig.up(stage.rig.layout.home)
    assert stage.rig.supervisor.processes() == before


def test_down_leaves_no_process_even_when_the_supervisor_was_killed(
    stage: Stage, capsys: pytest.CaptureFixture[str]
) -> None:
    home = stage.rig.layout.home
    stage.rig.inject(faults()["cpu-starvation"])
    pid = int((home / "supervisord.pid").read_text())
    assert len(strays(home)) > 10
    os.kill(pid, signal.SIGKILL)
    assert run(["sandbox", "down", "--home", str(home), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["up"] is False
    assert strays(home) == []
    assert run(["sandbox", "status", "--home", str(home)]) == 8
    assert "is not up" in capsys.readouterr().err


def test_a_folder_with_other_files_is_never_emptied(tmp_path: Path) -> None:
    (tmp_path / "letter.txt").write_text("dear")
    with pytest.raises(ConflictError, match="files that are not a rig's"):
        Rig.up(tmp_path)
    assert (tmp_path / "letter.txt").read_text() == "dear"


def test_missing_programs_are_named_with_their_packages(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "autoheal", "sandbox", "up", "--home", str(tmp_path / "rig")],
        env={"PATH": str(tmp_path), "PYTHONPATH": os.pathsep.join(sys.path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 4
    assert PACKAGES["prometheus"] in done.stderr
    assert PACKAGES["prometheus-alertmanager"] in done.stderr
    assert "Traceback" not in done.stderr


def test_the_shop_passes_its_own_tests() -> None:
    import autoheal.sandbox.repository as shop  # noqa: PLC0415  only its folder

    done = subprocess.run(
        [
            sys.executable,
            "-m",
            "pytest",
            "-q",
            "-p",
            "no:cacheprovider",
            "-p",
            "no:benchmark",
            "--rootdir=.",
            "-c",
            os.devnull,
            "tests",
        ],
        cwd=shop.TEMPLATE,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout
