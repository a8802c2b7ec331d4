"""The platform's HTTP API: reads for all, deploys for people, fenced compare-and-set actions for robots."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Annotated, Literal

from fastapi import APIRouter, Header, HTTPException, Request
from pydantic import BaseModel, ConfigDict, Field, JsonValue

from autoheal.domain.errors import AutohealError
from autoheal.sandbox import repository
from autoheal.sandbox.layout import REPLICAS, write_atomically
from autoheal.sandbox.platform.production import Note, Production, notes
from autoheal.sandbox.platform.state import Intent, Service, State

router = APIRouter(prefix="/v1")


class Body(BaseModel):
    """A request body that refuses unknown keys."""

    model_config = ConfigDict(extra="forbid")


class Fence(Body):
    """Everything with an older epoch is shut out."""

    epoch: int = Field(ge=1)


class Action(Body):
    """One bounded change by a robot; the same key is carried out once."""

    action: Literal["restart", "rollback", "restore_config", "set_flag", "scale"]
    parameters: dict[str, JsonValue] = Field(default_factory=dict)
    idempotency_key: str = Field(min_length=8, max_length=200)
    dry_run: bool = False


class Deploy(Body):
    """A person deploys a commit of a service; `main` is the newest."""

    service: str
    commit: str = "main"
    author: str = "unknown"
    title: str = ""


class Configuration(Body):
    """A person sets one value of a service's configuration; committed to main like any other change."""

    key: str
    value: JsonValue
    author: str = "unknown"
    title: str = ""


class Flag(Body):
    """A person sets a feature flag; committed to main; service says whom it concerns."""

    value: JsonValue
    service: str = ""
    author: str = "unknown"
    title: str = ""


def production_of(request: Request) -> Production:
    """The production behind this server."""
    production: Production = request.app.state.production
    return production


def _service(state: State, name: str) -> Service:
    if name not in state.services:
        raise HTTPException(404, f"no service {name!r}; there are {', '.join(sorted(state.services))}")
    return state.services[name]


@router.get("/services")
def services(request: Request) -> dict[str, object]:
    """Every service as it is now."""
    production = production_of(request)
    state = production.state.now()
    return {"services": [_shown(production, state, service) for service in state.services.values()]}


@router.get("/services/{name}")
def service(request: Request, name: str) -> dict[str, object]:
    """One service as it is now."""
    production = production_of(request)
    state = production.state.now()
    return _shown(production, state, _service(state, name))


def _shown(production: Production, state: State, service: Service) -> dict[str, object]:
    now = time.time()
    healthy = production.healthy(service)
    return {
        "name": service.name,
        "version": service.version,
        "fence": service.fence,
        "release": service.release,
        "previous_release": service.previous_release,
        "releases": [
            {
                "commit": r.commit,
                "deployed_at": r.deployed_at,
                "healthy_seconds": (r.replaced_at or now) - r.deployed_at,
            }
            for r in service.releases
        ],
        "config_version": service.config_version,
        "previous_config_version": service.previous_config_version,
        "config": service.configurations.get(service.config_version, {}),
        "flags": state.flags,
        "replicas": service.replicas,
        "healthy_peers": max(healthy - 1, 0),
        "change_in_progress": service.busy,
    }


@router.get("/changes")
def changes(request: Request, since: float = 0.0) -> dict[str, object]:
    """What was changed, in time order; a deploy brings the diff of what is new in it."""
    production = production_of(request)
    found = [change for change in production.state.now().changes if change.time >= since]
    return {
        "changes": [{**c.model_dump(), "diff": _diff(production, c.kind, c.before, c.commit)} for c in found]
    }


def _diff(production: Production, kind: str, before: str, commit: str) -> str:
    if not commit:
        return ""
    try:
        if kind == "deploy":
            return repository.difference(production.layout.repository, before, commit)
        return repository.difference(production.layout.repository, f"{commit}~1", commit)
    except AutohealError:
        return ""


