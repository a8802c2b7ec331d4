"""A production of two services, in memory and behind the platform's HTTP API."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import asdict
from urllib.parse import unquote

import pytest

from autoheal.domain.errors import NotFoundError, StaleTargetError
from autoheal.domain.mitigation import Action, ActionKind
from autoheal.integrations.memory.actuator import MemoryActuator
from autoheal.integrations.platform.config import PlatformSettings
from autoheal.ports.production import Actuator, EffectResult, TargetState

Answer = tuple[int, bytes]
Backend = Callable[[str, str, bytes, dict[str, str]], Answer]
Serve = Callable[[Backend], str]


@pytest.fixture
def production() -> MemoryActuator:
    """The targets themselves, with the log of what was really done to them."""
    actuator = MemoryActuator()
    for name in ("checkout", "cart"):
        actuator.add(
            TargetState(
                target=name,
                version=7,
                release="r2",
                previous_release="r1",
                config_version=4,
                previous_config_version=3,
                config={"pool": 5},
                flags={"fast": True, "share": 0.5},
                replicas=2,
                healthy_peers=1,
            ),
            configurations={3: {"pool": 20}},
        )
    return actuator


@pytest.fixture(params=["memory", "platform"])
def actuator(request: pytest.FixtureRequest, production: MemoryActuator, serve: Serve) -> Actuator:
    """Every implementation of the Actuator port, over the same production."""
    if request.param == "memory":
        return production
    return PlatformSettings.model_validate({"url": serve(_Platform(production)), "timeout_seconds": 1}).open()


class _Platform:
    """Speaks the platform's API for a production in memory, refusing with the statuses it documents."""

    def __init__(self, production: MemoryActuator) -> None:
        self._production = production

    def __call__(self, method: str, path: str, body: bytes, headers: dict[str, str]) -> Answer:
        try:
            return self._route(method, path.split("/")[2:], json.loads(body or b"{}"), headers)
        except NotFoundError as error:
            return _problem(404, error)
        except StaleTargetError as error:
            return _problem(409 if "fenced" in str(error) else 412, error)

    def _route(
        self, method: str, parts: list[str], body: dict[str, object], headers: dict[str, str]
    ) -> Answer:
        match method, [unquote(part) for part in parts]:
            case "GET", ["services", name]:
                return 200, _state(self._production.state(name))
            case "GET", ["actions", key]:
                result = self._production.outcome(key)
                return (404, b'{"detail":"never seen"}') if result is None else (200, _effect(result))
            case "POST", ["services", name, "fence"]:
                self._production.fence(name, int(str(body["epoch"])))
                return 200, b"{}"
            case "POST", ["services", name, "actions"]:
                return 200, _effect(self._act(name, body, headers))
        return 404, b"{}"

    def _act(self, name: str, body: dict[str, object], headers: dict[str, str]) -> EffectResult:
        parameters = body["parameters"]
        assert isinstance(parameters, dict)
        return self._production.execute(
            Action(kind=ActionKind(str(body["action"])), target=name, parameters=parameters),
            key=str(body["idempotency_key"]),
            version=int(headers["If-Match"]),
            epoch=int(headers["X-Fence-Epoch"]),
        )


def _state(state: TargetState) -> bytes:
    fields = asdict(state)
    return json.dumps({"name": fields.pop("target"), **fields}).encode()


def _effect(result: EffectResult) -> bytes:
    return json.dumps(asdict(result)).encode()


def _problem(status: int, error: Exception) -> Answer:
    return status, json.dumps({"detail": str(error)}).encode()
