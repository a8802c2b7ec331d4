"""Facts in rows: which were believed and true at an instant, and many written in one transaction."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import lru_cache
from hashlib import blake2b
from operator import itemgetter
from typing import cast
from uuid import UUID, uuid5

from sqlalchemy import ColumnClause, ColumnElement, Connection, and_, insert, literal_column, or_, select

from autoheal.domain.errors import ConflictError
from autoheal.domain.fact import Fact, Provenance, Relation
from autoheal.integrations.database import graph_near, schema
from autoheal.integrations.database.codec import decode, encode_plain
from autoheal.integrations.database.text_index import index
from autoheal.integrations.database.writing import insert_all, insert_once

FACTS, ASSERTIONS = schema.fact, schema.assertion
BATCH = 500
_NAMESPACE = UUID("6ba7b812-9dad-11d1-80b4-00c04fd430c8")
_ID_ATTEMPTS = 1_000

Saying = Sequence[str | Sequence[str | float | None]]
"""Who says so, as JSON; with the times where it was taken back."""
Triple = tuple[str, str, str, float | None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Moment:
    """Two times: what was known then, and what was true then; None is now."""

    known_at: datetime | None = None
    true_at: datetime | None = None

    @property
    def terms(self) -> tuple[ColumnElement[bool], ColumnElement[bool]]:
        """The conditions on a fact's row."""
        return _known(self.known_at), _true(self.true_at)


NOW = Moment()


def _known(at: datetime | None) -> ColumnElement[bool]:
    """What was believed at the instant: recorded by then, and not yet retracted."""
    if at is None:
        return FACTS.c.retracted_at.is_(None)
    then = at.timestamp()
    believed = or_(FACTS.c.retracted_at.is_(None), FACTS.c.retracted_at > then)
    return and_(FACTS.c.recorded_at <= then, believed)


def _true(at: datetime | None) -> ColumnElement[bool]:
    """What held in the world at the instant; now when none is given."""
    if at is None:
        return FACTS.c.valid_to.is_(None)
    then = at.timestamp()
    begun = or_(FACTS.c.valid_from.is_(None), FACTS.c.valid_from <= then)
    return and_(begun, or_(FACTS.c.valid_to.is_(None), FACTS.c.valid_to > then))


def read(
    connection: Connection, *terms: ColumnElement[bool], moment: Moment = NOW, newest: int | None = None
) -> list[Fact]:
    """The facts that meet the terms, oldest first; with a limit the newest ones, newest first."""
    first = FACTS.c.recorded_at.asc() if newest is None else FACTS.c.recorded_at.desc()
    query = select(*_columns(connection)).where(*terms, *moment.terms)
    return _words(
        connection, connection.execute(query.order_by(first, FACTS.c.id).limit(newest)).all(), moment
    )


def by_id(connection: Connection, ids: Sequence[str], *, moment: Moment | None = NOW) -> dict[str, Fact]:
    """Facts by id; without a moment whatever was ever believed."""
    query = select(*_columns(connection)).where(FACTS.c.id.in_(ids))
    if moment is not None:
        query = query.where(*moment.terms)
    return {fact.id: fact for fact in _words(connection, connection.execute(query).all(), moment or NOW)}


def archived(connection: Connection, ids: Sequence[str]) -> dict[str, Fact]:
    """Facts by id with all that was ever said of them, what was taken back marked as such."""
    found = by_id(connection, ids, moment=None)
    said = graph_near.said(connection, list(found))
    return {
        key: replace(fact, provenance=tuple(map(_marked, said[key])) or fact.provenance)
        for key, fact in found.items()
    }


def _marked(said: str | Sequence[str | float | None]) -> Provenance:
    if isinstance(said, str):
        return decode(Provenance, said)
    body, withdrawn, restored = said
    return replace(
        decode(Provenance, str(body)), withdrawn_at=_instant(withdrawn), restored_at=_instant(restored)
    )


def _instant(seconds: object) -> datetime | None:
    return datetime.fromtimestamp(seconds, tz=UTC) if isinstance(seconds, float) else None


def touching(
    connection: Connection, urns: Sequence[str], relations: Sequence[Relation], moment: Moment, newest: int
) -> list[Fact]:
    """What is known of these nodes, as subject or object: at most so many, newest first."""
    names, times = [relation.value for relation in relations], (moment.known_at, moment.true_at)
    return _words(connection, graph_near.touching(connection, urns, names, times, newest), moment)


