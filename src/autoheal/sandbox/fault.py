"""A fault as a file: what is broken how, what the truth is, and how it is undone. See docs/faults.md."""

from __future__ import annotations

import difflib
import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, JsonValue, ValidationError, model_validator

from autoheal.domain.errors import ConfigError, NotFoundError
from autoheal.domain.investigation import Mechanism, VerdictKind
from autoheal.domain.mitigation import ActionKind
from autoheal.sandbox.layout import DATABASE, SERVICES, THIRD_PARTY
from autoheal.sandbox.repository import TEMPLATE

FOLDER = Path(__file__).parent / "faults"
_PARAMETER = re.compile(r"\$\{(\w+)\}")
_MECHANISMS = (*(kind.value for kind in Mechanism), VerdictKind.NOISE.value)
_ACTIONS = tuple(kind.value for kind in ActionKind)
_CHANGES = ("deploy", "config", "flag")


class Strict(BaseModel):
    """A table that refuses unknown keys."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Edit(Strict):
    """One change of one file: new content, or every occurrence of a text replaced by another."""

    file: str
    content: str | None = None
    replace: str | None = None
    with_: str | None = Field(default=None, alias="with")

    @model_validator(mode="after")
    def _one_way(self) -> Edit:
        if (self.content is None) == (self.replace is None) or (self.replace is None) != (self.with_ is None):
            raise ValueError("an edit has either `content`, or `replace` and `with`")
        return self


class Commit(Strict):
    """A commit to main by somebody, of edits or of a unified patch."""

    edits: tuple[Edit, ...] = ()
    patch: str | None = None
    author: str = "Jonas Weber"
    message: str


class Deploy(Strict):
    """A person deploys main for one service."""

    service: str
    author: str = "Jonas Weber"


class Config(Strict):
    """A person sets one value of a service's configuration, committed to main."""

    service: str
    key: str
    value: JsonValue
    author: str = "Jonas Weber"
    title: str = ""


class Flag(Strict):
    """A person sets a feature flag, committed to main; service says whom it concerns."""

    flag: str
    value: JsonValue
    service: str = ""
    author: str = "Jonas Weber"


class Stop(Strict):
    """The processes of a service are gone and are not started again."""

    service: str


class Kill(Strict):
    """A process dies, once or every so many seconds; the supervisor starts it again."""

    service: str
    signal: Literal["KILL", "TERM", "SEGV", "ABRT"] = "KILL"
    every_seconds: float | None = Field(default=None, gt=0)


class Throttle(Strict):
    """A process gets the processor only part of the time; it stays so until the process is replaced."""

    service: str
    share_stopped: float = Field(default=0.9, gt=0, lt=1)
    follow: bool = False


class Burn(Strict):
    """Other work on the same machine takes the processor."""

    processes: int = Field(default=2, ge=1, le=8)


class Sql(Strict):
    """Statements on the shop's database; with hold the transaction stays open until recovery."""

    statements: tuple[str, ...]
    hold: bool = False
    undo: tuple[str, ...] = ()


class Connections(Strict):
    """Somebody else holds this many connections to the database."""

    count: int = Field(ge=1, le=60)


class Upstream(Strict):
    """The bank is slow or refuses."""

    delay_seconds: float = Field(default=0, ge=0)
    failing: bool = False


class Traffic(Strict):
    """So many times the usual customers."""

    factor: float = Field(gt=0, le=50)


class Alert(Strict):
    """Somebody posts an alert to Alertmanager, and again until recovery, with no fault behind it."""

    name: str
    labels: Mapping[str, str]
    annotations: Mapping[str, str] = Field(default_factory=dict)


class Rule(Strict):
    """An alerting rule that is too sensitive is loaded into Prometheus."""

    name: str
    expr: str
    for_: str = Field(default="0s", alias="for")
    labels: Mapping[str, str]
    annotations: Mapping[str, str] = Field(default_factory=dict)


class Wait(Strict):
    """Some time passes."""

    seconds: float = Field(gt=0, le=120)


