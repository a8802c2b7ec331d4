"""Words to JSON and back: what comes back is what was stored, also where a number is none."""

from __future__ import annotations

import json
import zlib
from collections.abc import Sequence
from typing import TypeVar, cast

from pydantic import TypeAdapter

from autoheal.domain.evidence import Row

T = TypeVar("T")


_adapters: dict[type, object] = {}


def encode(word: object) -> str:
    """A frozen dataclass of the domain as JSON; NaN and infinity stay what they are."""
    return json.dumps(_adapter(type(word)).dump_python(word, mode="json"), ensure_ascii=False)


def encode_plain(word: object) -> str:
    """The same, twice as fast, for words without a number in them that could be none."""
    return _adapter(type(word)).dump_json(word).decode()


def decode(word: type[T], text: str) -> T:
    """The dataclass that the JSON was made from."""
    return _adapter(word).validate_json(text)


def _adapter(word: type[T]) -> TypeAdapter[T]:
    """Building one takes milliseconds, so each word's is built once."""
    if word not in _adapters:
        _adapters[word] = TypeAdapter(word)
    return cast("TypeAdapter[T]", _adapters[word])


def pack(rows: Sequence[Row]) -> bytes:
    """Rows as compressed JSON; floats keep every bit."""
    plain = [[row.time, row.entity, row.subject, row.value, row.text] for row in rows]
    return zlib.compress(json.dumps(plain, ensure_ascii=True).encode(), level=1)


def unpack(data: bytes) -> list[Row]:
    """The rows that were packed."""
    plain = json.loads(zlib.decompress(data))
    return [Row(time=t, entity=e, subject=s, value=v, text=x) for t, e, s, v, x in plain]
