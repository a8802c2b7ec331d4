"""Acts on production through the platform API: fenced, by compare-and-set, once per key."""

from __future__ import annotations

import json
from collections.abc import Mapping
from http import HTTPStatus
from urllib.parse import quote

from autoheal.domain.errors import NotFoundError, StaleTargetError, UnreachableError, WorldError
from autoheal.domain.mitigation import Action
from autoheal.integrations.http.endpoint import Call, Endpoint, Reply
from autoheal.integrations.platform.document import effect_from, reason_in, state_from
from autoheal.ports.production import EffectResult, TargetState

_STALE = frozenset({HTTPStatus.PRECONDITION_FAILED, HTTPStatus.CONFLICT})
_DONE = range(200, 300)
_INVALID = frozenset({HTTPStatus.BAD_REQUEST, HTTPStatus.UNPROCESSABLE_ENTITY})


class PlatformActuator:
    """The Actuator port; an answer that never came is an UnreachableError, so that the key is asked for."""

    def __init__(self, endpoint: Endpoint) -> None:
        self.name = endpoint.name
        self._endpoint = endpoint

    def state(self, target: str) -> TargetState:
        """Read the target."""
        return state_from(self._ask(_get(_service(target)), target).json, target)

    def plan(self, action: Action) -> str:
        """The two requests of an execution; key, version and epoch are filled in when it is carried out."""
        path = self._endpoint.url + _service(action.target)
        body = json.dumps({**_body(action), "idempotency_key": "<key>", "dry_run": False}, sort_keys=True)
        fence = f'POST {path}/fence {{"epoch": <epoch>}}'
        return f"{fence}\nPOST {path}/actions If-Match: <version> X-Fence-Epoch: <epoch> {body}"

    def fence(self, target: str, epoch: int) -> None:
        """Shut out older epochs."""
        self._ask(_post(f"{_service(target)}/fence", {"epoch": epoch}), target)

    def execute(self, action: Action, *, key: str, version: int, epoch: int) -> EffectResult:
        """Send the action once; what the platform refuses as invalid was not done."""
        body = {**_body(action), "idempotency_key": key, "dry_run": False}
        headers = {"If-Match": str(version), "X-Fence-Epoch": str(epoch)}
        call = _post(f"{_service(action.target)}/actions", body, headers)
        reply = self._send(call)
        if reply.status in _INVALID:
            return EffectResult(done=False, version=version, text=f"refused: {reason_in(reply)}")
        return effect_from(_checked(reply, self.name, action.target).json)

    def outcome(self, key: str) -> EffectResult | None:
        """What became of a key, or None."""
        reply = self._send(_get(f"/v1/actions/{quote(key, safe='')}"))
        if reply.status == HTTPStatus.NOT_FOUND:
            return None
        return effect_from(_checked(reply, self.name, key).json)

    def _ask(self, call: Call, target: str) -> Reply:
        return _checked(self._send(call), self.name, target)

    def _send(self, call: Call) -> Reply:
        try:
            return self._endpoint.send(call)
        except UnreachableError:
            raise
        except WorldError as error:  # no free turn: nothing was sent
            raise UnreachableError(f"{self.name}: {error}") from error


def _checked(reply: Reply, name: str, target: str) -> Reply:
    if reply.status in _DONE:
        return reply
    reason = f"{name} on {target}: {reason_in(reply)}"
    if reply.status in _STALE:
        raise StaleTargetError(reason)
    if reply.status == HTTPStatus.NOT_FOUND:
        raise NotFoundError(reason)
    raise UnreachableError(reason)


def _service(target: str) -> str:
    return f"/v1/services/{quote(target, safe='')}"


def _body(action: Action) -> dict[str, object]:
    return {"action": action.kind.value, "parameters": dict(action.parameters)}


def _get(path: str) -> Call:
    return Call(method="GET", path=path)


def _post(path: str, body: Mapping[str, object], headers: Mapping[str, str] | None = None) -> Call:
    content = json.dumps(body).encode()
    every = {"Content-Type": "application/json", **(headers or {})}
    return Call(method="POST", path=path, content=content, headers=every, repeatable=False)
