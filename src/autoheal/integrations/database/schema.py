"""The tables: what is searched for is a column, everything else is the word itself as JSON in `body`.

Columns named `at` hold unix seconds, for order and search only; the exact times stand in the body.
"""

from __future__ import annotations

from sqlalchemy import (
    Boolean,
    Column,
    Dialect,
    Double,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    Table,
    TypeDecorator,
    UniqueConstraint,
    text,
)
from sqlalchemy import Text as DatabaseText

metadata = MetaData()


def storable(words: str) -> str:
    """Text from outside, with a question mark for what no database can hold: half characters and NUL."""
    if words.isascii() and "\0" not in words:
        return words
    return words.encode("utf-8", "replace").decode().replace("\0", "?")


class Text(TypeDecorator[str]):
    """Text that the database surely takes, when stored and when compared."""

    impl = DatabaseText
    cache_ok = True

    def process_bind_param(self, value: str | None, dialect: Dialect) -> str | None:
        """Before it is sent."""
        del dialect
        return None if value is None else storable(value)


_NEWEST = (text("recorded_at DESC"), "id", "relation", "valid_from", "valid_to", "retracted_at")
_OPEN = "retracted_at IS NULL AND valid_to IS NULL"


def _body() -> Column[str]:
    return Column("body", Text, nullable=False)


