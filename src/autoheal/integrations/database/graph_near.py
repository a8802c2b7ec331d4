"""Which facts touch some nodes, the newest first: index only, so that a hub costs no more than the limit."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import datetime
from functools import lru_cache

from sqlalchemy import Connection, TextClause, text

from autoheal.integrations.database.schema import storable

Triple = tuple[str, str, str, float | None]
Rows = list[tuple[str, str, float | None]]

_SQLITE_ENDS = """
    SELECT f.id, f.recorded_at FROM json_each(:urns) AS u CROSS JOIN fact AS f
    WHERE f.rowid IN (
        SELECT rowid FROM fact INDEXED BY fact_newest_{end} WHERE {end} = u.value
        AND relation IN (SELECT value FROM json_each(:relations)) AND {moment}
        ORDER BY recorded_at DESC, id LIMIT :newest
    )"""
_POSTGRES_ENDS = """
    SELECT f.id, f.recorded_at FROM unnest(CAST(:urns AS text[])) AS u(urn) CROSS JOIN LATERAL (
        SELECT id, recorded_at FROM fact WHERE {end} = u.urn
        AND relation = ANY(CAST(:relations AS text[])) AND {moment}
        ORDER BY recorded_at DESC, id LIMIT :newest
    ) AS f"""
# The newest so many of all are among the newest so many of each node.
_NEWEST = """
    SELECT fact.id, fact.body, fact.retracted_at FROM (
        SELECT id, recorded_at FROM ({subjects} UNION {objects}) AS touching
        ORDER BY recorded_at DESC, id LIMIT :newest
    ) AS chosen {join} JOIN fact ON fact.id = chosen.id ORDER BY chosen.recorded_at DESC, chosen.id"""
_SQLITE_SAME = """
    SELECT f.subject, f.relation, f.object, f.valid_to, f.id FROM json_each(:triples) AS t
    CROSS JOIN fact AS f
    WHERE f.subject = json_extract(t.value, '$[0]') AND f.relation = json_extract(t.value, '$[1]')
    AND f.object = json_extract(t.value, '$[2]')
    AND f.retracted_at IS NULL AND f.valid_to IS {ended} ORDER BY f.id DESC"""
_POSTGRES_SAME = """
    SELECT subject, relation, object, valid_to, id FROM
    unnest(CAST(:subjects AS text[]), CAST(:relations AS text[]), CAST(:objects AS text[])) AS t(s, r, o)
    JOIN fact ON subject = t.s AND relation = t.r AND object = t.o
    WHERE retracted_at IS NULL AND valid_to IS {ended} ORDER BY id DESC"""
_TAKEN = "SELECT id FROM fact WHERE id {among}"
_SAID = "SELECT fact_id, body FROM assertion WHERE fact_id {among} ORDER BY fact_id, sequence"


def touching(
    connection: Connection,
    urns: Sequence[str],
    relations: Sequence[str],
    times: tuple[datetime | None, datetime | None],
    newest: int,
) -> Rows:
    """Id, body and end of belief of facts known at the one and true at the other time (None: now)."""
    sqlite = connection.dialect.name == "sqlite"
    known_at, true_at = times
    asked: dict[str, object] = {
        "urns": listed([storable(urn) for urn in urns], sqlite=sqlite),
        "relations": listed(relations, sqlite=sqlite),
        "newest": newest,
    }
    asked |= {"known": known_at.timestamp()} if known_at else {}
    asked |= {"true": true_at.timestamp()} if true_at else {}
    query = _query(sqlite=sqlite, known=known_at is not None, true=true_at is not None)
    return [(row[0], row[1], row[2]) for row in connection.execute(query, asked)]


def said(connection: Connection, fact_ids: Sequence[str]) -> dict[str, list[str]]:
    """Who says so, of each fact, in the order in which it was said."""
    sqlite = connection.dialect.name == "sqlite"
    found: dict[str, list[str]] = {key: [] for key in fact_ids}
    if fact_ids:
        asked = {"ids": listed(fact_ids, sqlite=sqlite)}
        for key, body in connection.execute(_among(_SAID, sqlite=sqlite), asked):
            found[key].append(body)
    return found


def same(
    connection: Connection, triples: Sequence[tuple[str, str, str]], *, ended: bool
) -> dict[Triple, str]:
    """The ids of what is believed of subject, relation and object: what still holds, or what has ended."""
    sqlite = connection.dialect.name == "sqlite"
    query = (_SQLITE_SAME if sqlite else _POSTGRES_SAME).format(ended="NOT NULL" if ended else "NULL")
    names = ("subjects", "relations", "objects")
    columns = {name: [triple[at] for triple in triples] for at, name in enumerate(names)}
    asked: dict[str, object] = {"triples": json.dumps(triples)} if sqlite else {**columns}
    return {(row[0], row[1], row[2], row[3]): row[4] for row in connection.execute(text(query), asked)}


def taken(connection: Connection, ids: Sequence[str]) -> set[str]:
    """Which of these ids are those of whatever was ever believed."""
    sqlite = connection.dialect.name == "sqlite"
    asked = {"ids": listed([storable(key) for key in ids], sqlite=sqlite)}
    return set(connection.execute(_among(_TAKEN, sqlite=sqlite), asked).scalars())


def listed(values: Sequence[str], *, sqlite: bool) -> object:
    """Many values as one parameter, so that a statement is compiled once whatever their number."""
    return json.dumps(list(values)) if sqlite else list(values)


@lru_cache
def _query(*, sqlite: bool, known: bool, true: bool) -> TextClause:
    believed = (
        "recorded_at <= :known AND (retracted_at IS NULL OR retracted_at > :known)"
        if known
        else "retracted_at IS NULL"
    )
    held = (
        "(valid_from IS NULL OR valid_from <= :true) AND (valid_to IS NULL OR valid_to > :true)"
        if true
        else "valid_to IS NULL"
    )
    one = _SQLITE_ENDS if sqlite else _POSTGRES_ENDS
    ends = {name: one.format(end=name, moment=f"{believed} AND {held}") for name in ("subject", "object")}
    join = "CROSS" if sqlite else ""
    return text(_NEWEST.format(subjects=ends["subject"], objects=ends["object"], join=join))


@lru_cache
def _among(query: str, *, sqlite: bool) -> TextClause:
    return text(
        query.format(
            among="IN (SELECT value FROM json_each(:ids))" if sqlite else "= ANY(CAST(:ids AS text[]))"
        )
    )
