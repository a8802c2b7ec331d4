"""What the learning run works with, and what a person's merge sets in motion."""

from __future__ import annotations

from dataclasses import dataclass, replace

from autoheal.domain.decision_trace import canonical
from autoheal.domain.errors import ConflictError
from autoheal.domain.proposal import Proposal, ProposalKind, ProposalState
from autoheal.graph.merged import merged as merged_told
from autoheal.graph.skill_trust import admit
from autoheal.healing.gather import Gatherer
from autoheal.healing.settings import HealingSettings
from autoheal.learning.decision_page import facts_of
from autoheal.learning.settings import LearningSettings
from autoheal.ports.audit import Audit
from autoheal.ports.coding import Coder
from autoheal.ports.machine import Clock, Ids
from autoheal.ports.production import Branch, Forge
from autoheal.ports.proving import Prover
from autoheal.ports.reasoning import Limits, Minds, Stage
from autoheal.ports.stores import (
    AlertStore,
    GraphStore,
    IncidentStore,
    MitigationStore,
    ProposalStore,
    QuestionStore,
    SkillLibrary,
)
from autoheal.ports.telemetry import Metrics
from autoheal.reasoning.settings import ReasoningSettings

_LIMITS = ReasoningSettings().limits_of(Stage.PATCH)


@dataclass(frozen=True, slots=True, kw_only=True)
class Lessons:
    """Everything a lesson may read, and the forge and proposals it may write."""

    settings: LearningSettings
    healing: HealingSettings
    clock: Clock
    ids: Ids
    alerts: AlertStore
    incidents: IncidentStore
    mitigations: MitigationStore
    proposals: ProposalStore
    graph: GraphStore
    audit: Audit
    forge: Forge
    skills: SkillLibrary
    gatherer: Gatherer
    prover: Prover
    questions: QuestionStore | None = None
    minds: Minds | None = None
    limits: Limits = _LIMITS
    coder: Coder | None = None

    @property
    def metrics(self) -> Metrics:
        """Where backtests read history; these long series are not stored as evidence."""
        return self.gatherer.sources.metrics

    def merge(self, proposal_id: str, *, actor: str) -> Proposal:
        """A person merges a proposal; raises ConflictError, or RefusedError for a machine's name."""
        proposal = self.proposals.get(proposal_id)
        merged = replace(proposal.move(ProposalState.MERGED), decided_by=actor, decided_at=self.clock.now())
        if not proposal.branch:
            raise ConflictError(f"proposal {proposal_id} has no branch to merge")
        branch = Branch.of(proposal)
        message = f"{proposal.title}\n\nProposal {proposal.id} of incident {proposal.incident_id}."
        commit = self.forge.merge(branch, message=message, author=actor)
        body = {"proposal": proposal.id, "kind": proposal.kind, "commit": commit}
        self._take_in(proposal, actor, commit)
        with self.alerts.exclusively():  # a kill leaves the record of a merge whole or to be made again
            self.proposals.save(merged)
            self.audit.append(
                incident_id=proposal.incident_id, kind="proposal.merged", actor=actor, body=body
            )
        return merged

    def _take_in(self, proposal: Proposal, actor: str, commit: str) -> None:
        """What a merge makes known: the change itself, a skill that may be used, the facts of a decision."""
        now = self.clock.now()
        told = merged_told(proposal, commit=commit, actor=actor, at=now)
        self.graph.save_nodes(told.nodes)
        self.graph.assert_facts(told.facts)
        if proposal.kind is ProposalKind.SKILL:
            reason = f"merged by {actor} as {proposal.head[:12]}, after incident {proposal.incident_id}"
            for skill in self.skills.skills():
                if skill.name == skill_name(proposal.branch):
                    admit(self.graph, skill, reason=reason, at=now)
        if proposal.kind is ProposalKind.DECISION_TRACE:
            path = f"decisions/{proposal.incident_id}.md"
            page = self.forge.read(proposal.repository, path, at=proposal.head) or ""
            for fact in facts_of(page, source=f"{proposal.repository}/{path}", actor=actor, now=now):
                self.graph.assert_fact(fact)


def skill_name(branch: str) -> str:
    """The skill that a branch `autoheal/<incident>/skill/<name>` proposes."""
    return branch.rpartition("/")[2]


def content_key(kind: ProposalKind, content: dict[str, object]) -> str:
    """The identity of what is proposed, whatever incident it comes from."""
    return f"{kind}:{canonical(content)}"
