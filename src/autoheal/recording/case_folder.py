"""A case on disk: alert, telemetry and changes in one folder, read into Telemetry and written back."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import polars as pl

from autoheal.diagnosis.telemetry import LOG_COLUMNS, METRIC_COLUMNS, SPAN_COLUMNS, Telemetry
from autoheal.domain.change import Change, ChangeKind
from autoheal.domain.errors import MalformedError, NotFoundError

Json = Mapping[str, object]


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """One recorded failure: its id, its system, the alert's sentence, and what was measured.

    services are those that alarmed, where more is known than the one that the alert names.
    """

    id: str
    system: str
    summary: str
    source: str
    telemetry: Telemetry
    services: tuple[str, ...] = ()


def load_case(folder: Path) -> Case:
    """Read a case folder, never its truth; raises NotFoundError or MalformedError naming the file."""
    head = _read_json(folder / "case.json")
    missing: list[str] = []
    metrics = _table(folder / "metrics.parquet", METRIC_COLUMNS, missing)
    logs = _table(folder / "logs.parquet", LOG_COLUMNS, missing)
    spans = _table(folder / "spans.parquet", SPAN_COLUMNS, missing)
    telemetry = Telemetry(
        start=_earliest(head, metrics, folder),
        end=_number(_pair(head, "window", folder)[1], "window", folder),
        alert_time=_number(head.get("alert_time"), "alert_time", folder),
        alert_entity=_text(_mapping(head.get("alert")).get("entity")) or None,
        metrics=metrics if metrics is not None else pl.DataFrame(schema=METRIC_COLUMNS),
        logs=logs,
        spans=spans,
        topology=_topology(head, folder),
        changes=read_changes(folder / "changes.json"),
        missing=tuple(missing),
        earliest_onset=_optional(head, "earliest_onset", folder),
        logs_from=_optional(head, "logs_from", folder),
    )
    return Case(
        id=_text(head.get("id")) or folder.name,
        system=_text(head.get("system")),
        summary=_text(_mapping(head.get("alert")).get("summary")),
        source=_text(head.get("source")),
        telemetry=telemetry,
        services=_texts(_mapping(head.get("alert")).get("services")),
    )


def write_case(folder: Path, case: Case) -> None:
    """Write the case in the same format, so that a recording replays like a public case."""
    folder.mkdir(parents=True, exist_ok=True)
    telemetry = case.telemetry
    head = {
        "id": case.id,
        "system": case.system,
        "alert_time": telemetry.alert_time,
        "alert": {
            "entity": telemetry.alert_entity,
            "summary": case.summary,
            "services": list(case.services),
        },
        "window": [telemetry.start, telemetry.end],
        "topology": [list(pair) for pair in telemetry.topology],
        "source": case.source,
        "earliest_onset": telemetry.earliest_onset,
        "logs_from": telemetry.logs_from,
    }
    (folder / "case.json").write_text(json.dumps(head, indent=1, ensure_ascii=False))
    telemetry.metrics.write_parquet(folder / "metrics.parquet")
    if telemetry.logs is not None:
        telemetry.logs.write_parquet(folder / "logs.parquet")
    if telemetry.spans is not None:
        telemetry.spans.write_parquet(folder / "spans.parquet")
    if telemetry.changes:
        changes = [_change_json(change) for change in telemetry.changes]
        (folder / "changes.json").write_text(json.dumps({"changes": changes}, indent=1, ensure_ascii=False))


def case_folders(root: Path) -> tuple[Path, ...]:
    """The case folders under a folder, by name; raises NotFoundError where there is none."""
    if not root.is_dir():
        raise NotFoundError(f"no such folder: {root}: give a folder that holds case folders")
    found = tuple(sorted(path.parent for path in root.glob("*/case.json")))
    if not found:
        raise NotFoundError(f"no case in {root}: a case is a folder with a case.json")
    return found


def read_changes(path: Path) -> tuple[Change, ...]:
    """Changes of a case in time order; both the recorder's list and commits, deploys and flags are read."""
    if not path.exists():
        return ()
    body = _read_json(path)
    found = [*_recorded(body), *_commits(body), *_deploys(body), *_flags(body)]
    return tuple(sorted(found, key=lambda change: change.time))


def _recorded(body: Json) -> Iterator[Change]:
    for row in _rows(body, "changes"):
        yield Change(
            id=_text(row.get("id")),
            kind=_kind(_text(row.get("kind"))),
            entity=_text(row.get("entity")),
            time=_when(row.get("time")),
            author=_text(row.get("author")),
            title=_text(row.get("title")),
            diff=_text(row.get("diff")),
            files=_texts(row.get("files")),
        )


