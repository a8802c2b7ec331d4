"""The read-only tools a skill's diagnosis may use, and what each one saves."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from autoheal.domain.errors import ConfigError
from autoheal.domain.skill import DiagnosisStep

SERVICE = "$service"
SERVICE_PATTERN = "^[a-zA-Z0-9_.:-]{1,100}$"
_SERVICE = re.compile(SERVICE_PATTERN)
_QUOTED_SERVICE = re.compile(r'"[^"]*\$service[^"]*"')
STATISTICS = ("last", "median", "max")


@dataclass(frozen=True, slots=True, kw_only=True)
class Tool:
    """A tool with the arguments it needs and may have."""

    required: tuple[str, ...]
    optional: tuple[str, ...] = ()


TOOLS: Mapping[str, Tool] = MappingProxyType(
    {
        "metrics.range": Tool(required=("query",), optional=("service", "window", "statistic")),
        "metrics.instant": Tool(required=("query",), optional=("service",)),
        "logs.count": Tool(required=("service", "contains"), optional=("window",)),
        "changes.recent": Tool(required=("service",), optional=("kind", "within")),
    }
)
"""metrics.* and logs.count save a number, and under `<save>_before` the same from before the onset;
changes.recent saves `found`, and of the newest change before the onset `kind`, `age` (seconds) and `id`."""


def bound(text: str, service: str) -> str:
    """The text with `$service` filled in; raises ConfigError for a name that could be more than a name."""
    if not _SERVICE.fullmatch(service):
        raise ConfigError(f"{service[:60]!r} is no service name that a query may hold")
    return text.replace(SERVICE, service)


def names_saved(step: DiagnosisStep) -> tuple[str, ...]:
    """The names that later expressions may use."""
    return (step.save,) if step.tool == "changes.recent" else (step.save, f"{step.save}_before")


def wrong_with(step: DiagnosisStep) -> str | None:
    """Why the step cannot run, or None."""
    tool = TOOLS.get(step.tool)
    if tool is None:
        return f"there is no tool {step.tool!r}; known: {', '.join(TOOLS)}"
    given = set(step.arguments)
    if missing := set(tool.required) - given:
        return f"{step.tool} misses {', '.join(sorted(missing))}"
    if unknown := given - {*tool.required, *tool.optional}:
        return f"{step.tool} does not know {', '.join(sorted(unknown))}"
    return _wrong_binding(step) or _wrong_statistic(step)


def _wrong_binding(step: DiagnosisStep) -> str | None:
    query = step.arguments.get("query", "")
    if "$" in _QUOTED_SERVICE.sub("", query):
        return f'a query may hold {SERVICE} inside quotes, such as service="{SERVICE}", and no other $'
    if step.arguments.get("service", SERVICE) != SERVICE:
        return f"the argument service is {SERVICE}: a skill looks at the service that is asked about"
    if SERVICE not in query and "service" not in step.arguments:
        return f"it does not look at {SERVICE}: put it into the query or give it as argument"
    return None


def _wrong_statistic(step: DiagnosisStep) -> str | None:
    statistic = step.arguments.get("statistic", "last")
    return None if statistic in STATISTICS else f"statistic is one of {', '.join(STATISTICS)}"
