"""Something believed about production, since when, from where, until when."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum


class NodeKind(StrEnum):
    """What the production context graph holds."""

    SERVICE = "service"
    RESOURCE = "resource"
    TEAM = "team"
    PERSON = "person"
    CHANGE = "change"
    ALERT_RULE = "alert_rule"
    INCIDENT = "incident"
    SYMPTOM = "symptom"
    FAILURE_MODE = "failure_mode"
    ACTION = "action"
    SKILL = "skill"
    DECISION = "decision"


class Relation(StrEnum):
    """How two nodes stand to each other."""

    CALLS = "CALLS"
    OWNED_BY = "OWNED_BY"
    CHANGED = "CHANGED"
    MONITORS = "MONITORS"
    TRIGGERED_BY = "TRIGGERED_BY"
    AFFECTED = "AFFECTED"
    SHOWED = "SHOWED"
    CAUSED_BY = "CAUSED_BY"
    INSTANCE_OF = "INSTANCE_OF"
    MANIFESTS_AS = "MANIFESTS_AS"
    MITIGATED_BY = "MITIGATED_BY"
    RESOLVED_BY = "RESOLVED_BY"
    APPLIES_TO = "APPLIES_TO"
    HANDLED_BY = "HANDLED_BY"
    DECIDED_IN = "DECIDED_IN"
    SUPERSEDES = "SUPERSEDES"


class Method(StrEnum):
    """How a fact came to be believed; a person's word weighs most, an inference least."""

    HUMAN = "human"
    DECLARED = "declared"
    OBSERVED = "observed"
    DERIVED = "derived"
    INFERRED = "inferred"


@dataclass(frozen=True, slots=True, kw_only=True)
class Node:
    """One thing of production; the urn is `ah:<kind>:<scope>/<name>` in lower case and never changes."""

    urn: str
    kind: NodeKind
    name: str
    title: str = ""
    attributes: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Provenance:
    """Why a fact is believed: which source, by which method, for (+1) or against (-1) it, when."""

    source: str
    method: Method
    asserted_at: datetime
    actor: str
    polarity: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Fact:
    """One relation between two nodes in two times: valid in the world, recorded in our belief."""

    id: str
    subject: str
    relation: Relation
    object: str
    statement: str
    recorded_at: datetime
    valid_from: datetime | None = None
    valid_to: datetime | None = None
    retracted_at: datetime | None = None
    attributes: Mapping[str, str] = field(default_factory=dict)
    provenance: tuple[Provenance, ...] = ()

    def __post_init__(self) -> None:
        if not self.provenance:
            raise ValueError(f"fact without provenance: {self.subject} {self.relation} {self.object}")


def urn(kind: NodeKind, name: str, scope: str = "default") -> str:
    """The stable name of a node."""
    return f"ah:{kind}:{scope}/{name}".lower()