class Step(Strict):
    """Exactly one of these."""

    commit: Commit | None = None
    deploy: Deploy | None = None
    config: Config | None = None
    flag: Flag | None = None
    stop: Stop | None = None
    kill: Kill | None = None
    throttle: Throttle | None = None
    burn: Burn | None = None
    sql: Sql | None = None
    connections: Connections | None = None
    upstream: Upstream | None = None
    traffic: Traffic | None = None
    alert: Alert | None = None
    rule: Rule | None = None
    wait: Wait | None = None

    @model_validator(mode="after")
    def _exactly_one(self) -> Step:
        if sum(value is not None for _, value in self) != 1:
            raise ValueError(f"a step is exactly one of {', '.join(type(self).model_fields)}")
        return self

    @property
    def action(self) -> tuple[str, Strict]:
        """Its name and its content."""
        return next((name, value) for name, value in self if value is not None)


class Truth(Strict):
    """What is really wrong: entity none means that nothing is; several mechanisms may be said."""

    entity: str | None
    mechanism: tuple[str, ...]
    remediation: tuple[str, ...] = ()
    change: str | None = None
    harmful: tuple[str, ...] = ()


class Parameter(Strict):
    """A place that a fault may vary; values carries further names that depend on the choice."""

    default: str
    choices: tuple[str, ...] = ()
    values: Mapping[str, Mapping[str, str]] = Field(default_factory=dict)


class Plan(Strict):
    """A fault with its parameters filled in: what is carried out."""

    id: str
    title: str
    family: str
    truth: Truth
    inject: tuple[Step, ...]
    recover: tuple[Step, ...] = ()
    """Further steps of the recovery, carried out after every step of inject was taken back."""


class Fault(Strict):
    """One fault, or with parameters a family of them; steps stay as written until they are filled in."""

    id: str = Field(pattern=r"^[a-z0-9]+(-[a-z0-9]+)*$")
    title: str
    family: str
    parameters: Mapping[str, Parameter] = Field(default_factory=dict)
    truth: Truth
    # Not yet steps: where a number belongs there may be a parameter.
    inject: tuple[Mapping[str, JsonValue], ...] = Field(min_length=1)
    recover: tuple[Mapping[str, JsonValue], ...] = ()

    def filled(self, given: Mapping[str, str]) -> Plan:
        """The fault with its parameters replaced; raises ConfigError for an unknown one or choice."""
        values: dict[str, str] = {}
        for name in given:
            if name not in self.parameters:
                raise ConfigError(f"{self.id}: no parameter {name!r}{_near(name, self.parameters)}")
        for name, parameter in self.parameters.items():
            value = given.get(name, parameter.default)
            if parameter.choices and value not in parameter.choices:
                raise ConfigError(f"{self.id}: {name} is one of {', '.join(parameter.choices)}, not {value}")
            values |= {name: value, **parameter.values.get(value, {})}
        written = {"id": self.id, "title": self.title, "family": self.family}
        steps = {"inject": self.inject, "recover": self.recover}
        try:
            return Plan.model_validate(
                _replaced({**written, "truth": self.truth.model_dump(), **steps}, values)
            )
        except ValidationError as error:
            raise ConfigError(f"{self.id}: {_said(error)}") from None

    def variants(self) -> Iterator[Plan]:
        """The fault as it stands by default, and with every choice of every parameter."""
        yield self.filled({})
        for name, parameter in self.parameters.items():
            for choice in parameter.choices:
                yield self.filled({name: choice})


def _replaced(value: object, values: Mapping[str, str]) -> object:
    if isinstance(value, str):
        return _PARAMETER.sub(lambda found: values.get(found[1], found[0]), value)
    if isinstance(value, Mapping):
        return {key: _typed(key, inner, values) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_replaced(inner, values) for inner in value]
    return value


def _typed(key: str, value: object, values: Mapping[str, str]) -> object:
    """A setting's or flag's value that is nothing but a parameter has the type that YAML gives its text."""
    whole = key == "value" and isinstance(value, str) and _PARAMETER.fullmatch(value) is not None
    filled = _replaced(value, values)
    return yaml.safe_load(str(filled)) if whole else filled


def bundled(extra: Path | None = None) -> dict[str, Fault]:
    """The bundled faults, and those of another folder, by id; raises ConfigError naming file and field."""
    folders = [FOLDER, *([extra] if extra else [])]
    if extra is not None and not extra.is_dir():
        raise NotFoundError(f"{extra}: no such folder of faults")
    found = (fault for folder in folders for fault in _of(folder))
    return {fault.id: fault for fault in found}


