"""autoheal.toml as types: each part owns its settings, this file joins them and says where each came from."""

from __future__ import annotations

import difflib
import os
import re
import tomllib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import get_args, get_origin

from pydantic import BaseModel, ConfigDict, Field, SecretStr, ValidationError, ValidationInfo, field_validator
from pydantic_core import ErrorDetails
from pydantic_settings import BaseSettings, EnvSettingsSource, PydanticBaseSettingsSource, SettingsConfigDict

from autoheal.alerts.settings import AlertSettings
from autoheal.domain.errors import ConfigError
from autoheal.graph.settings import GraphSettings
from autoheal.healing.settings import HealingSettings
from autoheal.integrations.jaeger.config import JaegerSettings
from autoheal.integrations.loki.config import LokiSettings
from autoheal.integrations.mcp.config import NAME as SERVER_NAME
from autoheal.integrations.mcp.config import McpSettings
from autoheal.integrations.models.config import ModelSettings
from autoheal.integrations.pager.config import PagerSettings
from autoheal.integrations.platform.config import PlatformSettings
from autoheal.integrations.prometheus.config import PrometheusSettings
from autoheal.integrations.slack.config import SlackSettings
from autoheal.learning.settings import LearningSettings
from autoheal.policy.settings import AccessSettings
from autoheal.ports.reasoning import Stage
from autoheal.reasoning.settings import ReasoningSettings
from autoheal.recording.settings import RecordingSettings

FILE = "autoheal.toml"
PREFIX = "AUTOHEAL_"
_NOT_SETTINGS = frozenset({"AUTOHEAL_CONFIG", "AUTOHEAL_ACTOR", "AUTOHEAL_CRASH_AT", "AUTOHEAL_CRASH_TRAIL"})


class Section(BaseModel):
    """A table of the settings file: unknown keys are errors, values never change."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class DatabaseSettings(Section):
    """Where incidents, knowledge and the audit chain are kept."""

    url: SecretStr | None = Field(
        default=None, description="SQLAlchemy URL of SQLite or PostgreSQL; default: autoheal.db in home"
    )


class RunsSettings(Section):
    """Where durable runs are kept, and the name of this worker."""

    url: SecretStr | None = Field(
        default=None, description="URL of the durable runs; default: runs.db in home, or the PostgreSQL above"
    )
    executor: str = Field(default="worker-1", description="name of this worker; keep it over a restart")


class WebSettings(Section):
    """Where the web page, the API and the webhooks are served."""

    host: str = Field(default="127.0.0.1", description="address to listen on")
    port: int = Field(default=8787, ge=0, le=65_535, description="port to listen on; 0 takes a free one")


class SourceSettings(Section):
    """Where production can be observed; what is not named is not asked."""

    prometheus: PrometheusSettings | None = None
    loki: LokiSettings | None = None
    jaeger: JaegerSettings | None = None


class Config(BaseSettings):
    """Everything that can be set; with no file at all these defaults stand."""

    model_config = SettingsConfigDict(
        frozen=True, extra="forbid", env_prefix=PREFIX, env_nested_delimiter="__"
    )

    home: Path = Field(default=Path(".autoheal"), description="folder for everything Autoheal writes")
    environment: str = Field(default="production", description="environment of alerts that name none")
    policy: Path | None = Field(default=None, description="policy file; without one the safe defaults stand")
    repositories: dict[str, Path] = Field(
        default_factory=dict, description="git repositories by name; `context` is made in home when not named"
    )
    database: DatabaseSettings = DatabaseSettings()
    runs: RunsSettings = RunsSettings()
    http: WebSettings = WebSettings()
    access: AccessSettings = AccessSettings()
    sources: SourceSettings = SourceSettings()
    platform: PlatformSettings | None = None
    pager: PagerSettings = PagerSettings()
    slack: SlackSettings | None = None
    mcp: dict[str, McpSettings] = Field(
        default_factory=dict, description="MCP servers by name, whose tools a person may classify"
    )
    models: dict[str, ModelSettings] = Field(
        default_factory=dict, description="AI models by name; none is asked that no stage of reasoning names"
    )
    reasoning: ReasoningSettings = ReasoningSettings()
    graph: GraphSettings = GraphSettings()
    alerts: AlertSettings = AlertSettings()
    healing: HealingSettings = HealingSettings()
    learning: LearningSettings = LearningSettings()
    recording: RecordingSettings = RecordingSettings()

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Only what is handed in: `load` reads the file and the environment, and notes which gave what."""
        del settings_cls, env_settings, dotenv_settings, file_secret_settings
        return (init_settings,)

    @field_validator("mcp")
    @classmethod
    def _named(cls, value: dict[str, McpSettings]) -> dict[str, McpSettings]:
        for name in value:
            if not SERVER_NAME.fullmatch(name):
                raise ValueError(f"{name!r} is no name of a server: a letter, then at most 23 of a-z 0-9 -")
        return value

    @field_validator("reasoning")
    @classmethod
    def _known(cls, value: ReasoningSettings, info: ValidationInfo) -> ReasoningSettings:
        models = info.data.get("models", {})
        for stage in Stage:
            for name in value.models(stage):
                if name not in models:
                    raise ValueError(
                        f"{stage} names {name!r}, but there is no [models.{name}]{suggestion(name, models)}"
                    )
        return value

    @property
    def database_url(self) -> str:
        """The URL of the product's own database."""
        given = self.database.url
        return given.get_secret_value() if given else f"sqlite:///{self.home.absolute() / 'autoheal.db'}"

    @property
    def runs_url(self) -> str:
        """The URL of the durable runs: on PostgreSQL the product's own database, else a file beside it."""
        if self.runs.url:
            return self.runs.url.get_secret_value()
        if self.database_url.startswith("postgresql"):
            return self.database_url
        return f"sqlite:///{self.home.absolute() / 'runs.db'}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting:
    """One value in force: dotted name, text with secrets masked, origin, and what it is for."""

    name: str
    value: str
    origin: str
    description: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Loaded:
    """The settings in force, and for each dotted name that is not a default where it came from."""

    config: Config
    file: Path | None
    origins: Mapping[str, str]

    def settings(self) -> tuple[Setting, ...]:
        """Every value with its origin, in the order of the types."""
        descriptions = {known.name: known.description for known in known_settings()}
        return tuple(
            Setting(
                name=name,
                value=value,
                origin=self.origins.get(name, "default"),
                description=descriptions.get(name, ""),
            )
            for name, value in _leaves(self.config.model_dump(mode="json"))
        )