raw_event = Table(
    "raw_event",
    metadata,
    Column("id", Text, primary_key=True),
    Column("source", Text, nullable=False),
    Column("at", Double, nullable=False),
    Column("payload", LargeBinary, nullable=False),
    Column("handled", Boolean, nullable=False, index=True),
)
alert = Table(
    "alert",
    metadata,
    Column("occurrence", Text, primary_key=True),
    Column("at", Double, nullable=False, index=True),
    _body(),
)
alert_group = Table(
    "alert_group",
    metadata,
    Column("id", Text, primary_key=True),
    Column("incident_id", Text, nullable=False, unique=True),
    Column("at", Double, nullable=False),
    _body(),
)
incident = Table(
    "incident",
    metadata,
    Column("id", Text, primary_key=True),
    Column("at", Double, nullable=False, index=True),
    Column("state", Text, nullable=False),
    _body(),
)
timeline = Table(
    "timeline",
    metadata,
    Column("sequence", Integer, primary_key=True, autoincrement=True),
    Column("incident_id", Text, nullable=False),
    Column("key", Text, nullable=False),
    Column("at", Double, nullable=False),
    _body(),
    UniqueConstraint("incident_id", "key"),
)
evidence = Table(
    "evidence",
    metadata,
    Column("sequence", Integer, primary_key=True, autoincrement=True),
    Column("id", Text, nullable=False, unique=True),
    Column("incident_id", Text, nullable=False, index=True),
    _body(),
    Column("result", LargeBinary, nullable=False),
)
investigation = Table(
    "investigation",
    metadata,
    Column("id", Text, primary_key=True),
    Column("incident_id", Text, nullable=False, index=True),
    Column("at", Double, nullable=False),
    _body(),
)
ledger = Table(
    "ledger",
    metadata,
    Column("sequence", Integer, primary_key=True, autoincrement=True),
    Column("incident_id", Text, nullable=False, index=True),
    _body(),
)
mitigation = Table(
    "mitigation",
    metadata,
    Column("id", Text, primary_key=True),
    Column("incident_id", Text, nullable=False, index=True),
    Column("at", Double, nullable=False, index=True),
    Column("state", Text, nullable=False),
    _body(),
)
approval = Table(
    "approval",
    metadata,
    Column("id", Text, primary_key=True),
    Column("mitigation_id", Text, nullable=False, index=True),
    Column("at", Double, nullable=False),
    Column("used", Boolean, nullable=False),
    _body(),
)
verification = Table("verification", metadata, Column("mitigation_id", Text, primary_key=True), _body())
fence = Table(
    "fence",
    metadata,
    Column("target", Text, primary_key=True),
    Column("epoch", Integer, nullable=False),
)
post = Table(
    "post",
    metadata,
    Column("incident_id", Text, primary_key=True),
    Column("key", Text, primary_key=True),
    Column("place", Text, nullable=False, index=True),
)
question = Table(
    "question",
    metadata,
    Column("id", Text, primary_key=True),
    Column("incident_id", Text, nullable=False, index=True),
    Column("at", Double, nullable=False, index=True),
    _body(),
)
tool = Table("tool", metadata, Column("id", Text, primary_key=True), _body())
person = Table(
    "person",
    metadata,
    Column("name", Text, primary_key=True),
    Column("token", Text, unique=True),
    _body(),
)
session = Table(
    "session",
    metadata,
    Column("digest", Text, primary_key=True),
    Column("name", Text, nullable=False, index=True),
    _body(),
)
switch = Table("switch", metadata, Column("name", Text, primary_key=True), Column("reason", Text))
audit = Table(
    "audit",
    metadata,
    Column("sequence", Integer, primary_key=True, autoincrement=False),
    Column("id", Text, nullable=False, unique=True),
    Column("incident_id", Text, nullable=False, index=True),
    Column("recorded_at", Text, nullable=False),
    Column("actor", Text, nullable=False),
    Column("kind", Text, nullable=False),
    _body(),
    Column("previous_hash", Text, nullable=False, unique=True),
    Column("hash", Text, nullable=False, unique=True),
)
proposal = Table(
    "proposal",
    metadata,
    Column("id", Text, primary_key=True),
    Column("incident_id", Text, nullable=False, index=True),
    Column("content_key", Text, nullable=False, index=True),
    Column("at", Double, nullable=False),
    _body(),
)
node = Table(
    "node",
    metadata,
    Column("urn", Text, primary_key=True),
    Column("kind", Text, nullable=False),
    Column("name", Text, nullable=False),
    _body(),
    Index("node_kind_name", "kind", "name"),
)
alias = Table(
    "alias",
    metadata,
    Column("scheme", Text, primary_key=True),
    Column("value", Text, primary_key=True),
    Column("urn", Text, nullable=False),
)
fact = Table(
    "fact",
    metadata,
    Column("id", Text, primary_key=True),
    Column("subject", Text, nullable=False),
    Column("relation", Text, nullable=False),
    Column("object", Text, nullable=False),
    Column("statement", Text, nullable=False),
    Column("valid_from", Double),
    Column("valid_to", Double),
    Column("recorded_at", Double, nullable=False),
    Column("retracted_at", Double),
    _body(),
    # Newest first and with all that a question of a moment asks: the body is read only of what survives.
    Index("fact_newest_subject", "subject", *_NEWEST),
    Index("fact_newest_object", "object", *_NEWEST),
    # What is believed of one relation, whatever it joins; what is over would only make it longer.
    Index(
        "fact_relation",
        "relation",
        "recorded_at",
        sqlite_where=text("retracted_at IS NULL"),
        postgresql_where=text("retracted_at IS NULL"),
    ),
    # A believed fact is there once, also when two processes come to believe it in the same moment.
    Index(
        "fact_open",
        "subject",
        "relation",
        "object",
        unique=True,
        sqlite_where=text(_OPEN),
        postgresql_where=text(_OPEN),
    ),
)
episode = Table(
    "episode",
    metadata,
    Column("id", Text, primary_key=True),
    Column("source", Text, nullable=False),
    Column("reference", Text, nullable=False),
    Column("extractor", Text, nullable=False),
    Column("version", Text, nullable=False),
    Column("recorded_at", Double, nullable=False),
    Index("episode_extractor", "extractor", "version"),
)
assertion = Table(
    "assertion",
    metadata,
    Column("sequence", Integer, primary_key=True, autoincrement=True),
    Column("fact_id", Text, ForeignKey("fact.id"), nullable=False),
    Column("key", Text, nullable=False),
    _body(),
    # No foreign key: both rows are written in one transaction, and the check would cost each assertion.
    Column("episode", Text),
    Column("withdrawn_at", Double),
    Column("restored_at", Double),
    UniqueConstraint("fact_id", "key"),
    Index("assertion_episode", "episode"),
)
node_merge = Table(
    "node_merge",
    metadata,
    Column("sequence", Integer, primary_key=True, autoincrement=True),
    Column("source", Text, nullable=False),
    Column("target", Text, nullable=False),
    Column("at", Text, nullable=False),
    Column("actor", Text, nullable=False),
    Column("reason", Text, nullable=False),
    Column("undone_at", Text),
    UniqueConstraint("source", "at"),
)
use = Table(
    "use",
    metadata,
    Column("sequence", Integer, primary_key=True, autoincrement=True),
    Column("urn", Text, nullable=False, index=True),
    Column("incident_id", Text, nullable=False),
    Column("useful", Boolean, nullable=False),
    Column("at", Double, nullable=False),
    UniqueConstraint("urn", "incident_id", "useful"),
)
trust = Table(
    "trust",
    metadata,
    Column("skill", Text, primary_key=True),
    Column("rung", Text, nullable=False),
    Column("reason", Text, nullable=False),
    Column("at", Double, nullable=False),
)
