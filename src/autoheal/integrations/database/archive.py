"""The graph's tables as records and back, with everything that was ever believed."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import UTC, datetime

from sqlalchemy import Connection, Table, select

from autoheal.domain.fact import Fact, Node
from autoheal.domain.skill import Trust
from autoheal.integrations.database import facts, schema
from autoheal.integrations.database.codec import decode, encode
from autoheal.integrations.database.connections import Connections
from autoheal.integrations.database.merges import Merges, read_all, row_of
from autoheal.integrations.database.writing import insert_once
from autoheal.ports.archive import Name, Record, Rung, Used
from autoheal.ports.curation import Merge

_PAGE = 500


class DatabaseArchive:
    """The Archive on a database."""

    def __init__(self, connections: Connections, merges: Merges) -> None:
        self._connections = connections
        self._merges = merges

    def records(self) -> Iterator[Record]:
        """Everything, in one order; facts a page at a time."""
        with self._connections.read() as connection:
            nodes = select(schema.node.c.body).order_by(schema.node.c.urn)
            yield from (decode(Node, body) for body in connection.execute(nodes).scalars())
            names = select(schema.alias).order_by(schema.alias.c.scheme, schema.alias.c.value)
            for row in connection.execute(names):
                yield Name(scheme=row.scheme, value=row.value, urn=row.urn)
            yield from read_all(connection)
            yield from _facts(connection)
            for row in connection.execute(select(schema.use).order_by(schema.use.c.sequence)):
                yield Used(urn=row.urn, incident_id=row.incident_id, useful=row.useful, at=_moment(row.at))
            for row in connection.execute(select(schema.trust).order_by(schema.trust.c.skill)):
                yield Rung(skill=row.skill, trust=Trust(row.rung), reason=row.reason, at=_moment(row.at))

    def load(self, records: Iterable[Record]) -> int:
        """Take in what is not there yet, all of it or none."""
        count = 0
        with self._connections.write() as connection:
            for record in records:
                _load(connection, record)
                count += 1
        self._merges.forget()
        return count


def _facts(connection: Connection) -> Iterator[Fact]:
    table = schema.fact
    ids = list(connection.execute(select(table.c.id).order_by(table.c.recorded_at, table.c.id)).scalars())
    for start in range(0, len(ids), _PAGE):
        page = ids[start : start + _PAGE]
        found = facts.archived(connection, page)
        yield from (found[key] for key in page)


def _load(connection: Connection, record: Record) -> None:
    if isinstance(record, Fact):
        facts.restore(connection, record)
        return
    table, row = _row(record)
    insert_once(connection, table, row)


def _row(record: Node | Name | Merge | Used | Rung) -> tuple[Table, dict[str, object]]:
    if isinstance(record, Merge):
        return schema.node_merge, row_of(record)
    if isinstance(record, Node):
        body = encode(record)
        row: dict[str, object] = {"urn": record.urn, "kind": record.kind.value, "name": record.name}
        return schema.node, {**row, "body": body}
    if isinstance(record, Name):
        return schema.alias, {"scheme": record.scheme, "value": record.value, "urn": record.urn}
    at = record.at.timestamp()
    if isinstance(record, Used):
        used: dict[str, object] = {"urn": record.urn, "incident_id": record.incident_id, "at": at}
        return schema.use, {**used, "useful": record.useful}
    rung: dict[str, object] = {"skill": record.skill, "rung": record.trust.value, "reason": record.reason}
    return schema.trust, {**rung, "at": at}


def _moment(seconds: float) -> datetime:
    return datetime.fromtimestamp(seconds, tz=UTC)