def find(path: Path | None) -> Path | None:
    """The settings file: the given one, else $AUTOHEAL_CONFIG, else ./autoheal.toml, else none."""
    named = path or (Path(os.environ["AUTOHEAL_CONFIG"]) if os.environ.get("AUTOHEAL_CONFIG") else None)
    if named is None:
        return Path(FILE) if Path(FILE).is_file() else None
    if not named.is_file():
        raise ConfigError(f"{named}: no such settings file; `autoheal init` writes one")
    return named


def load(path: Path | None = None) -> Loaded:
    """Read file and environment, the environment winning; raises ConfigError naming the place."""
    file = find(path)
    text = _read(file)
    from_file, from_environment = _parse(text, file), _environment()
    origins = {name: f"{file}:{line_of(text, name.split('.'))}" for name, _ in _leaves(from_file)}
    origins |= {name: variable(name.split(".")) for name, _ in _leaves(from_environment)}
    try:
        config = Config.model_validate(_housed(_merged(_anchored(from_file, file), from_environment)))
    except ValidationError as error:
        problem = error.errors(include_url=False)[0]
        raise ConfigError(_explain(problem, text, file, from_environment)) from None
    return Loaded(config=config, file=file, origins=origins)


def variable(place: Sequence[str]) -> str:
    """The environment variable of a setting."""
    return PREFIX + "__".join(place).upper()


def line_of(text: str, place: Sequence[str]) -> int:
    """The line on which a setting or its nearest table stands; 1 when it is not found."""
    best, section = 1, list[str]()
    for number, line in enumerate(text.splitlines(), start=1):
        if header := re.match(r"\s*\[+\s*([^\]]+?)\s*\]", line):
            section = [part.strip(" \"'") for part in header[1].split(".")]
            best = number if section == place[: len(section)] else best
        elif key := re.match(r"\s*([A-Za-z0-9_.\"'-]+)\s*=", line):
            here = [*section, *(part.strip("\"'") for part in key[1].split("."))]
            if here == place[: len(here)]:
                return number
    return best


def _read(file: Path | None) -> str:
    if file is None:
        return ""
    try:
        return file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"{file}: cannot be read: {error}") from None


def _parse(text: str, file: Path | None) -> dict[str, object]:
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(f"{file}: not TOML: {error}") from None


def _environment() -> dict[str, object]:
    _refuse_unknown_variables()
    try:
        return EnvSettingsSource(Config)()
    except ValueError as error:
        raise ConfigError(f"environment: {error}; lists and tables are given as JSON") from None


def _refuse_unknown_variables() -> None:
    for name in sorted(os.environ):
        first, *deeper = name.removeprefix(PREFIX).lower().split("__")
        if not name.startswith(PREFIX) or name in _NOT_SETTINGS or first in Config.model_fields:
            continue
        meant = suggestion(first, Config.model_fields)
        # Other programs may use our prefix; what has our shape, or nearly our name, is a slip.
        if deeper or meant:
            raise ConfigError(f"environment variable {name}: no such setting {first!r}{meant}")


