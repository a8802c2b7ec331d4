"""Strict reading of JSON from outside: what is ambiguous or hostile is refused with the field's name."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import NoReturn

from autoheal.domain.errors import MalformedError
from autoheal.ports.runs import Json

MAX_BYTES = 1_000_000
MAX_DEPTH = 32
MAX_TEXT = 16_384
_MILLISECONDS_FROM = 1e11  # in seconds this would be the year 5138


def parse(body: bytes) -> Json:
    """At most 1 MB and 32 levels of UTF-8, no NaN, no key twice in an object; raises MalformedError."""
    if len(body) > MAX_BYTES:
        raise MalformedError(f"the payload has {len(body)} bytes; the limit is {MAX_BYTES}")
    try:
        document: Json = json.loads(
            body.decode("utf-8"),
            object_pairs_hook=_unique,
            parse_constant=_refuse_constant,
            parse_float=_finite,
        )
    except UnicodeDecodeError as error:
        raise MalformedError(f"the payload is not UTF-8 at byte {error.start}") from None
    except json.JSONDecodeError as error:
        raise MalformedError(f"the payload is not JSON: {error.msg} at line {error.lineno}") from None
    except RecursionError:
        raise MalformedError(f"the payload is nested deeper than {MAX_DEPTH} levels") from None
    except ValueError as error:
        raise MalformedError(f"the payload holds a number that cannot be read: {error}") from None
    _check(document)
    return document


def mapping(value: Json, where: str) -> Mapping[str, Json]:
    """The value as an object; raises MalformedError naming the field."""
    if not isinstance(value, dict):
        raise MalformedError(f"{where} must be an object, not {_kind(value)}")
    return value


def sequence(value: Json, where: str) -> list[Json]:
    """The value as a list; raises MalformedError naming the field."""
    if not isinstance(value, list):
        raise MalformedError(f"{where} must be a list, not {_kind(value)}")
    return value


def text(value: Json, where: str) -> str:
    """The value as text, empty when absent; raises MalformedError naming the field."""
    if value is None:
        return ""
    if not isinstance(value, str):
        raise MalformedError(f"{where} must be text, not {_kind(value)}")
    return clean(value)


def texts(value: Json, where: str) -> dict[str, str]:
    """The value as labels, empty when absent; raises MalformedError naming the field."""
    if value is None:
        return {}
    pairs = mapping(value, where).items()
    return {clean(key): text(item, f"{where}.{key}") for key, item in pairs}


def moment(value: Json, where: str) -> datetime | None:
    """RFC 3339 text or unix time (seconds or milliseconds) in UTC; None when absent or the year 1."""
    if value is None or value == "":
        return None
    try:
        if isinstance(value, str):
            return _instant(value)
        if isinstance(value, int | float) and not isinstance(value, bool):
            seconds = value / 1000 if value >= _MILLISECONDS_FROM else value
            return datetime.fromtimestamp(seconds, tz=UTC)
    except (ValueError, OverflowError, OSError):
        pass
    raise MalformedError(
        f"{where} must be a time with zone like 2026-11-20T14:05:30Z or unix seconds, not {_shown(value)}"
    )


def clean(value: str) -> str:
    """Text that every database can hold: no NUL, at most 16,384 characters."""
    shortened = value if len(value) <= MAX_TEXT else value[: MAX_TEXT - 1] + "…"
    return shortened.replace("\x00", "\N{REPLACEMENT CHARACTER}")


def _instant(value: str) -> datetime | None:
    instant = datetime.fromisoformat(value)
    if instant.year <= 1:  # how Go writes "no time"
        return None
    if instant.tzinfo is None:
        raise ValueError("no time zone")
    return instant.astimezone(UTC)


def _unique(pairs: list[tuple[str, Json]]) -> dict[str, Json]:
    found = dict(pairs)
    if len(found) != len(pairs):
        keys = [key for key, _ in pairs]
        twice = next(key for key in keys if keys.count(key) > 1)
        raise MalformedError(f"the payload has the key {twice[:80]!r} twice in one object")
    return found


def _refuse_constant(name: str) -> NoReturn:
    raise MalformedError(f"the payload holds {name}, which JSON does not know")


def _finite(digits: str) -> float:
    number = float(digits)
    if not math.isfinite(number):
        raise MalformedError(f"the payload holds a number that is too large: {digits[:40]}")
    return number


def _check(document: Json) -> None:
    """Refuse what Python's reader lets pass: too many levels, and surrogates that no encoder can write."""
    waiting: list[tuple[Json, int]] = [(document, 1)]
    while waiting:
        value, depth = waiting.pop()
        if isinstance(value, str):
            _encodable(value)
        elif isinstance(value, dict | list):
            if depth > MAX_DEPTH:
                raise MalformedError(f"the payload is nested deeper than {MAX_DEPTH} levels")
            if isinstance(value, dict):
                waiting += [(key, depth + 1) for key in value]
            children = value.values() if isinstance(value, dict) else value
            waiting += [(child, depth + 1) for child in children]


def _encodable(value: str) -> None:
    try:
        value.encode("utf-8")
    except UnicodeEncodeError:
        raise MalformedError("the payload holds half of a surrogate pair, which is no character") from None


def _kind(value: Json) -> str:
    names = {dict: "an object", list: "a list", str: "text", bool: "true or false", type(None): "null"}
    return names.get(type(value), "a number")


def _shown(value: Json) -> str:
    return repr(value)[:60] if isinstance(value, str | int | float) else _kind(value)
