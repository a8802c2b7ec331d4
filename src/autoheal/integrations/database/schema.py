"""The tables: what is searched for is a column, everything else is the word itself as JSON in `body`.

Columns named `at` hold unix seconds, for order and search only; the exact times stand in the body.
"""

from __future__ import annotations

from sqlalchemy import (
    Boolean,
    Column,
    Double,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    Text,
    UniqueConstraint,
)

metadata = MetaData()


def _body() -> Column[str]:
    return Column("body", Text, nullable=False)


raw_event = Table(
    "raw_event",
    metadata,
    Column("id", String, primary_key=True),
    Column("source", String, nullable=False),
    Column("at", Double, nullable=False),
    Column("payload", LargeBinary, nullable=False),
    Column("handled", Boolean, nullable=False, index=True),
)
alert = Table(
    "alert",
    metadata,
    Column("occurrence", String, primary_key=True),
    Column("at", Double, nullable=False, index=True),
    _body(),
)
alert_group = Table(
    "alert_group",
    metadata,
    Column("id", String, primary_key=True),
    Column("incident_id", String, nullable=False, unique=True),
    Column("at", Double, nullable=False),
    _body(),
)
incident = Table(
    "incident",
    metadata,
    Column("id", String, primary_key=True),
    Column("at", Double, nullable=False, index=True),
    Column("state", String, nullable=False),
    _body(),
)
timeline = Table(
    "timeline",
    metadata,
    Column("sequence", Integer, primary_key=True, autoincrement=True),
    Column("incident_id", String, nullable=False),
    Column("key", String, nullable=False),
    Column("at", Double, nullable=False),
    _body(),
    UniqueConstraint("incident_id", "key"),
)
evidence = Table(
    "evidence",
    metadata,
    Column("sequence", Integer, primary_key=True, autoincrement=True),
    Column("id", String, nullable=False, unique=True),
    Column("incident_id", String, nullable=False, index=True),
    _body(),
    Column("result", LargeBinary, nullable=False),
)
investigation = Table(
    "investigation",
    metadata,
    Column("id", String, primary_key=True),
    Column("incident_id", String, nullable=False, index=True),
    Column("at", Double, nullable=False),
    _body(),
)
ledger = Table(
    "ledger",
    metadata,
    Column("sequence", Integer, primary_key=True, autoincrement=True),
    Column("incident_id", String, nullable=False, index=True),
    _body(),
)
mitigation = Table(
    "mitigation",
    metadata,
    Column("id", String, primary_key=True),
    Column("incident_id", String, nullable=False, index=True),
    Column("at", Double, nullable=False, index=True),
    Column("state", String, nullable=False),
    _body(),
)
approval = Table(
    "approval",
    metadata,
    Column("id", String, primary_key=True),
    Column("mitigation_id", String, nullable=False, index=True),
    Column("at", Double, nullable=False),
    Column("used", Boolean, nullable=False),
    _body(),
)
verification = Table("verification", metadata, Column("mitigation_id", String, primary_key=True), _body())
fence = Table(
    "fence",
    metadata,
    Column("target", String, primary_key=True),
    Column("epoch", Integer, nullable=False),
)
switch = Table("switch", metadata, Column("name", String, primary_key=True), Column("reason", Text))
audit = Table(
    "audit",
    metadata,
    Column("sequence", Integer, primary_key=True, autoincrement=False),
    Column("id", String, nullable=False, unique=True),
    Column("incident_id", String, nullable=False, index=True),
    Column("recorded_at", String, nullable=False),
    Column("actor", String, nullable=False),
    Column("kind", String, nullable=False),
    _body(),
    Column("previous_hash", String, nullable=False, unique=True),
    Column("hash", String, nullable=False, unique=True),
)
proposal = Table(
    "proposal",
    metadata,
    Column("id", String, primary_key=True),
    Column("incident_id", String, nullable=False, index=True),
    Column("content_key", String, nullable=False, index=True),
    Column("at", Double, nullable=False),
    _body(),
)
node = Table(
    "node",
    metadata,
    Column("urn", String, primary_key=True),
    Column("kind", String, nullable=False),
    Column("name", String, nullable=False),
    _body(),
    Index("node_kind_name", "kind", "name"),
)
alias = Table(
    "alias",
    metadata,
    Column("scheme", String, primary_key=True),
    Column("value", String, primary_key=True),
    Column("urn", String, nullable=False),
)
fact = Table(
    "fact",
    metadata,
    Column("id", String, primary_key=True),
    Column("subject", String, nullable=False),
    Column("relation", String, nullable=False),
    Column("object", String, nullable=False),
    Column("statement", Text, nullable=False),
    Column("valid_from", Double),
    Column("valid_to", Double),
    Column("recorded_at", Double, nullable=False),
    Column("retracted_at", Double),
    _body(),
    Index("fact_subject", "subject", "relation"),
    Index("fact_object", "object", "relation"),
)
assertion = Table(
    "assertion",
    metadata,
    Column("sequence", Integer, primary_key=True, autoincrement=True),
    Column("fact_id", String, ForeignKey("fact.id"), nullable=False, index=True),
    Column("key", String, nullable=False),
    _body(),
    UniqueConstraint("fact_id", "key"),
)
use = Table(
    "use",
    metadata,
    Column("sequence", Integer, primary_key=True, autoincrement=True),
    Column("urn", String, nullable=False, index=True),
    Column("incident_id", String, nullable=False),
    Column("useful", Boolean, nullable=False),
    Column("at", Double, nullable=False),
    UniqueConstraint("urn", "incident_id", "useful"),
)
trust = Table(
    "trust",
    metadata,
    Column("skill", String, primary_key=True),
    Column("rung", String, nullable=False),
    Column("reason", Text, nullable=False),
    Column("at", Double, nullable=False),
)