def _of(folder: Path) -> Iterator[Fault]:
    for path in sorted(folder.glob("*.y*ml")):
        yield read(path)


def read(path: Path) -> Fault:
    """One fault file; raises ConfigError in one line."""
    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise ConfigError(f"{path}: cannot be read: {' '.join(str(error).split())}") from None
    try:
        fault = Fault.model_validate(content)
        for variant in fault.variants():
            _check(variant, fault.parameters)
    except ValidationError as error:
        raise ConfigError(f"{path}: {_said(error)}") from None
    except ConfigError as error:
        raise ConfigError(f"{path}: {error}") from None
    return fault


def _check(fault: Plan, parameters: Mapping[str, Parameter]) -> None:
    """Hold every name to those that exist; raises ConfigError naming the field."""
    production = (*SERVICES, THIRD_PARTY, DATABASE)
    for part, steps in (("inject", fault.inject), ("recover", fault.recover)):
        for number, step in enumerate(steps):
            name, content = step.action
            place = f"{part}.{number}.{name}"
            _known(f"{place}.service", getattr(content, "service", ""), _reach(name))
            unfilled = _PARAMETER.search(content.model_dump_json())
            if unfilled:
                raise ConfigError(f"{place}: no parameter {unfilled[1]!r}{_near(unfilled[1], parameters)}")
            _check_setting(place, content)
    _known("truth.entity", fault.truth.entity or "", production)
    for field, names, known in (
        ("change", (fault.truth.change or "",), _CHANGES),
        ("mechanism", fault.truth.mechanism, _MECHANISMS),
        ("remediation", fault.truth.remediation, _ACTIONS),
        ("harmful", fault.truth.harmful, _ACTIONS),
    ):
        for name in names:
            _known(f"truth.{field}", name, known)


def _check_setting(place: str, content: Strict) -> None:
    """Only what the shop has can be set: the platform would refuse anything else halfway through."""
    if isinstance(content, Config):
        settings = json.loads((TEMPLATE / "config" / f"{content.service}.json").read_text(encoding="utf-8"))
        _known(f"{place}.key", content.key, tuple(settings))
    if isinstance(content, Flag):
        flags = json.loads((TEMPLATE / "flags.json").read_text(encoding="utf-8"))
        _known(f"{place}.flag", content.flag, tuple(flags))


def _reach(step: str) -> tuple[str, ...]:
    """What a step can be done to: a database has no release, and no setting of its own."""
    processes = step in ("stop", "kill", "throttle")
    return (*SERVICES, THIRD_PARTY, *((DATABASE,) if processes else ()))


def _known(place: str, name: str, known: tuple[str, ...]) -> None:
    if name and name not in known:
        hint = _near(name, known) or f"; it is one of {', '.join(known) or 'none'}"
        raise ConfigError(f"{place}: there is no {name!r}{hint}")


def _said(error: ValidationError) -> str:
    problems = error.errors(include_url=False)
    # A misspelled field is also a missing one; the former tells more.
    problem = next((p for p in problems if p["type"] == "extra_forbidden"), problems[0])
    place = ".".join(str(part) for part in problem["loc"]) or "the whole file"
    if problem["type"] == "extra_forbidden":
        return f"{place}: no such field{_near(str(problem['loc'][-1]), _fields())}"
    return f"{place}: {_PLAIN.get(problem['type'], problem['msg'].removeprefix('Value error, '))}"


# In the words of YAML, not of Python.
_PLAIN = {
    "tuple_type": "should be a list, such as [one, another]",
    "model_type": "should be a table of fields, such as {name: value}",
    "dict_type": "should be a table of fields, such as {name: value}",
    "mapping_type": "should be a table of fields, such as {name: value}",
}


def _fields() -> set[str]:
    tables = Strict.__subclasses__()
    return {field.alias or name for table in tables for name, field in table.model_fields.items()}


def _near(name: str, known: object) -> str:
    close = difflib.get_close_matches(name, list(known), n=1)  # type: ignore[call-overload]  # any strings
    return f"; did you mean {close[0]}?" if close else ""
