"""Reads one log line: the trace it belongs to, and the message with what stands beside it."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass

_MAX_TEXT = 4_000
_TRACE = ("trace_id", "traceid", "traceID", "traceId", "trace.id", "otelTraceID")
_MESSAGE = ("message", "msg", "event", "body", "log")
_LEVEL = ("level", "severity", "lvl", "levelname", "log.level", "severity_text")
# What names the place or the moment, not what happened: kept in entity, subject and time.
_ELSEWHERE = re.compile(
    r"^(ts|time|timestamp|@timestamp|asctime|created|service(_name|\.name)?|app|host(name)?|pod|instance|pid"
    r"|logger|(otel)?span_?id|otelServiceName|trace_?flags)$",
    re.IGNORECASE,
)
_IN_TEXT = re.compile(r"\btrace_?id[\"']?\s*[=:]\s*[\"']?([0-9a-fA-F]{16,32})\b", re.IGNORECASE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One line as the port wants it."""

    trace_id: str
    text: str


def read(line: str, metadata: Mapping[str, str]) -> Line:
    """A JSON line becomes `LEVEL message key=value…`; any other line stays as it is."""
    fields = _fields(line)
    trace = _first(metadata, _TRACE) or _first(fields, _TRACE)
    if not trace and (found := _IN_TEXT.search(line)):
        trace = found[1]
    text = _text(fields) if _first(fields, _MESSAGE) else line
    return Line(trace_id=trace.lower(), text=text[:_MAX_TEXT])


def _fields(line: str) -> Mapping[str, str]:
    if not line.lstrip().startswith("{"):
        return {}
    try:
        document = json.loads(line)
    except (ValueError, RecursionError):
        return {}
    return {str(k): _plain(v) for k, v in document.items()} if isinstance(document, dict) else {}


def _plain(value: object) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _first(fields: Mapping[str, str], names: tuple[str, ...]) -> str:
    return next((fields[name] for name in names if fields.get(name)), "")


def _text(fields: Mapping[str, str]) -> str:
    level, message = _first(fields, _LEVEL).upper(), _first(fields, _MESSAGE)
    said = (*_TRACE, *_LEVEL, next(name for name in _MESSAGE if fields.get(name)))
    beside = [f"{k}={v}" for k, v in fields.items() if k not in said and not _ELSEWHERE.match(k)]
    return " ".join(filter(None, [level, message, *beside]))
