"""What can hurt the services that hurt: themselves, what they call, and by its load what calls them."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import replace
from typing import TypeVar

import polars as pl

from autoheal.diagnosis.telemetry import Telemetry

Calls = Sequence[tuple[str, str]]
"""Pairs of a caller and its callee."""

T = TypeVar("T", pl.DataFrame, pl.DataFrame | None)


def called_by(service: str, calls: Calls) -> set[str]:
    """Everything that a service calls, directly or not."""
    found: set[str] = set()
    frontier = [service]
    while frontier:
        caller = frontier.pop()
        new = {b for a, b in calls if a == caller} - found
        found |= new
        frontier += sorted(new)
    return found


def callers_of(service: str, calls: Calls) -> set[str]:
    """Everything that calls a service, directly or not."""
    return called_by(service, [(callee, caller) for caller, callee in calls])


def reach(services: Collection[str], calls: Calls) -> set[str]:
    """The services, their callees and their callers, directly or not."""
    return {name for s in services for name in (s, *called_by(s, calls), *callers_of(s, calls))}


def within(telemetry: Telemetry, near: Collection[str]) -> Telemetry:
    """The telemetry of these entities only; a change that names no entity stays."""
    return replace(
        telemetry,
        metrics=_only(telemetry.metrics, near),
        logs=_only(telemetry.logs, near),
        spans=_only(telemetry.spans, near),
        topology=tuple((a, b) for a, b in telemetry.topology if a in near and b in near),
        changes=tuple(change for change in telemetry.changes if not change.entity or change.entity in near),
    )


def _only(table: T, near: Collection[str]) -> T:
    return table if table is None else table.filter(pl.col("entity").is_in(list(near)))
