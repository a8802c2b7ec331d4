"""The rig's platform, killed between taking an action up and answering for it."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest
from tests.crash.labels import of_the_platform

from autoheal.domain.errors import UnreachableError
from autoheal.domain.mitigation import Action, ActionKind
from autoheal.integrations.platform.actuator import PlatformActuator
from autoheal.integrations.platform.config import PlatformSettings
from autoheal.sandbox.layout import Layout

_FAST_OFF = Action(kind=ActionKind.SET_FLAG, target="gateway", parameters={"flag": "fast", "value": "false"})
_KEY = "mit_1:execute:0123"


@dataclass(slots=True, kw_only=True)
class Platform:
    """A platform with one flag, which may be started again after it was killed."""

    layout: Layout
    process: subprocess.Popen[bytes] | None = None

    def start(self, crash_at: str = "") -> None:
        """Run it until it answers."""
        environment = {**os.environ, "AUTOHEAL_CRASH_AT": crash_at}  # noqa: TID251  what a real process gets
        command = [sys.executable, "-m", "autoheal.sandbox.platform.server", str(self.layout.home)]
        self.process = subprocess.Popen(command, env=environment)
        for _ in range(200):
            try:
                httpx.get(f"{self.layout.url('platform')}/v1/changes").raise_for_status()
            except httpx.HTTPError:
                time.sleep(0.05)
            else:
                return
        pytest.fail("the platform did not answer within 10 s")

    def stop(self) -> None:
        """End it and wait."""
        if self.process is not None:
            self.process.kill()
            self.process.wait()

    def open(self) -> PlatformActuator:
        """What Autoheal acts through."""
        return PlatformSettings.model_validate({"url": self.layout.url("platform")}).open()

    def done(self) -> list[str]:
        """Keys of what was really done, from the log outside."""
        return [json.loads(line)["key"] for line in self.layout.effects.read_text().splitlines()]

    def known(self) -> tuple[int, object]:
        """The version of the service and the flag, as stored."""
        state = json.loads(self.layout.state.read_text())
        return state["services"]["gateway"]["version"], state["flags"]["fast"]


@pytest.fixture
def platform(tmp_path: Path) -> Iterator[Platform]:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    parts = ("prometheus", "alertmanager", "store", "database", "exporter")
    ports = {"platform": port, **dict.fromkeys(parts, 1)}
    layout = Layout(home=tmp_path, ports=ports, services={"gateway": (1,)})
    layout.save()
    service = {"name": "gateway", "version": 7}
    layout.state.write_text(json.dumps({"services": {"gateway": service}, "flags": {"fast": True}}))
    made = Platform(layout=layout)
    yield made
    made.stop()


@pytest.mark.criterion(75)
@pytest.mark.parametrize("point", of_the_platform())
def test_a_key_is_answered_for_and_acted_on_once_wherever_the_platform_is_killed(
    platform: Platform, point: str
) -> None:
    platform.start(crash_at=point)
    platform.open().fence("gateway", 1)
    with pytest.raises(UnreachableError):
        platform.open().execute(_FAST_OFF, key=_KEY, version=7, epoch=1)
    assert platform.process is not None
    assert platform.process.wait(10) == -signal.SIGKILL
    platform.start()
    outcome = platform.open().outcome(_KEY)
    assert outcome is not None
    assert (outcome.done, outcome.version) == (True, 8)
    assert platform.open().execute(_FAST_OFF, key=_KEY, version=7, epoch=1) == outcome
    assert platform.done() == [_KEY]
    assert platform.known() == (8, False)