@router.post("/services/{name}/fence")
def fence(request: Request, name: str, body: Fence) -> dict[str, int]:
    """Announce an epoch; 409 when a newer one is known."""
    with production_of(request).state.changing() as state:
        service = _service(state, name)
        if body.epoch <= service.fence:
            raise HTTPException(409, f"{name} is fenced by epoch {service.fence}; {body.epoch} is not newer")
        service.fence = body.epoch
        return {"fence": service.fence, "version": service.version}


@router.post("/services/{name}/actions")
def act(
    request: Request,
    name: str,
    body: Action,
    if_match: Annotated[str, Header()],
    x_fence_epoch: Annotated[int, Header()] = 0,
) -> dict[str, JsonValue]:
    """Carry an action out once per key, on exactly this version, for nobody who was fenced out."""
    production = production_of(request)
    with production.state.changing() as state:
        service = _service(state, name)
        if body.idempotency_key in state.results:
            return state.results[body.idempotency_key]
        if x_fence_epoch < service.fence:
            raise HTTPException(409, f"{name} is fenced by epoch {service.fence}; {x_fence_epoch} is older")
        if if_match.strip('"') != str(service.version):
            raise HTTPException(412, f"{name} is at version {service.version}, not {if_match}")
        plan = _plan(service, state, body)
        if body.dry_run:
            return {"done": False, "version": service.version, "text": plan, "dry_run": True}
        given = body.parameters
        intent = Intent(service=name, action=body.action, parameters=given, plan=plan)
        state.intents[body.idempotency_key] = intent
        production.state.save()
        production.crash("platform.intend.after")
        return _finish(production, state, body.idempotency_key)


def resume(production: Production) -> None:
    """Finish what a kill interrupted: each action was accepted, and its key answers for it."""
    with production.state.changing() as state:
        for key in list(state.intents):
            _finish(production, state, key)


def _finish(production: Production, state: State, key: str) -> dict[str, JsonValue]:
    intent = state.intents.pop(key)
    service = state.services[intent.service]
    _carry_out(production, state, intent, notes(state, author="autoheal", title=intent.plan))
    production.crash("platform.carry_out.after")
    production.log_effect(key, intent)
    production.crash("platform.log_effect.after")
    result: dict[str, JsonValue] = {"done": True, "version": service.version, "text": intent.plan}
    state.results[key] = result
    return result


def _plan(service: Service, state: State, body: Action) -> str:
    """What would be done, in one line; raises 422 when the parameters do not fit."""
    match body.action:
        case "rollback":
            return _plan_rollback(service, body.parameters)
        case "restore_config":
            return _plan_restore(service, body.parameters)
        case "set_flag":
            return _plan_flag(state, body.parameters)
        case "scale":
            return _plan_scale(service, body.parameters)
        case "restart":
            return f"restart {service.name}"


def _plan_rollback(service: Service, given: dict[str, JsonValue]) -> str:
    known = [release.commit for release in service.releases]
    target = given.get("to", service.previous_release)
    if target not in known:
        raise HTTPException(422, f"{service.name} never ran release {target}")
    return f"deploy {service.name} at {str(target)[:10]}, which ran before"


def _plan_restore(service: Service, given: dict[str, JsonValue]) -> str:
    version = given.get("to_version", service.previous_config_version)
    if not isinstance(version, int) or version not in service.configurations:
        raise HTTPException(422, f"{service.name} has no configuration {version}")
    return f"run {service.name} with configuration {version}"


def _plan_flag(state: State, given: dict[str, JsonValue]) -> str:
    if given.get("flag") not in state.flags or "value" not in given:
        raise HTTPException(422, f"set_flag needs a known flag and a value; flags: {sorted(state.flags)}")
    return f"set flag {given['flag']} to {json.dumps(given['value'])}"


def _plan_scale(service: Service, given: dict[str, JsonValue]) -> str:
    replicas = given.get("replicas")
    if not isinstance(replicas, int) or not 1 <= replicas <= REPLICAS or not service.releases:
        raise HTTPException(422, f"replicas must be 1 to {REPLICAS}, of a service that can be scaled")
    return f"run {replicas} replicas of {service.name}"


