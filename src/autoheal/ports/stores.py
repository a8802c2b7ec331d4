"""What we remember: one store per noun, on whatever database."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from autoheal.domain.alert import Alert
from autoheal.domain.alert_group import AlertGroup
from autoheal.domain.approval import Approval
from autoheal.domain.catalog import Asked, Nearby, NodePage
from autoheal.domain.evidence import Evidence, Row
from autoheal.domain.fact import Fact, Node, Relation
from autoheal.domain.incident import Incident, TimelineEntry
from autoheal.domain.investigation import Investigation
from autoheal.domain.ledger import LedgerEntry
from autoheal.domain.mitigation import Mitigation, Verification
from autoheal.domain.proposal import Proposal
from autoheal.domain.question import Question
from autoheal.domain.skill import Guide, Skill, Trust


@dataclass(frozen=True, slots=True, kw_only=True)
class RawEvent:
    """One delivery exactly as it came, kept for good."""

    id: str
    source: str
    received_at: datetime
    body: bytes
    handled: bool = False


class AlertStore(Protocol):
    """Raw deliveries, alert occurrences and their groups."""

    def append_event(self, event: RawEvent) -> None:
        """Store the delivery so that it survives power loss before this returns."""
        ...

    def event(self, event_id: str) -> RawEvent:
        """One delivery; raises NotFoundError."""
        ...

    def unhandled_events(self) -> Sequence[RawEvent]:
        """Deliveries that were acknowledged but not yet turned into alerts, oldest first."""
        ...

    def exclusively(self) -> AbstractContextManager[None]:
        """One transaction that no other writer of alerts interleaves with: all of it commits, or none."""
        ...

    def mark_handled(self, event_id: str) -> None:
        """Note that the alerts of this delivery are stored."""
        ...

    def occurrence(self, occurrence: str) -> Alert | None:
        """The latest known state of an occurrence."""
        ...

    def save_alert(self, alert: Alert) -> None:
        """Insert or replace by `alert.occurrence`."""
        ...

    def alerts(self, *, since: datetime) -> Sequence[Alert]:
        """Occurrences that started or ended at or after `since`, oldest first."""
        ...

    def save_group(self, group: AlertGroup) -> None:
        """Insert or replace by id."""
        ...

    def group(self, group_id: str) -> AlertGroup:
        """One group; raises NotFoundError."""
        ...

    def group_of_incident(self, incident_id: str) -> AlertGroup:
        """The group that opened an incident; raises NotFoundError."""
        ...

    def open_groups(self) -> Sequence[AlertGroup]:
        """Groups whose incident is not closed, newest first."""
        ...


class IncidentStore(Protocol):
    """Incidents with their timeline, evidence, investigations, mitigations and cost."""

    def save(self, incident: Incident) -> None:
        """Insert or replace by id."""
        ...

    def get(self, incident_id: str) -> Incident:
        """One incident; raises NotFoundError."""
        ...

    def list(self, *, limit: int = 100) -> Sequence[Incident]:
        """Incidents, newest first."""
        ...

    def add_timeline(self, incident_id: str, entry: TimelineEntry) -> None:
        """Append once: the same entry added again (a repeated step) is kept once."""
        ...

    def timeline(self, incident_id: str) -> Sequence[TimelineEntry]:
        """Entries in time order."""
        ...

    def add_evidence(self, evidence: Evidence, rows: Sequence[Row]) -> None:
        """Store a query with its rows, append-only."""
        ...

    def evidence(self, evidence_id: str) -> Evidence:
        """One query; raises NotFoundError."""
        ...

    def evidence_of(self, incident_id: str) -> Sequence[Evidence]:
        """All queries of an incident in the order they were asked."""
        ...

    def rows(self, evidence_id: str) -> Sequence[Row]:
        """The rows that came back, exactly as stored."""
        ...

    def save_investigation(self, investigation: Investigation) -> None:
        """Insert or replace by id."""
        ...

    def investigations(self, incident_id: str) -> Sequence[Investigation]:
        """Attempts in order."""
        ...

    def forget(self, incident_id: str) -> None:
        """Delete what was looked at and concluded: investigations, evidence with its rows, the timeline."""
        ...

    def add_costs(self, entries: Iterable[LedgerEntry]) -> None:
        """Append to the ledger."""
        ...

    def costs(self, incident_id: str | None = None) -> Sequence[LedgerEntry]:
        """Ledger entries of one incident, or all."""
        ...

    def dollars_since(self, moment: datetime) -> float:
        """What the entries from that moment on cost, without reading the ledger before it."""
        ...


class MitigationStore(Protocol):
    """Mitigations, approvals, verifications, and the switch that stops them all."""

    def save(self, mitigation: Mitigation) -> None:
        """Insert or replace by id."""
        ...

    def transition(self, mitigation: Mitigation, *, expected_state: str) -> bool:
        """Replace only if the stored state still is `expected_state`; false when another was faster."""
        ...

    def get(self, mitigation_id: str) -> Mitigation:
        """One mitigation; raises NotFoundError."""
        ...

    def of_incident(self, incident_id: str) -> Sequence[Mitigation]:
        """In the order they were proposed."""
        ...

    def since(self, moment: datetime) -> Sequence[Mitigation]:
        """Mitigations proposed at or after a moment, for rates, cooldowns and concurrency."""
        ...

    def add_approval(self, approval: Approval) -> None:
        """Append one decision."""
        ...

    def approvals(self, mitigation_id: str) -> Sequence[Approval]:
        """Decisions in the order they came."""
        ...

    def use_approval(self, approval: Approval) -> bool:
        """Mark as used if it was unused; false when it was used before (also under a race)."""
        ...

    def save_verification(self, verification: Verification) -> None:
        """Insert or replace by mitigation."""
        ...

    def verification(self, mitigation_id: str) -> Verification | None:
        """The judgment, once it is there."""
        ...

    def next_epoch(self, target: str) -> int:
        """A fence epoch for the target, higher than any before."""
        ...

    def killed(self) -> str | None:
        """Why everything is stopped, or None while it is not."""
        ...

    def set_killed(self, reason: str | None) -> None:
        """Engage (with a reason) or release the kill switch."""
        ...


class ProposalStore(Protocol):
    """The lessons and what people said of them."""

    def save(self, proposal: Proposal) -> None:
        """Insert or replace by id."""
        ...

    def get(self, proposal_id: str) -> Proposal:
        """One proposal; raises NotFoundError."""
        ...

    def of_incident(self, incident_id: str) -> Sequence[Proposal]:
        """The five of one incident."""
        ...

    def list(self) -> Sequence[Proposal]:
        """All, newest first."""
        ...

    def with_content(self, content_key: str) -> Sequence[Proposal]:
        """Earlier proposals of the same content, so that a rejected one is not raised again."""
        ...


class QuestionStore(Protocol):
    """What people were asked, and what they said."""

    def save(self, question: Question) -> None:
        """Insert or replace by id."""
        ...

    def get(self, question_id: str) -> Question:
        """One question; raises NotFoundError."""
        ...

    def of_incident(self, incident_id: str) -> Sequence[Question]:
        """In the order they were asked."""
        ...

    def since(self, moment: datetime) -> Sequence[Question]:
        """Questions asked at or after a moment, for budgets."""
        ...

    def list(self) -> Sequence[Question]:
        """All, oldest first."""
        ...


class GraphStore(Protocol):
    """Nodes, bi-temporal facts with provenance, aliases, skills' trust and the count of use."""

    def save_node(self, node: Node) -> None:
        """Insert or update by urn; what the newer one leaves out stays."""
        ...

    def save_nodes(self, nodes: Iterable[Node]) -> None:
        """The same for many at once."""
        ...

    def node(self, urn: str) -> Node | None:
        """One node, if known."""
        ...

    def nodes(self, kind: str | None = None, *, retired: bool = False) -> Sequence[Node]:
        """Live nodes by name; on request also those that are retired."""
        ...

    def page(self, asked: Asked) -> NodePage:
        """One page of the nodes that fit, counted and cut by the store."""
        ...

    def contested(self, relations: Sequence[Relation]) -> Sequence[str]:
        """Subjects of which several things are told now; at least all that sources may disagree on."""
        ...

    def add_alias(self, scheme: str, value: str, urn: str) -> None:
        """Another name under which a source knows the node."""
        ...

    def add_aliases(self, names: Sequence[tuple[str, str, str]]) -> None:
        """Many of them, as scheme, value and urn."""
        ...

    def resolve(self, scheme: str, value: str) -> str | None:
        """The urn behind a source's name."""
        ...

    def resolve_all(self, names: Sequence[tuple[str, str]]) -> Sequence[str]:
        """The urns behind pairs of scheme and name, each once; what nobody knows is left out."""
        ...

    def assert_fact(self, fact: Fact) -> Fact:
        """Believe a fact, or add its provenance to the same open fact; returns what is stored."""
        ...

    def assert_facts(self, facts: Iterable[Fact]) -> None:
        """Believe many at once: all of them, or none."""
        ...

    def retract(self, fact_id: str, at: datetime) -> None:
        """Stop believing from `at` on; history stays."""
        ...

    def supersede(self, fact_id: str, by: Fact) -> Fact:
        """Stop believing one fact when the other is recorded, which names it; returns what is stored."""
        ...

    def facts(
        self,
        *,
        subject: str | None = None,
        relation: Relation | None = None,
        object: str | None = None,  # noqa: A002  subject, relation, object are the words of a triple
        known_at: datetime | None = None,
        true_at: datetime | None = None,
        as_told: bool = False,
    ) -> Sequence[Fact]:
        """Facts that match, as known at and as true at the given instants (None: now), oldest first.

        Nodes that were merged are read as one, unless the facts are wanted under the names they were told by.
        """
        ...

    def facts_with(self, ids: Sequence[str]) -> Sequence[Fact]:
        """Facts by their ids, also those that are no longer believed, in the order of the ids."""
        ...

    def touching(self, urns: Sequence[str], *, relations: Sequence[Relation], newest: int) -> Sequence[Fact]:
        """What is believed now of these nodes, as subject or object: at most so many, the newest first."""
        ...

    def subjects(
        self, objects: Sequence[str], *, relations: Sequence[Relation], newest: int
    ) -> Sequence[str]:
        """What is believed now to stand so to these objects: of at most so many facts, the newest first."""
        ...

    def neighborhood(
        self,
        urn: str,
        *,
        relations: Sequence[Relation],
        hops: int,
        known_at: datetime | None = None,
        true_at: datetime | None = None,
    ) -> Nearby:
        """Facts within some hops in either direction, nearest and newest first, at most 2,000."""
        ...

    def search(
        self,
        text: str,
        *,
        limit: int = 10,
        known_at: datetime | None = None,
        true_at: datetime | None = None,
    ) -> Sequence[Fact]:
        """Facts whose statement matches words, best first."""
        ...

    def count_use(self, urn: str, *, incident_id: str, useful: bool, at: datetime) -> None:
        """One use of a node; useful only where it led to a verified outcome."""
        ...

    def uses(self, urn: str | None = None) -> Sequence[tuple[str, str, bool]]:
        """Pairs of node and incident with whether the use was useful, in time order."""
        ...

    def trust(self, skill: str) -> Trust:
        """The rung of a skill; candidate where unknown."""
        ...

    def set_trust(self, skill: str, trust: Trust, *, reason: str, at: datetime) -> None:
        """Move a skill on the ladder, with the reason."""
        ...


class SkillLibrary(Protocol):
    """The reviewed skills of the context repository as it stands on its main branch."""

    def skills(self) -> Sequence[Skill]:
        """Every valid skill; an invalid folder keeps its previous version live."""
        ...

    def guides(self) -> Sequence[Guide]:
        """Agent Skills without a contract: for people and agents, not for the engine."""
        ...

    def problems(self) -> Sequence[str]:
        """What is wrong with the folders that could not be read, each with file and line."""
        ...
