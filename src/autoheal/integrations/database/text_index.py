"""Full-text search on either database, bounded in time: the rarest words choose, a rank orders them."""

from __future__ import annotations

import re
from collections.abc import Sequence
from threading import Lock

from sqlalchemy import Connection, text

from autoheal.integrations.database.schema import storable

_COMMON = 2_000
"""A word in more facts than this says little; ranking them all would take as long as reading them."""
_MOST_WORDS = 32
_MOST_KNOWN = 50_000

_SQLITE_COUNT = text(
    "SELECT count(*) FROM (SELECT 1 FROM fact_words WHERE fact_words MATCH :words LIMIT :most)"
)
_SQLITE_BEST = text("SELECT fact_id FROM fact_words WHERE fact_words MATCH :words ORDER BY rank LIMIT :limit")
_SQLITE_ANY = text("SELECT fact_id FROM fact_words WHERE fact_words MATCH :words LIMIT :limit")
# Spelled like the index of the first version: only the same expression finds it.
_MATCHES = "to_tsvector('simple'::regconfig, statement) @@ to_tsquery('simple'::regconfig, :words)"
_POSTGRES_COUNT = text(f"SELECT count(*) FROM (SELECT 1 FROM fact WHERE {_MATCHES} LIMIT :most) AS found")  # noqa: S608  our own text
_POSTGRES_BEST = text(
    "SELECT id FROM (SELECT id, ts_rank(to_tsvector('simple'::regconfig, statement),"  # noqa: S608  our own text
    f" to_tsquery('simple'::regconfig, :words)) AS rank FROM fact WHERE {_MATCHES} LIMIT :most) AS found"
    " ORDER BY rank DESC, id LIMIT :limit"
)


class TextIndex:
    """Finds facts by words and remembers which words are common."""

    def __init__(self, *, sqlite: bool) -> None:
        self._sqlite = sqlite
        self._known: dict[str, int] = {}
        self._lock = Lock()

    def matches(self, connection: Connection, asked: str, limit: int) -> list[str]:
        """Ids of facts with any of the words that tell, those with most of them first."""
        words = list(dict.fromkeys(re.findall(r"\w+", storable(asked).lower())))[:_MOST_WORDS]
        counts = {word: self._count(connection, word) for word in words}
        telling = [word for word in words if 0 < counts[word] < _COMMON]
        if telling:
            return self._best(connection, telling, limit)
        common = [word for word in words if counts[word]]
        return self._any(connection, common, limit) if common else []

    def _count(self, connection: Connection, word: str) -> int:
        """In how many facts, up to the limit; a word once common stays so."""
        if self._known.get(word, 0) >= _COMMON:
            return _COMMON
        query, asked = (_SQLITE_COUNT, _quoted(word)) if self._sqlite else (_POSTGRES_COUNT, word)
        found = int(connection.execute(query, {"words": asked, "most": _COMMON}).scalar() or 0)
        if found >= _COMMON:
            with self._lock:
                if len(self._known) >= _MOST_KNOWN:
                    self._known.clear()
                self._known[word] = found
        return found

    def _best(self, connection: Connection, words: Sequence[str], limit: int) -> list[str]:
        if self._sqlite:
            asked = {"words": " OR ".join(map(_quoted, words)), "limit": limit}
            return list(connection.execute(_SQLITE_BEST, asked).scalars())
        most = _COMMON * len(words)
        asked = {"words": " | ".join(words), "limit": limit, "most": most}
        return list(connection.execute(_POSTGRES_BEST, asked).scalars())

    def _any(self, connection: Connection, words: Sequence[str], limit: int) -> list[str]:
        """Where every word is common: facts with all of them, as the database comes upon them."""
        if self._sqlite:
            asked = {"words": " AND ".join(map(_quoted, words)), "limit": limit}
            return list(connection.execute(_SQLITE_ANY, asked).scalars())
        asked = {"words": " & ".join(words), "limit": limit, "most": _COMMON}
        return list(connection.execute(_POSTGRES_BEST, asked).scalars())


def _quoted(word: str) -> str:
    return f'"{word}"'


def index(connection: Connection, statements: Sequence[tuple[str, str]]) -> None:
    """Make facts findable; PostgreSQL does it by itself."""
    if connection.dialect.name == "sqlite" and statements:
        query = text("INSERT INTO fact_words (fact_id, statement) VALUES (:id, :statement)")
        rows = [{"id": storable(key), "statement": storable(words)} for key, words in statements]
        connection.execute(query, rows)
