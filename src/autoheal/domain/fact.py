"""Something believed about production, since when, from where, until when."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum
from types import MappingProxyType


class NodeKind(StrEnum):
    """What the production context graph holds."""

    SERVICE = "service"
    RESOURCE = "resource"
    SYSTEM = "system"
    TEAM = "team"
    PERSON = "person"
    REPO = "repo"
    CHANGE = "change"
    ALERT_RULE = "alert_rule"
    INCIDENT = "incident"
    SYMPTOM = "symptom"
    FAILURE_MODE = "failure_mode"
    ACTION = "action"
    SKILL = "skill"
    DECISION = "decision"
    POSTMORTEM = "postmortem"


class Layer(StrEnum):
    """The four layers of what is known."""

    INFRASTRUCTURE = "infrastructure"
    CODE = "code"
    TOOLS = "tools"
    TRIBAL = "tribal knowledge"


_K = NodeKind
LAYERS: Mapping[NodeKind, Layer] = MappingProxyType(
    {
        **dict.fromkeys((_K.SERVICE, _K.RESOURCE, _K.SYSTEM), Layer.INFRASTRUCTURE),
        **dict.fromkeys((_K.REPO, _K.CHANGE), Layer.CODE),
        **dict.fromkeys((_K.ALERT_RULE, _K.ACTION, _K.SKILL), Layer.TOOLS),
        **dict.fromkeys((_K.TEAM, _K.PERSON, _K.INCIDENT, _K.SYMPTOM), Layer.TRIBAL),
        **dict.fromkeys((_K.FAILURE_MODE, _K.DECISION, _K.POSTMORTEM), Layer.TRIBAL),
    }
)
"""Each kind belongs to one layer."""


class Relation(StrEnum):
    """How two nodes stand to each other."""

    CALLS = "CALLS"
    DEPENDS_ON = "DEPENDS_ON"
    OWNED_BY = "OWNED_BY"
    PART_OF = "PART_OF"
    MEMBER_OF = "MEMBER_OF"
    BUILT_FROM = "BUILT_FROM"
    CHANGED = "CHANGED"
    CONTAINS = "CONTAINS"
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
    APPROVED_BY = "APPROVED_BY"
    ANSWERED_BY = "ANSWERED_BY"
    DESCRIBES = "DESCRIBES"
    DECIDED_IN = "DECIDED_IN"
    SUPERSEDES = "SUPERSEDES"


FUNCTIONAL = frozenset({Relation.OWNED_BY, Relation.PART_OF, Relation.BUILT_FROM, Relation.SUPERSEDES})
"""Relations of which a thing has one at a time: two of them are a conflict."""


class Method(StrEnum):
    """How a fact came to be believed; a person's word weighs most, an inference least."""

    HUMAN = "human"
    DECLARED = "declared"
    OBSERVED = "observed"
    DERIVED = "derived"
    INFERRED = "inferred"


@dataclass(frozen=True, slots=True, kw_only=True)
class Node:
    """One thing of production; the urn is `ah:<kind>:<scope>/<name>` in lower case and never changes.

    seen_at is when a source last told of it; a thing that no source tells of any more is retired, with its
    history kept, and comes back when one does.
    """

    urn: str
    kind: NodeKind
    name: str
    title: str = ""
    attributes: Mapping[str, str] = field(default_factory=dict)
    seen_at: datetime | None = None
    retired_at: datetime | None = None

    def updated(self, newer: Node) -> Node:
        """What is known once a source has told more: what it leaves out stays."""
        seen = max(filter(None, (self.seen_at, newer.seen_at)), default=None)
        retired = newer.retired_at
        if retired is None and (newer.seen_at is None or newer.seen_at == self.seen_at):
            retired = self.retired_at
        attributes = {**self.attributes, **newer.attributes}
        title = newer.title or self.title
        return replace(newer, title=title, attributes=attributes, seen_at=seen, retired_at=retired)


@dataclass(frozen=True, slots=True, kw_only=True)
class Provenance:
    """Why a fact is believed: which source, by which method, for (+1) or against (-1) it, when.

    The episode it comes from: reference is the key of the input that was read (a delivery, evidence, a query,
    a file at a commit), extractor what read it, as `name@version`.
    """

    source: str
    method: Method
    asserted_at: datetime
    actor: str
    polarity: int = 1
    reference: str = ""
    extractor: str = ""
    withdrawn_at: datetime | None = None
    """When all that the extractor said was taken back; such a saying is read only from an archive."""
    restored_at: datetime | None = None


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
    supersedes: str | None = None
    """The id of the fact in whose place this one stands."""
    attributes: Mapping[str, str] = field(default_factory=dict)
    provenance: tuple[Provenance, ...] = ()

    def __post_init__(self) -> None:
        if not self.provenance:
            raise ValueError(f"fact without provenance: {self.subject} {self.relation} {self.object}")


def urn(kind: NodeKind, name: str, scope: str = "default") -> str:
    """The stable name of a node."""
    return f"ah:{kind}:{scope}/{name}".lower()