def _columns(connection: Connection) -> list[ColumnClause[object]]:
    """What a fact is read from; SQLite is asked apart who says so, which costs no way to a server."""
    columns = ["fact.id", "fact.body", "fact.retracted_at"]
    if connection.dialect.name != "sqlite":
        columns.append(graph_near.POSTGRES_SAID)
    return [literal_column(column) for column in columns]


def _words(connection: Connection, rows: Sequence[Sequence[object]], moment: Moment) -> list[Fact]:
    if connection.dialect.name == "sqlite":
        apart = graph_near.said(connection, [str(row[0]) for row in rows])
        rows = [(*row, apart[str(row[0])]) for row in rows]
    return [
        _believed(
            str(body),
            str(key),
            None if said is None else _heard(cast("Saying", said), moment.known_at),
            _instant(retracted),
            moment.known_at,
        )
        for key, body, retracted, said in rows
    ]


def _heard(said: Saying, known_at: datetime | None) -> list[str]:
    """What had not been taken back by then."""
    then = float("inf") if known_at is None else known_at.timestamp()
    return [
        one if isinstance(one, str) else str(one[0])
        for one in said
        if isinstance(one, str) or not _withdrawn(one[1], one[2], then)
    ]


def _withdrawn(withdrawn: str | float | None, restored: str | float | None, then: float) -> bool:
    gone = isinstance(withdrawn, float) and withdrawn <= then
    return gone and not (isinstance(restored, float) and restored <= then)


def _believed(
    body: str, fact_id: str, said: Sequence[str] | None, retracted: datetime | None, known_at: datetime | None
) -> Fact:
    """The fact as it was known: what was said or taken back later is left out.

    said is None where it is what the body holds; it is empty where all was taken back, and then who said so
    once stays, since no fact is without.
    """
    retracted_at = None if known_at else retracted
    fact = decode(Fact, body)
    provenance = fact.provenance
    # One source is the rule, and that one stands in the body already.
    if said and (len(said) != 1 or said[0] not in body):
        provenance = tuple(decode(Provenance, one) for one in said)
    if known_at is not None and len(provenance) > 1:
        provenance = tuple(one for one in provenance if one.asserted_at <= known_at) or provenance[:1]
    if (fact.id, fact.retracted_at, fact.provenance) == (fact_id, retracted_at, provenance):
        return fact
    return replace(fact, id=fact_id, retracted_at=retracted_at, provenance=provenance)


def believe(connection: Connection, facts: Sequence[Fact]) -> list[str]:
    """Believe each fact, or add its provenance to the same open one; returns the ids they have."""
    known = _same_open(connection, facts)
    fresh = {_triple(fact): fact for fact in reversed(facts) if _triple(fact) not in known}
    known |= _insert(connection, list(reversed(fresh.values())))
    ids = [known[_triple(fact)] for fact in facts]
    _say(connection, [(key, said) for key, fact in zip(ids, facts, strict=True) for said in fact.provenance])
    return ids


def _say(connection: Connection, said: Sequence[tuple[str, Provenance]]) -> None:
    """Write who says so, and from which input they know."""
    episodes = {episode_key(one): one for _, one in said}
    rows = [_episode_row(*key, said=one) for key, one in sorted(episodes.items(), key=itemgetter(0))]
    insert_all(connection, schema.episode, rows)
    insert_all(connection, ASSERTIONS, [_assertion_row(key, one) for key, one in said])


def episode_key(said: Provenance) -> tuple[str, str, str]:
    """The source, the input and what read it; one such is one episode."""
    return said.source, said.reference, said.extractor


@lru_cache(maxsize=10_000)
def _episode_id(source: str, reference: str, extractor: str) -> str:
    return blake2b(f"{source}\0{reference}\0{extractor}".encode(), digest_size=10).hexdigest()


def _episode_row(source: str, reference: str, extractor: str, *, said: Provenance) -> dict[str, object]:
    name, _, version = extractor.partition("@")
    return {
        "id": _episode_id(source, reference, extractor),
        "source": source,
        "reference": reference,
        "extractor": name,
        "version": version,
        "recorded_at": said.asserted_at.timestamp(),
    }


def _triple(fact: Fact) -> Triple:
    """What makes two facts the same; one that has ended is another than the one that still holds."""
    ended = fact.valid_to.timestamp() if fact.valid_to else None
    return schema.storable(fact.subject), fact.relation.value, schema.storable(fact.object), ended


