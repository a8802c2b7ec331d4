"""Which facts touch some nodes, the newest first: index only, so that a hub costs no more than the limit."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import datetime
from functools import lru_cache

from sqlalchemy import Connection, TextClause, text

from autoheal.integrations.database.schema import storable

Triple = tuple[str, str, str, float | None]
Rows = Sequence[Sequence[object]]

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
    SELECT fact.id, fact.body, fact.retracted_at {said} FROM (
        SELECT id, recorded_at FROM ({subjects} UNION {objects}) AS touching
        ORDER BY recorded_at DESC, id LIMIT :newest
    ) AS chosen {join} JOIN fact ON fact.id = chosen.id ORDER BY chosen.recorded_at DESC, chosen.id"""
_SQLITE_SUBJECTS = """
    SELECT f.subject FROM json_each(:urns) AS u CROSS JOIN fact AS f
    WHERE f.rowid IN (
        SELECT rowid FROM fact INDEXED BY fact_newest_object WHERE object = u.value
        AND relation IN (SELECT value FROM json_each(:relations)) AND {moment}
        ORDER BY recorded_at DESC, id LIMIT :newest
    ) ORDER BY f.recorded_at DESC, f.id LIMIT :newest"""
_POSTGRES_SUBJECTS = """
    SELECT f.subject FROM unnest(CAST(:urns AS text[])) AS u(urn) CROSS JOIN LATERAL (
        SELECT subject, id, recorded_at FROM fact WHERE object = u.urn
        AND relation = ANY(CAST(:relations AS text[])) AND {moment}
        ORDER BY recorded_at DESC, id LIMIT :newest
    ) AS f ORDER BY f.recorded_at DESC, f.id LIMIT :newest"""
_SQLITE_COUNT = """SELECT count(*) FROM (
        SELECT 1 FROM json_each(:urns) AS u CROSS JOIN fact INDEXED BY fact_newest_{end} WHERE {end} = u.value
        AND relation IN (SELECT value FROM json_each(:relations)) AND {moment} {not_yet} LIMIT :newest
    )"""
_POSTGRES_COUNT = """SELECT count(*) FROM (
        SELECT 1 FROM fact WHERE {end} = ANY(CAST(:urns AS text[]))
        AND relation = ANY(CAST(:relations AS text[])) AND {moment} {not_yet} LIMIT :newest
    ) AS found"""
# Counted as a subject already.
_SQLITE_OTHER = "AND subject NOT IN (SELECT value FROM json_each(:urns))"
_POSTGRES_OTHER = "AND subject <> ALL(CAST(:urns AS text[]))"
# With who says so in the same answer: another question would be another way to the server and back. NULL
# where one source stands by it and its words are in the fact already, which is the rule.
POSTGRES_SAID = """(
        SELECT CASE WHEN count(*) = 1 AND count(withdrawn_at) = 0
            AND bool_and(position(assertion.body IN fact.body) > 0) THEN NULL
        ELSE json_agg(
            CASE WHEN withdrawn_at IS NULL THEN to_json(assertion.body)
            ELSE json_build_array(assertion.body, withdrawn_at, restored_at) END ORDER BY sequence
        ) END FROM assertion WHERE fact_id = fact.id
    )"""
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
_SAID = (
    "SELECT fact_id, body, withdrawn_at, restored_at FROM assertion"
    " WHERE fact_id {among} ORDER BY fact_id, sequence"
)


def touching(
    connection: Connection,
    urns: Sequence[str],
    relations: Sequence[str],
    times: tuple[datetime | None, datetime | None],
    newest: int,
) -> Rows:
    """Id, body, end of belief of facts known at the one and true at the other time (None: now).

    On PostgreSQL also who says so, as the fourth.
    """
    sqlite, (known_at, true_at) = connection.dialect.name == "sqlite", times
    query = _query(sqlite=sqlite, known=known_at is not None, true=true_at is not None)
    return connection.execute(query, _asked(urns, relations, times, newest, sqlite=sqlite)).all()


