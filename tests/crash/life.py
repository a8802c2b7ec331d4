"""One incident's life with a real worker, the people around it, and a judge who believes only the outside."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path

import httpx
from tests.crash.telemetry import CALLS
from tests.crash.world import World

from autoheal.integrations.crash import AT, TRAIL
from autoheal.integrations.dbos.runs import DbosRuns

ROOT = Path(__file__).parents[2]
LESSONS = 5
_PACE = 0.2
_PATIENCE = 120.0
_SETTINGS = """\
home = "."
policy = "policy.yaml"
[http]
port = 0
[repositories]
shop = "shop.git"
[sources.prometheus]
url = "{observed}"
per_second = 1000
[sources.loki]
url = "{observed}"
[sources.jaeger]
url = "{observed}"
[platform]
url = "{platform}"
[healing]
baseline_seconds = 100
rate_window_seconds = 2
settle_seconds = 0
second_look_seconds = 0.5
max_looks = 2
max_attempts = 1
act_confidence = {sure}
verify_poll_seconds = 0.4
verify_stable_seconds = 1
verify_within_seconds = {within}
[learning]
history_seconds = 120
margin_seconds = 1
test_command = ["/bin/sh", "-c", "test ! -e services/checkout/bug.txt"]
"""
_POLICY = """\
apiVersion: autoheal/v1
kind: ActionPolicy
metadata: {owner: tests, version: 1}
mode: propose
"""


class Plot(StrEnum):
    """How the incident goes.

    The action mends it; it does not help and is undone; a person says no; no cause is sure enough; or the
    platform falls silent after the action, and a worker that died on the way cannot learn what became of it.
    """

    MENDED = "mended"
    STUBBORN = "stubborn"
    REFUSED = "refused"
    UNCLEAR = "unclear"
    LOST = "lost"


class Nursery:
    """The process that forks workers."""

    def __init__(self) -> None:
        # One thread for arrays, no authorities to load: nothing here is encrypted, and a birth is quick.
        quick = {"OPENBLAS_NUM_THREADS": "1", "SSL_CERT_DIR": "/nonexistent"}
        environment = {**os.environ, **quick}  # noqa: TID251  for a real process
        self._lock = threading.Lock()
        self._process = subprocess.Popen(
            [sys.executable, str(Path(__file__).with_name("nursery.py"))],
            cwd=ROOT,
            env=environment,
            text=True,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )

    def bear(self, folder: Path, environment: Mapping[str, str]) -> int:
        """Start `autoheal serve` in a folder; its process id."""
        order = {"arguments": ["serve"], "environment": dict(environment), "folder": str(folder)}
        pid = self._ask(order)
        assert pid is not None
        return pid

    def ended(self, pid: int) -> int | None:
        """Its exit status, once it has one."""
        return self._ask({"ask": pid})

    def close(self) -> None:
        """No more births."""
        with self._process:
            assert self._process.stdin is not None
            self._process.stdin.close()

    def _ask(self, order: Mapping[str, object]) -> int | None:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        with self._lock:
            self._process.stdin.write(json.dumps(order) + "\n")
            self._process.stdin.flush()
            answer: int | None = json.loads(self._process.stdout.readline())
        return answer


@dataclass(slots=True)
class Life:
    """A folder with its worker, which may be killed and started again, and what the people did."""

    folder: Path
    nursery: Nursery
    plot: Plot
    world: World
    trail: Path | None = None
    acknowledged: dict[str, str] = field(default_factory=dict)
    deaths: list[int] = field(default_factory=list)
    _pid: int = 0
    _client: httpx.Client | None = None
    _runs: DbosRuns | None = None
    _said: set[str] = field(default_factory=set)

    @classmethod
    def begin(cls, template: Path, folder: Path, nursery: Nursery, plot: Plot) -> Life:
        """A fresh folder and a shop that just broke."""
        shutil.copytree(template, folder)
        commits = (folder / "commits").read_text().split()
        world = World(folder / "effects.jsonl", (commits[0], commits[1]))
        world.heals, world.silent = plot is not Plot.STUBBORN, plot is Plot.LOST
        given = {"within": 30 if world.heals else 1.5, "sure": 1.0 if plot is Plot.UNCLEAR else 0.5}
        (folder / "autoheal.toml").write_text(_SETTINGS.format(**world.open(), **given))
        (folder / "policy.yaml").write_text(_POLICY)
        return cls(folder, nursery, plot, world)

    # ------------------------------------------------------------ the worker

    def boot(self, *points: str) -> None:
        """Start the worker, armed with the first of the points."""
        (self.folder / "serve.log").write_text("")
        self._hang_up()
        armed = {AT: points[0]} if points else {}
        self._pid = self.nursery.bear(self.folder, armed | ({TRAIL: str(self.trail)} if self.trail else {}))

    def kill(self) -> None:
        """SIGKILL it, now."""
        if self._pid:
            os.kill(self._pid, signal.SIGKILL)

    def dead(self) -> bool:
        """Whether the worker has ended; its exit status is noted."""
        code = self.nursery.ended(self._pid) if self._pid else None
        if code is None:
            return not self._pid
        self.deaths.append(code)
        self._pid = 0
        return True

    def close(self) -> None:
        """End everything that belongs to it."""
        self.kill()
        while not self.dead():
            time.sleep(_PACE)
        self._hang_up()
        if self._runs is not None:
            self._runs.shutdown()
        self.world.close()

    def _hang_up(self) -> None:
        if self._client is not None:
            self._client.close()
            self._client = None

    # ------------------------------------------------------------ the people

    def live(self, *points: str) -> list[str]:
        """Play everybody until the incident has ended and taught; returns the points that were not reached.

        The worker is armed with the first point; each time it is killed it is started again with the next.
        """
        left = [*points]
        self.boot(*left)
        until = time.monotonic() + _PATIENCE
        while not self.tick():
            assert time.monotonic() < until, f"never ended: {self.told()}"
            if self.dead():
                assert left, f"died by itself: {self.told()}"
                assert self.deaths[-1] == -signal.SIGKILL, f"ended by itself: {self.told()}"
                left.pop(0)
                self.boot(*left)
            time.sleep(_PACE)
        return left

    def tick(self) -> bool:
        """What each does when it is their turn; whether all is over. A silent worker is asked later."""
        client = self._door()
        if client is None:
            return False
        try:
            self._alertmanager(client)
            incidents = _json(client, "/api/v1/incidents")
            states = {str(incident["state"]) for incident in incidents}
            if "awaiting_approval" in states:
                self._approver(client)
            if "escalated" in states:
                self.world.mend()  # whoever is on call does it by hand
            return states == {"closed"} and "resolved" in self.acknowledged and self._taught(client)
        except httpx.TransportError:
            return False

    def _door(self) -> httpx.Client | None:
        if self._client is None:
            log = (self.folder / "serve.log").read_text()
            words = [word.rstrip(";") for word in log.split() if word.startswith("http://")]
            if "listening on" in log and words:
                self._client = httpx.Client(base_url=words[0], timeout=20)
        return self._client

    def _alertmanager(self, client: httpx.Client) -> None:
        """Each notification is sent until it is acknowledged, and then never again."""
        status = "resolved" if self.world.well and "firing" in self.acknowledged else "firing"
        if status not in self.acknowledged and self._settled(client):
            answer = client.post("/webhooks/alertmanager", content=self.world.notification(status))
            if answer.is_success:
                self.acknowledged[status] = answer.json()["id"]

    def _settled(self, client: httpx.Client) -> bool:
        """Whether the worker has seen who calls whom: nothing breaks in the first second of a production."""
        return bool(self.acknowledged) or len(_json(client, "/api/v1/graph/facts")) >= len(CALLS)

    def _approver(self, client: httpx.Client) -> None:
        """Decides once on what waits; asks again only when no answer was kept."""
        decision = "rejected" if self.plot is Plot.REFUSED else "approved"
        for waiting in _Waiting.of(client):
            if waiting.id not in self._said:
                if not waiting.answered(client):
                    body = {
                        "actor": "ann",
                        "digest": waiting.digest,
                        "decision": decision,
                        "note": "as before",
                    }
                    client.post(f"/api/v1/actions/{waiting.id}/approval", json=body).raise_for_status()
                self._said.add(waiting.id)

    # ------------------------------------------------------------ the end

    def _taught(self, client: httpx.Client) -> bool:
        """Merge every lesson once all are there; whether they are decided and no run goes on."""
        proposals = _json(client, "/api/v1/proposals")
        if len(proposals) < LESSONS:
            return False
        for proposal in proposals:
            if proposal["state"] == "proposed":
                body = {"actor": "Ann Lee"}
                client.post(f"/api/v1/proposals/{proposal['id']}/merge", json=body).raise_for_status()
        return not self.runs().unfinished()

    def runs(self) -> DbosRuns:
        """The durable runs, seen from outside."""
        if self._runs is None:
            self._runs = DbosRuns(f"sqlite:///{self.folder / 'runs.db'}", executor="judge")
        return self._runs

    def told(self) -> str:
        """What the worker said and where the incident stands, for a failure."""
        log = (self.folder / "serve.log").read_text()[-3000:]
        runs = f"unfinished {self.runs().unfinished()}, dead {self.runs().dead()}"
        return f"{runs}; acknowledged {self.acknowledged}; deaths {self.deaths}; {self.folder}\n{log}"


@dataclass(frozen=True, slots=True)
class _Waiting:
    """A mitigation that waits for a person."""

    id: str
    incident_id: str
    digest: str

    @classmethod
    def of(cls, client: httpx.Client) -> list[_Waiting]:
        answer = client.get("/api/v1/actions").raise_for_status()
        return [
            cls(one["mitigation"]["id"], one["mitigation"]["incident_id"], one["digest"])
            for one in answer.json()
        ]

    def answered(self, client: httpx.Client) -> bool:
        whole = client.get(f"/api/v1/incidents/{self.incident_id}").raise_for_status().json()
        return bool(whole["file"]["approvals"][self.id])


def _json(client: httpx.Client, path: str) -> list[dict[str, object]]:
    listed: list[dict[str, object]] = client.get(path).raise_for_status().json()
    return listed


def template(folder: Path, nursery: Nursery) -> Path:
    """A folder to copy: the shop's repository with its bad commit, and a worker's empty memory."""
    work = folder / "work"
    (work / "services" / "checkout").mkdir(parents=True)
    (work / "tests").mkdir()
    (work / "tests" / "harness.py").write_text("def expect(**_): ...\n")
    commits = []
    for file, text in (("app.py", "prices = {}\n"), ("bug.txt", "discount\n")):
        (work / "services" / "checkout" / file).write_text(text)
        commits.append(_committed(work, f"Simplify {file}"))
    subprocess.run(["git", "clone", "-q", "--bare", str(work), str(folder / "shop.git")], check=True)
    shutil.rmtree(work)
    (folder / "commits").write_text(" ".join(commits))
    nowhere = {"observed": "http://127.0.0.1:9", "platform": "http://127.0.0.1:9", "within": 1, "sure": 1}
    (folder / "autoheal.toml").write_text(_SETTINGS.format(**nowhere))
    (folder / "policy.yaml").write_text(_POLICY)
    (folder / "serve.log").write_text("")
    pid = nursery.bear(folder, {})
    while "listening on" not in (log := (folder / "serve.log").read_text()):
        assert nursery.ended(pid) is None, log
        time.sleep(_PACE)
    os.kill(pid, signal.SIGTERM)
    while nursery.ended(pid) is None:
        time.sleep(_PACE)
    return folder


def _committed(work: Path, message: str) -> str:
    who = {
        f"GIT_{role}_{what}": "dana@example.com"
        for role in ("AUTHOR", "COMMITTER")
        for what in ("NAME", "EMAIL")
    }
    bare = {"PATH": os.defpath, "HOME": "/nonexistent", "GIT_CONFIG_NOSYSTEM": "1", **who}
    begin = [] if (work / ".git").exists() else [["init", "-q", "--initial-branch=main"]]
    for words in (*begin, ["add", "."], ["commit", "-q", "-m", message]):
        subprocess.run(["git", *words], cwd=work, env=bare, check=True)
    head = subprocess.run(["git", "rev-parse", "HEAD"], cwd=work, env=bare, check=True, capture_output=True)
    return head.stdout.decode().strip()
