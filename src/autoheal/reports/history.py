"""What a report is computed from: stored events, and ground truth where faults were injected."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

from autoheal.domain.alert_group import AlertGroup
from autoheal.domain.approval import Approval
from autoheal.domain.fact import Fact
from autoheal.domain.incident import Incident, Outcome
from autoheal.domain.ledger import LedgerEntry
from autoheal.domain.mitigation import Mitigation, Verification
from autoheal.domain.proposal import Proposal
from autoheal.reports.calibration import Judged

NO_FAMILY = "(no family)"


@dataclass(frozen=True, slots=True, kw_only=True)
class Truth:
    """What was really there: whether a fault was injected, and whether the verdict said the right thing."""

    injected: bool
    right: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Use:
    """One use of a node of the graph in an incident; useful where it led to a verified outcome."""

    urn: str
    incident_id: str
    useful: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class History:
    """Everything stored that a figure may name; order does not matter."""

    incidents: Sequence[Incident]
    groups: Sequence[AlertGroup] = ()
    costs: Sequence[LedgerEntry] = ()
    mitigations: Sequence[Mitigation] = ()
    verifications: Sequence[Verification] = ()
    approvals: Sequence[Approval] = ()
    proposals: Sequence[Proposal] = ()
    facts: Sequence[Fact] = ()
    uses: Sequence[Use] = ()
    truths: Mapping[str, Truth] = field(default_factory=dict)
    judged: Mapping[str, Judged] = field(default_factory=dict)
    """By incident: how sure its investigation was, and whether it was right."""

    def between(self, start: datetime, end: datetime) -> History:
        """The history of incidents opened in a window; what hangs on others stays out."""
        return self.of([i for i in self.incidents if start <= i.opened_at <= end])

    def of(self, incidents: Sequence[Incident]) -> History:
        """The part of the history that belongs to some incidents; facts are kept, they belong to all."""
        ids = {i.id for i in incidents}
        mitigations = [m for m in self.mitigations if m.incident_id in ids]
        acts = {m.id for m in mitigations}
        return replace(
            self,
            incidents=incidents,
            groups=[g for g in self.groups if g.incident_id in ids],
            costs=[c for c in self.costs if c.incident_id in ids],
            mitigations=mitigations,
            verifications=[v for v in self.verifications if v.mitigation_id in acts],
            approvals=[a for a in self.approvals if a.mitigation_id in acts],
            proposals=[p for p in self.proposals if p.incident_id in ids],
            uses=[u for u in self.uses if u.incident_id in ids],
            truths={key: truth for key, truth in self.truths.items() if key in ids},
            judged={key: each for key, each in self.judged.items() if key in ids},
        )

    def families(self) -> Mapping[str, Sequence[Incident]]:
        """Incidents of each family, oldest first; families in order of their first incident."""
        found: dict[str, list[Incident]] = {}
        for incident in sorted(self.incidents, key=lambda i: (i.opened_at, i.id)):
            found.setdefault(incident.family or NO_FAMILY, []).append(incident)
        return found

    def human_events(self, incident: Incident) -> tuple[str, ...]:
        """What a person had to do for an incident: pages, questions and approvals, each by name."""
        acts = {m.id for m in self.mitigations if m.incident_id == incident.id}
        pages = (f"{incident.id}:escalated",) if incident.outcome is Outcome.ESCALATED else ()
        asked = [c for c in self.costs if c.incident_id == incident.id and (c.questions or c.expert_minutes)]
        return (
            *pages,
            *(f"{incident.id}:question:{c.stage}" for c in asked),
            *(a.id for a in self.approvals if a.mitigation_id in acts),
        )

    def tokens(self, incident: Incident) -> int:
        """Model tokens spent on an incident, in all stages."""
        return sum(tokens(c) for c in self.costs if c.incident_id == incident.id)


def tokens(entry: LedgerEntry) -> int:
    """All tokens of an entry; cached input is part of the input, and reasoning part of the output."""
    return entry.tokens_input + entry.tokens_output