def _carry_out(production: Production, state: State, intent: Intent, note: Note) -> None:
    given, name, service = intent.parameters, intent.service, state.services[intent.service]
    match intent.action:
        case "rollback":
            production.deploy(state, name, str(given.get("to", service.previous_release)), note=note)
        case "restore_config":
            version = given.get("to_version", service.previous_config_version)
            production.configure(state, name, int(str(version)), note=note)
        case "set_flag":
            value = _value(given["value"])
            production.set_flag(state, str(given["flag"]), value, entity=name, note=note)
        case "scale":
            production.scale(state, name, int(str(given["replicas"])), note=note)
        case "restart":
            production.restart(state, name, note=note)


def _value(given: JsonValue) -> JsonValue:
    """A flag's value: JSON where the text is JSON, else the text."""
    if not isinstance(given, str):
        return given
    try:
        value: JsonValue = json.loads(given)
    except ValueError:
        return given
    return value


@router.get("/actions/{key}")
def action(request: Request, key: str) -> dict[str, JsonValue]:
    """What became of a key; 404 when it was never seen, 503 while it is carried out."""
    state = production_of(request).state.now()
    if key in state.intents:
        raise HTTPException(503, f"the action with key {key} is being carried out")
    if key not in state.results:
        raise HTTPException(404, f"no action with key {key}")
    return state.results[key]


# ---------------------------------------------------------------- what people do


@router.post("/deploys")
def deploy(request: Request, body: Deploy) -> dict[str, object]:
    """Deploy a commit."""
    production = production_of(request)
    repo = production.layout.repository
    commit = repository.head(repo) if body.commit == "main" else body.commit
    with production.state.changing() as state:
        service = _service(state, body.service)
        title = body.title or repository.subject(repo, commit)
        production.deploy(state, service.name, commit, note=notes(state, author=body.author, title=title))
        return {"service": service.name, "release": commit, "version": service.version}


@router.put("/config/{name}")
def configure(request: Request, name: str, body: Configuration) -> dict[str, object]:
    """Set one value, in the repository and in production."""
    production = production_of(request)
    with production.state.changing() as state:
        service = _service(state, name)
        current = service.configurations[service.config_version]
        if body.key not in current:
            raise HTTPException(
                422, f"{name} has no setting {body.key!r}; there are {', '.join(sorted(current))}"
            )
        title = body.title or f"Set {body.key} of {name} to {json.dumps(body.value)}"
        commit = _commit_json(production, f"config/{name}.json", {body.key: body.value}, body.author, title)
        version = max(service.configurations) + 1
        service.configurations[version] = {**current, body.key: body.value}
        note = notes(state, author=body.author, title=title)
        production.configure(state, name, version, note=note, commit=commit)
        return {"service": name, "config_version": version, "version": service.version}


@router.put("/flags/{flag}")
def set_flag(request: Request, flag: str, body: Flag) -> dict[str, object]:
    """Set a flag, in the repository and in production."""
    production = production_of(request)
    with production.state.changing() as state:
        if flag not in state.flags:
            raise HTTPException(404, f"no flag {flag!r}; there are {', '.join(sorted(state.flags))}")
        title = body.title or f"Set {flag} to {json.dumps(body.value)}"
        commit = _commit_json(production, "flags.json", {flag: body.value}, body.author, title)
        note = notes(state, author=body.author, title=title)
        production.set_flag(state, flag, body.value, entity=body.service, note=note, commit=commit)
        return {"flag": flag, "value": body.value}


def _commit_json(
    production: Production, path: str, values: dict[str, JsonValue], author: str, title: str
) -> str:
    def edit(work: Path) -> None:
        file = work / path
        content = {**json.loads(file.read_text()), **values}
        write_atomically(file, json.dumps(content, indent=2) + "\n")

    try:
        return repository.change(production.layout.repository, edit, author=author, message=title)
    except AutohealError:
        return ""  # main already says so: only production had drifted


@router.post("/rules/reload")
def reload_rules(request: Request) -> dict[str, str]:
    """Load the alerting rules of main."""
    return {"commit": production_of(request).reload_rules()}