def counted(
    connection: Connection,
    urns: Sequence[str],
    relations: Sequence[str],
    times: tuple[datetime | None, datetime | None],
    most: int,
) -> int:
    """How many such facts there are, each once; counts no further than so many."""
    sqlite, (known_at, true_at) = connection.dialect.name == "sqlite", times
    query = _count(sqlite=sqlite, known=known_at is not None, true=true_at is not None)
    asked = _asked(urns, relations, times, most, sqlite=sqlite)
    return min(int(connection.execute(query, asked).scalar() or 0), most)


def subjects(
    connection: Connection, objects: Sequence[str], relations: Sequence[str], newest: int
) -> list[str]:
    """What is believed now to stand so to these, the newest first, each once; no fact is read whole."""
    sqlite = connection.dialect.name == "sqlite"
    asked = _asked(objects, relations, (None, None), newest, sqlite=sqlite)
    return list(dict.fromkeys(connection.execute(_subjects(sqlite=sqlite), asked).scalars()))


def _asked(
    urns: Sequence[str],
    relations: Sequence[str],
    times: tuple[datetime | None, datetime | None],
    newest: int,
    *,
    sqlite: bool,
) -> dict[str, object]:
    known_at, true_at = times
    asked: dict[str, object] = {
        "urns": listed([storable(urn) for urn in urns], sqlite=sqlite),
        "relations": listed(relations, sqlite=sqlite),
        "newest": newest,
    }
    asked |= {"known": known_at.timestamp()} if known_at else {}
    return asked | ({"true": true_at.timestamp()} if true_at else {})


def said(
    connection: Connection, fact_ids: Sequence[str]
) -> dict[str, list[str | Sequence[str | float | None]]]:
    """Who says so, of each fact, in the order it was said; with the times where it was taken back."""
    sqlite = connection.dialect.name == "sqlite"
    found: dict[str, list[str | Sequence[str | float | None]]] = {key: [] for key in fact_ids}
    if fact_ids:
        asked = {"ids": listed(fact_ids, sqlite=sqlite)}
        for key, body, *times in connection.execute(_among(_SAID, sqlite=sqlite), asked):
            found[key].append(body if times[0] is None else (body, *times))
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


def _moment(*, known: bool, true: bool) -> str:
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
    return f"{believed} AND {held}"


@lru_cache
def _query(*, sqlite: bool, known: bool, true: bool) -> TextClause:
    one, moment = _SQLITE_ENDS if sqlite else _POSTGRES_ENDS, _moment(known=known, true=true)
    ends = {name: one.format(end=name, moment=moment) for name in ("subject", "object")}
    join = "CROSS" if sqlite else ""
    said = "" if sqlite else f", {POSTGRES_SAID}"
    return text(_NEWEST.format(subjects=ends["subject"], objects=ends["object"], join=join, said=said))


@lru_cache
def _subjects(*, sqlite: bool) -> TextClause:
    one = _SQLITE_SUBJECTS if sqlite else _POSTGRES_SUBJECTS
    return text(one.format(moment=_moment(known=False, true=False)))


@lru_cache
def _count(*, sqlite: bool, known: bool, true: bool) -> TextClause:
    one, moment = _SQLITE_COUNT if sqlite else _POSTGRES_COUNT, _moment(known=known, true=true)
    of = {"moment": moment, "not_yet": ""}
    subjects = one.format(end="subject", **of)
    objects = one.format(end="object", **of | {"not_yet": _SQLITE_OTHER if sqlite else _POSTGRES_OTHER})
    return text(f"SELECT ({subjects}) + ({objects})")


@lru_cache
def _among(query: str, *, sqlite: bool) -> TextClause:
    return text(
        query.format(
            among="IN (SELECT value FROM json_each(:ids))" if sqlite else "= ANY(CAST(:ids AS text[]))"
        )
    )
