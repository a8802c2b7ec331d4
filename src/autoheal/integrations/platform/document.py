"""Reads the platform's JSON; what is missing or of a wrong type makes the whole answer unusable."""

from __future__ import annotations

from collections.abc import Mapping

from pydantic import BaseModel, ConfigDict, JsonValue, ValidationError

from autoheal.domain.errors import UnreachableError
from autoheal.integrations.http.endpoint import Reply
from autoheal.ports.production import EffectResult, TargetState


class _Service(BaseModel):
    # Fields that are added later do no harm; one that is missing does.
    model_config = ConfigDict(extra="ignore", strict=True)

    name: str
    version: int
    release: str
    previous_release: str | None
    config_version: int
    previous_config_version: int | None
    config: dict[str, JsonValue]
    flags: dict[str, JsonValue]
    replicas: int
    healthy_peers: int
    change_in_progress: bool = False


class _Effect(BaseModel):
    model_config = ConfigDict(extra="ignore", strict=True)

    done: bool
    version: int
    text: str = ""


def state_from(document: object, target: str) -> TargetState:
    """The state of a target; raises UnreachableError naming the field that cannot be read."""
    try:
        told = _Service.model_validate(document)
    except ValidationError as error:
        raise UnreachableError(f"the state of {target} cannot be read: {_where(error)}") from None
    fields = {name: getattr(told, name) for name in _Service.model_fields if name != "name"}
    return TargetState(target=told.name, **fields)


def effect_from(document: object) -> EffectResult:
    """What became of an action; raises UnreachableError when the answer does not say it."""
    try:
        told = _Effect.model_validate(document)
    except ValidationError as error:
        raise UnreachableError(f"the answer about an action cannot be read: {_where(error)}") from None
    return EffectResult(done=told.done, version=told.version, text=told.text)


def reason_in(reply: Reply) -> str:
    """The platform's own words for why it said no, with the status."""
    document = reply.json
    told: object = None
    if isinstance(document, Mapping):
        told = next((document[key] for key in ("detail", "error", "title") if document.get(key)), None)
    return f"{reply.status} {told}"[:500] if told else str(reply.status)


def _where(error: ValidationError) -> str:
    problem = error.errors(include_url=False)[0]
    return f"{'.'.join(map(str, problem['loc'])) or 'answer'}: {problem['msg']}"