def _anchored(given: dict[str, object], file: Path | None) -> dict[str, object]:
    """Paths of a file are relative to its folder, not to wherever the command was started."""
    if file is None:
        return given
    folder = file.absolute().parent
    anchored = {"home": str(Config.model_fields["home"].default), **given}
    for name in ("home", "policy"):
        if isinstance(path := anchored.get(name), str):
            anchored[name] = str(folder / path)
    if isinstance(pager := given.get("pager"), dict) and isinstance(pager.get("file"), str):
        anchored["pager"] = {**pager, "file": str(folder / pager["file"])}
    if isinstance(named := given.get("repositories"), dict):
        anchored["repositories"] = {
            name: str(folder / path) if isinstance(path, str) else path for name, path in named.items()
        }
    return anchored


def _housed(given: dict[str, object]) -> dict[str, object]:
    """What has a place of its own in home follows when home is elsewhere."""
    pager = given.get("pager", {})
    if not isinstance(pager, dict):
        return given
    home = Path(str(given.get("home", Config.model_fields["home"].default)))
    return {**given, "pager": {"file": home / "pages.jsonl", **pager}}


def _merged(below: Mapping[str, object], above: Mapping[str, object]) -> dict[str, object]:
    merged = dict(below)
    for key, value in above.items():
        under = merged.get(key)
        both = isinstance(under, dict) and isinstance(value, dict)
        merged[key] = _merged(under, value) if both else value  # type: ignore[arg-type]  # both are dicts
    return merged


def _leaves(tree: Mapping[str, object], prefix: str = "") -> Iterator[tuple[str, str]]:
    for key, value in tree.items():
        if isinstance(value, dict) and value:
            yield from _leaves(value, f"{prefix}{key}.")
        else:
            yield f"{prefix}{key}", "" if value is None else str(value)


def _explain(problem: ErrorDetails, text: str, file: Path | None, environment: Mapping[str, object]) -> str:
    place = [str(part) for part in problem["loc"]]
    name = ".".join(place)
    if _holds(environment, place):
        where = f"environment variable {variable(place)}"
    else:
        where = f"{file}:{line_of(text, place)}"
    if problem["type"] == "extra_forbidden":
        return f"{where}: no such setting {name}{suggestion(place[-1], _fields(Config, place[:-1]))}"
    # The value is not repeated: it may be a secret.
    return f"{where}: {name}: {problem['msg'].removeprefix('Value error, ')}"


def _holds(tree: Mapping[str, object], place: Sequence[str]) -> bool:
    for part in place:
        if not isinstance(tree, dict) or part not in tree:
            return False
        tree = tree[part]
    return True


def suggestion(name: str, known: Iterable[str]) -> str:
    """`; did you mean x?` where something known is near, else nothing."""
    near = difflib.get_close_matches(name, list(known), n=1)
    return f"; did you mean {near[0]}?" if near else ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """One setting that exists: dotted name, type, default as text, and what it is for."""

    name: str
    type: str
    default: str
    description: str


def known_settings(model: type[BaseModel] = Config, prefix: str = "") -> Iterator[Known]:
    """Every setting there is, in the order of the types."""
    for name, field in model.model_fields.items():
        if (table := _table(field.annotation)) is not None:
            named = "<name>." if get_origin(field.annotation) is dict else ""
            yield from known_settings(table, f"{prefix}{name}.{named}")
        else:
            default = field.get_default(call_default_factory=True, validated_data={})
            yield Known(
                name=f"{prefix}{name}",
                type=_type_name(field.annotation),
                default="required" if field.is_required() else _as_text(default),
                description=field.description or "",
            )


def _as_text(value: object) -> str:
    return "" if value in (None, {}, ()) else str(value)


def _type_name(annotation: object) -> str:
    parts = [part for part in get_args(annotation) if part is not type(None)] or [annotation]
    if isinstance(annotation, type) or len(parts) > 1:
        parts = [annotation]
    return getattr(parts[0], "__name__", str(parts[0]))


def _table(annotation: object) -> type[BaseModel] | None:
    for part in (annotation, *get_args(annotation)):
        if isinstance(part, type) and issubclass(part, BaseModel):
            return part
    return None


def _fields(model: type[BaseModel], place: Sequence[str]) -> list[str]:
    if not place:
        return list(model.model_fields)
    field = model.model_fields.get(place[0])
    inner = _table(field.annotation) if field else None
    skipped = 2 if field and get_origin(field.annotation) is dict else 1
    return _fields(inner, place[skipped:]) if inner else []