def _commits(body: Json) -> Iterator[Change]:
    for row in _rows(body, "commits"):
        yield Change(
            id=_text(row.get("sha")),
            kind=ChangeKind.COMMIT,
            entity=_text(row.get("service")),
            time=_when(row.get("timestamp")),
            author=_text(row.get("author")),
            title=_text(row.get("message")),
            diff=_text(row.get("diff")),
            files=_texts(row.get("files_changed")),
        )


def _deploys(body: Json) -> Iterator[Change]:
    for row in _rows(body, "deploys"):
        yield Change(
            id=_text(row.get("commit_sha")),
            kind=ChangeKind.DEPLOY,
            entity=_text(row.get("service")),
            time=_when(row.get("timestamp")),
            title=_text(row.get("version")),
        )


def _flags(body: Json) -> Iterator[Change]:
    for row in _rows(body, "flags"):
        yield Change(
            id=_text(row.get("flag")),
            kind=ChangeKind.FLAG,
            entity=_text(row.get("service")),
            time=_when(row.get("timestamp")),
            author=_text(row.get("actor")),
            title=_text(row.get("change")),
        )


def _change_json(change: Change) -> dict[str, object]:
    return {
        "id": change.id,
        "kind": change.kind.value,
        "entity": change.entity,
        "time": change.time,
        "author": change.author,
        "title": change.title,
        "diff": change.diff,
        "files": list(change.files),
    }


def _kind(word: str) -> ChangeKind:
    return ChangeKind(word) if word in set(ChangeKind) else ChangeKind.COMMIT


def _read_json(path: Path) -> Json:
    try:
        body: object = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise NotFoundError(f"no {path.name} in {path.parent}: is this a case folder?") from None
    except (OSError, ValueError) as error:
        raise MalformedError(f"{path}: cannot be read as JSON ({error})") from None
    if not isinstance(body, dict):
        raise MalformedError(f"{path}: expected a JSON object at the top")
    return body


def _table(path: Path, columns: Mapping[str, type[pl.DataType]], missing: list[str]) -> pl.DataFrame | None:
    if not path.exists():
        if path.stem == "metrics":
            missing.append("metrics")
        return None
    try:
        table = pl.read_parquet(path, memory_map=False)
        extra = [pl.col("error").cast(pl.Boolean)] if "error" in table.columns else []
        return table.select(
            *(pl.col(name).cast(kind, strict=False) for name, kind in columns.items()), *extra
        )
    except (OSError, pl.exceptions.PolarsError) as error:
        raise MalformedError(f"{path}: {str(error).splitlines()[0]}; columns {', '.join(columns)}") from None


def _earliest(head: Json, metrics: pl.DataFrame | None, folder: Path) -> float:
    start = _number(_pair(head, "window", folder)[0], "window", folder)
    first = metrics["time"].min() if metrics is not None else None
    return min(start, first) if isinstance(first, float) else start


def _topology(head: Json, folder: Path) -> tuple[tuple[str, str], ...]:
    pairs = head.get("topology", [])
    if not isinstance(pairs, list):
        raise MalformedError(f"{folder / 'case.json'}: topology must be a list of [caller, callee]")
    return tuple(
        (_text(p[0]), _text(p[1])) for p in pairs if isinstance(p, list) and len(p) == len(("a", "b"))
    )


def _pair(head: Json, key: str, folder: Path) -> Sequence[object]:
    pair = head.get(key)
    if not isinstance(pair, list) or len(pair) != len(("start", "end")):
        raise MalformedError(f"{folder / 'case.json'}: {key} must be [start, end] in unix seconds")
    return pair


def _number(value: object, key: str, folder: Path) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise MalformedError(f"{folder / 'case.json'}: {key} must be a number (unix seconds)")
    return float(value)


def _optional(head: Json, key: str, folder: Path) -> float | None:
    return None if head.get(key) is None else _number(head[key], key, folder)


def _rows(body: Json, key: str) -> Iterator[Json]:
    rows = body.get(key)
    for row in rows if isinstance(rows, list) else []:
        yield _mapping(row)


def _mapping(value: object) -> Json:
    return value if isinstance(value, dict) else {}


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""


def _texts(value: object) -> tuple[str, ...]:
    return tuple(_text(item) for item in value) if isinstance(value, list) else ()


def _when(value: object) -> float:
    if isinstance(value, int | float):
        return float(value)
    try:
        at = datetime.fromisoformat(_text(value))
    except ValueError:
        raise MalformedError(f"changes.json: {value!r} is no time; use ISO 8601 or unix seconds") from None
    return (at if at.tzinfo else at.replace(tzinfo=UTC)).timestamp()