def _same_open(connection: Connection, facts: Sequence[Fact]) -> dict[Triple, str]:
    wanted = sorted({_triple(fact)[:3] for fact in facts})
    found = graph_near.same(connection, wanted, ended=False)
    if any(fact.valid_to for fact in facts):
        found |= graph_near.same(connection, wanted, ended=True)
    return found


def _insert(connection: Connection, facts: Sequence[Fact]) -> dict[Triple, str]:
    """All at once where their ids are new, which is nearly always; else one by one."""
    taken = graph_near.taken(connection, [fact.id for fact in facts])
    free = [fact for fact in facts if fact.id not in taken]
    if len({fact.id for fact in free}) == len(free) and len(free) > 1 and connection.dialect.name == "sqlite":
        # The one writer of this database: nobody else can come to believe the same in this moment.
        connection.execute(insert(FACTS), [_fact_row(fact) for fact in free])
        index(connection, [(fact.id, fact.statement) for fact in free])
        inserted = {_triple(fact): fact.id for fact in free}
        return inserted | {_triple(f): _insert_one(connection, f) for f in facts if f.id in taken}
    if connection.dialect.name != "sqlite" and len(free) > 1:
        return _insert_racing(connection, facts)
    return {_triple(fact): _insert_one(connection, fact) for fact in facts}


def _insert_racing(connection: Connection, facts: Sequence[Fact]) -> dict[Triple, str]:
    """Others may believe the same at once: what they were faster with is found afterwards."""
    insert_all(connection, FACTS, [_fact_row(fact) for fact in sorted(facts, key=_order)])
    inserted = _same_open(connection, facts)
    left = [fact for fact in facts if _triple(fact) not in inserted]
    return inserted | {_triple(fact): _insert_one(connection, fact) for fact in left}


def _order(fact: Fact) -> tuple[str, str, str]:
    """One order for all writers, so that no two wait for each other."""
    return fact.subject, fact.relation.value, fact.object


def _insert_one(connection: Connection, fact: Fact) -> str:
    """Believe it under its own id, or under a new one where that belongs to what was once retracted."""
    row = _fact_row(fact)
    for attempt in range(1, _ID_ATTEMPTS):
        if insert_once(connection, FACTS, row):
            index(connection, [(str(row["id"]), fact.statement)])
            return str(row["id"])
        # Not ours: another process came to believe the same in this moment.
        if same := _same_open(connection, [fact]).get(_triple(fact)):
            return same
        row["id"] = f"{fact.id}:{attempt + 1}"
    raise ConflictError(f"fact {fact.id} was retracted too often; give it a new id")


def restore(connection: Connection, fact: Fact) -> None:
    """Put back what was once believed, as it was; what is there already stays."""
    if insert_once(connection, FACTS, _fact_row(fact)):
        index(connection, [(fact.id, fact.statement)])
        _say(connection, [(fact.id, said) for said in fact.provenance])


def _fact_row(fact: Fact) -> dict[str, object]:
    return {
        "id": fact.id,
        "subject": fact.subject,
        "relation": fact.relation.value,
        "object": fact.object,
        "statement": fact.statement,
        "valid_from": _seconds(fact.valid_from),
        "valid_to": _seconds(fact.valid_to),
        "recorded_at": fact.recorded_at.timestamp(),
        "retracted_at": _seconds(fact.retracted_at),
        # Who says so stands in rows of their own; one is kept here, since no fact is without.
        "body": encode_plain(replace(fact, provenance=fact.provenance[:1])),
    }


def _assertion_row(fact_id: str, provenance: Provenance) -> dict[str, object]:
    """One source says the same thing once, however often it is read; another moment is another saying."""
    plain = provenance
    if provenance.withdrawn_at is not None:
        plain = replace(provenance, withdrawn_at=None, restored_at=None)
    body = encode_plain(plain)
    return {
        "fact_id": fact_id,
        "key": str(uuid5(_NAMESPACE, body)),
        "body": body,
        "episode": _episode_id(*episode_key(provenance)),
        "withdrawn_at": _seconds(provenance.withdrawn_at),
        "restored_at": _seconds(provenance.restored_at),
    }


def _seconds(at: datetime | None) -> float | None:
    return at.timestamp() if at else None
