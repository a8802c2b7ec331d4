"""A shop outside the worker: its telemetry, its platform with an append-only effect log, its Alertmanager."""

from __future__ import annotations

import json
import math
import os
import threading
import time
from dataclasses import dataclass, field
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from tests.crash.backends import Backend, acting, observing
from tests.crash.telemetry import ALERTED, BROKE, CULPRIT, HURT, RULE, SERVICES, Telemetry

from autoheal.domain.change import Change, ChangeKind
from autoheal.domain.mitigation import ActionKind
from autoheal.integrations.memory.actuator import Effect, MemoryActuator
from autoheal.integrations.memory.changes import MemoryChanges
from autoheal.ports.production import TargetState

_KINDS = {ActionKind.ROLLBACK: ChangeKind.DEPLOY, ActionKind.RESTART: ChangeKind.RESTART}


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False

    def handle_error(self, request: object, client_address: object) -> None:
        """A worker that was killed in the middle of a question is the point of the test."""


def _handler(backend: Backend) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True

        def _answer(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", "0")))
            status, content = backend(self.command, self.path, body, dict(self.headers))
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        do_GET = do_POST = _answer  # noqa: N815  names that http.server looks for

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002  its own name
            """Nothing on the terminal."""

    return Handler


@dataclass(slots=True)
class World:
    """Broken by a deploy of one service; rolling it back mends it if `heals`.

    With `silent` the platform answers nobody any more from its first effect on.
    """

    effect_log: Path
    commits: tuple[str, str]
    heals: bool = True
    silent: bool = False
    production: MemoryActuator = field(default_factory=MemoryActuator)
    changes: MemoryChanges = field(default_factory=MemoryChanges)
    mended_at: float = math.inf
    telemetry: Telemetry = field(init=False)
    _servers: list[_Server] = field(default_factory=list)

    def __post_init__(self) -> None:
        now = time.time()  # noqa: TID251  the shop lives now
        self.telemetry = Telemetry(now=now, mended=lambda: self.mended_at)
        self.telemetry.live(now)
        for service in SERVICES:
            self.production.add(self._state(service))
        self.production.on_effect = self._acted
        self._change(ChangeKind.DEPLOY, "dana", now - BROKE - 3, self.commits)

    def serve(self, backend: Backend) -> str:
        """Answer on a free port; gives the URL."""
        server = _Server(("127.0.0.1", 0), _handler(backend))
        self._servers.append(server)
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
        return f"http://127.0.0.1:{server.server_port}"

    def open(self) -> dict[str, str]:
        """Start answering; the URLs by what they serve."""
        observed, platform = (
            self.serve(observing(self.telemetry)),
            self.serve(acting(self.production, self.changes)),
        )
        return {"observed": observed, "platform": platform}

    def close(self) -> None:
        """Stop answering."""
        for server in self._servers:
            server.shutdown()
            server.server_close()

    def mend(self) -> None:
        """The shop is well from now on."""
        self.mended_at = min(self.mended_at, time.time())  # noqa: TID251  the shop lives now

    @property
    def well(self) -> bool:
        """Whether the fault is over."""
        return self.mended_at < math.inf

    def notification(self, status: str) -> bytes:
        """What Alertmanager posts, webhook version 4."""
        began = datetime.fromtimestamp(self.telemetry.began - ALERTED, tz=UTC).isoformat()
        ended = datetime.fromtimestamp(self.mended_at, tz=UTC).isoformat() if self.well else ""
        alerts = [
            {
                "status": status,
                "labels": {"alertname": RULE.name, "service": service, "severity": "critical"},
                "annotations": {"summary": f"{service} answers with errors"},
                "startsAt": began,
                "endsAt": ended or "0001-01-01T00:00:00Z",
                "generatorURL": "",
                "fingerprint": f"{number:016x}",
            }
            for number, service in enumerate(HURT)
        ]
        document = {"version": "4", "status": status, "receiver": "autoheal", "alerts": alerts}
        return json.dumps(document).encode()

    def effects(self) -> list[dict[str, str]]:
        """What was really done, from the log outside."""
        lines = self.effect_log.read_text().splitlines() if self.effect_log.exists() else []
        return [json.loads(line) for line in lines]

    def _acted(self, effect: Effect) -> None:
        action = effect.action
        line = {"key": effect.key, "action": action.kind.value, "target": action.target}
        with self.effect_log.open("a") as log:
            log.write(json.dumps(line) + "\n")
            log.flush()
            os.fsync(log.fileno())
        now = time.time()  # noqa: TID251  the shop lives now
        self._change(_KINDS.get(action.kind, ChangeKind.CONFIG), "autoheal", now, self.commits[::-1])
        if self.silent:
            self.production.unreachable = "out of order"
        if self.heals and action.kind is ActionKind.ROLLBACK and action.target == CULPRIT:
            self.mend()

    def _change(self, kind: ChangeKind, author: str, at: float, commits: tuple[str, str]) -> None:
        before, after = commits
        self.changes.add(
            Change(
                id=f"{kind}-{author}-{at:.2f}",
                kind=kind,
                entity=CULPRIT,
                time=at,
                author=author,
                title="Simplify the discount",
                diff="-    return prices[key]\n+    return prices['discount']\n",
                files=("services/checkout/app.py",),
                commit=after,
                key="release",
                before=before,
                after=after,
            )
        )

    def _state(self, service: str) -> TargetState:
        culprit = service == CULPRIT
        return TargetState(
            target=service,
            version=1,
            release=self.commits[culprit],
            previous_release=self.commits[0] if culprit else None,
            config_version=1,
            previous_config_version=None,
            config={},
            flags={},
            replicas=2,
            healthy_peers=1,
        )
