"""What Autoheal can do for somebody: every use case, each naming its actor; all doors lead here."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import TypeVar

from autoheal.config import Config
from autoheal.domain.alert import Alert
from autoheal.domain.alert_group import AlertGroup
from autoheal.domain.approval import Approval, Decision
from autoheal.domain.decision_trace import DecisionTrace
from autoheal.domain.errors import ConflictError, NotFoundError, RefusedError, WorldError
from autoheal.domain.evidence import Evidence, Row
from autoheal.domain.impact import Impact
from autoheal.domain.incident import Incident, TimelineEntry
from autoheal.domain.investigation import Investigation
from autoheal.domain.judgment import Judgment, Word
from autoheal.domain.ledger import LedgerEntry
from autoheal.domain.mitigation import Mitigation, MitigationState, Verification
from autoheal.domain.person import Right
from autoheal.domain.proposal import Proposal, ProposalState
from autoheal.domain.question import Question
from autoheal.domain.skill import Guide, Skill
from autoheal.graph.skill_file import parse_any
from autoheal.healing.correct import correct
from autoheal.healing.impact import impact
from autoheal.healing.judge import judge, judgments
from autoheal.healing.room import CHANNEL, Room
from autoheal.healing.rules import expressions_now
from autoheal.healing.skill_credit import live_skills
from autoheal.healing.tool_belt import ToolBelt
from autoheal.learning.knowledge import Knowledge
from autoheal.learning.skill_work import SkillWork, blank
from autoheal.loop import Loop
from autoheal.policy.approvers import objection, undecidable
from autoheal.policy.masking import mask
from autoheal.policy.people import Seated
from autoheal.policy.untrusted import fit
from autoheal.ports.machine import Clock, Ids
from autoheal.ports.memory import Memory
from autoheal.ports.production import Branch, Forge
from autoheal.ports.runs import Runs
from autoheal.ports.stores import GraphStore, RawEvent, SkillLibrary
from autoheal.recording.deletion import Deletion, Tombstone, tombstones
from autoheal.recording.regression import RegressionSet
from autoheal.reports.checks import Check
from autoheal.reports.figures import Report, report
from autoheal.reports.history import History
from autoheal.reports.stored import stored
from autoheal.reports.veiled import listed, shelved, veil_of

T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class IncidentFile:
    """Everything that is known of one incident."""

    incident: Incident
    group: AlertGroup
    alerts: Sequence[Alert]
    timeline: Sequence[TimelineEntry]
    evidence: Sequence[Evidence]
    investigations: Sequence[Investigation]
    mitigations: Sequence[Mitigation]
    approvals: Mapping[str, Sequence[Approval]]
    verifications: Mapping[str, Verification]
    proposals: Sequence[Proposal]
    costs: Sequence[LedgerEntry]
    traces: Sequence[DecisionTrace]
    judgment: Judgment | None = None
    tombstone: Tombstone | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class App(Seated):
    """The product behind its doors; a surface parses, calls this, and renders."""

    config: Config
    memory: Memory
    loop: Loop
    runs: Runs
    forge: Forge
    library: SkillLibrary
    clock: Clock
    ids: Ids
    room: Room | None
    knowledge: Knowledge
    regressions: RegressionSet
    deletion: Deletion
    start: Callable[[], None]
    stop: Callable[[], None]
    checks: Callable[[], Sequence[Check]]

    # ------------------------------------------------------------ alerts

    def receive(self, source: str, body: bytes) -> str:
        """Take in one delivery; durable before this returns its event id."""
        return self.loop.intake.receive(source, body)

    def event(self, event_id: str) -> RawEvent:
        """One delivery byte for byte, but for secrets; the store alone keeps those."""
        self.need(Right.READ_RAW)
        event = self.memory.alerts.event(event_id)
        return replace(
            event, body=mask(event.body.decode("utf-8", "surrogateescape")).encode("utf-8", "surrogateescape")
        )

    # ------------------------------------------------------------ incidents

    def incidents(self, limit: int = 100) -> Sequence[Incident]:
        """Incidents, newest first."""
        found = self.memory.incidents.list(limit=limit)
        return found if self.may(Right.READ_RAW) else [listed(incident) for incident in found]

    def incident(self, incident_id: str) -> IncidentFile:
        """The whole file of one incident."""
        memory = self.memory
        incident = memory.incidents.get(incident_id)
        group = memory.alerts.group_of_incident(incident_id)
        mitigations = memory.mitigations.of_incident(incident_id)
        occurrences = (memory.alerts.occurrence(key) for key in group.occurrences)
        judged = {m.id: memory.mitigations.verification(m.id) for m in mitigations}
        traces = memory.audit.records(incident_id)
        file = IncidentFile(
            incident=incident,
            group=group,
            alerts=[alert for alert in occurrences if alert is not None],
            timeline=memory.incidents.timeline(incident_id),
            evidence=memory.incidents.evidence_of(incident_id),
            investigations=memory.incidents.investigations(incident_id),
            mitigations=mitigations,
            approvals={m.id: memory.mitigations.approvals(m.id) for m in mitigations},
            verifications={key: verdict for key, verdict in judged.items() if verdict is not None},
            proposals=memory.proposals.of_incident(incident_id),
            costs=memory.incidents.costs(incident_id),
            traces=traces,
            judgment=judgments(traces).get(incident_id),
            tombstone=next(iter(tombstones(traces)), None),
        )
        return self._seen(incident_id, file)

    def evidence(self, evidence_id: str) -> tuple[Evidence, Sequence[Row]]:
        """One query with the rows that came back; none of them for who lacks the right to raw text."""
        found = self.memory.incidents.evidence(evidence_id)
        rows = self.memory.incidents.rows(evidence_id) if self.may(Right.READ_RAW) else ()
        return self._seen(found.incident_id, found), rows

    def _seen(self, incident_id: str, word: T) -> T:
        """A word of that incident as whoever signed in may see it."""
        return word if self.may(Right.READ_RAW) else veil_of(incident_id, self.memory).over(word)

    def impact(self, incident_id: str) -> Impact:
        """Whom the fault touches at this moment, from telemetry and graph."""
        return self._seen(incident_id, impact(self.loop.responder, incident_id))

    def judge(self, incident_id: str, word: Word) -> tuple[Judgment, str]:
        """A person's word on a verdict; a wrong one enters the regression set: with where, or why not."""
        word = replace(word, actor=self.acting(word.actor, Right.DECIDE))
        judgment = judge(self.loop.responder, incident_id, word)
        return judgment, self.regressions.after(judgment)

    def delete(self, incident_id: str, *, actor: str, reason: str) -> Tombstone:
        """What was investigated of a closed incident goes; who, when and why stays."""
        return self.deletion.delete(incident_id, actor=self.acting(actor, Right.DELETE), reason=reason)

    # ------------------------------------------------------------ approvals

    def mitigations_waiting(self) -> Sequence[Mitigation]:
        """Everything that waits for a person's yes or no."""
        open_ids = [incident.id for incident in self.incidents() if not incident.settled]
        proposed = (m for i in open_ids for m in self.memory.mitigations.of_incident(i))
        return [m for m in proposed if m.state is MitigationState.PROPOSED]

    def decide(
        self, mitigation_id: str, *, digest: str, decision: Decision, actor: str, channel: str, note: str = ""
    ) -> Approval:
        """A person's yes or no to exactly the action they saw; refused when it changed since."""
        actor = self.acting(actor, Right.DECIDE)
        mitigation = self.memory.mitigations.get(mitigation_id)
        self._may_decide(mitigation, digest, actor)
        now = self.clock.now()
        approval = Approval(
            id=self.ids.new("apr"),
            mitigation_id=mitigation_id,
            digest=digest,
            decision=decision,
            actor=actor,
            channel=channel,
            decided_at=now,
            expires_at=mitigation.expires_at,
            note=note,
        )
        body = {"mitigation": mitigation_id, "digest": digest, "decision": decision, "channel": channel}
        with self.memory.alerts.exclusively():
            self.memory.mitigations.add_approval(approval)
            self._record(mitigation.incident_id, "approval", actor, body)
        with suppress(WorldError):  # it is stored: housekeeping tells the run as soon as one hears
            topic, said = f"approval-{mitigation_id}", str(decision)
            self.runs.tell("heal", mitigation.incident_id, topic, said, once=approval.id)
        return approval

    def _may_decide(self, mitigation: Mitigation, digest: str, actor: str) -> None:
        if (late := undecidable(mitigation, digest, self.clock.now())) is not None:
            raise ConflictError(late)
        given = self.memory.mitigations.approvals(mitigation.id)
        refusal = objection(self.loop.responder.policy(), mitigation, given, actor=actor)
        if refusal is not None:
            raise RefusedError(*refusal)

    def hear(self, headers: Mapping[str, str], body: bytes) -> str:
        """What a chat sent: a press or a word of a person we know, acted on once; returns what to answer."""
        return self._room().hear(headers, body, now=self.clock.now(), acts=self)

    def chat_preview(self, incident_id: str) -> str:
        """The very text of the first message of an incident, as the chat gets it."""
        self.need(Right.READ_RAW)
        return self._room().teller.preview(incident_id)

    def correct(self, incident_id: str, *, actor: str, service: str) -> None:
        """A person says that a service is not the cause: what waits there is called off."""
        actor = self.acting(actor, Right.DECIDE)
        correct(self.loop.responder, incident_id, person=actor, service=service)
        for waiting in self.memory.mitigations.of_incident(incident_id):
            if waiting.state is MitigationState.PROPOSED and waiting.action.target == service:
                self.decide(
                    waiting.id,
                    digest=waiting.digest,
                    decision=Decision.REJECTED,
                    actor=actor,
                    channel=CHANNEL,
                    note="not the cause",
                )

    def _room(self) -> Room:
        if self.room is None:
            raise NotFoundError("no chat is configured; [slack] in the settings names one")
        return self.room

    # ------------------------------------------------------------ questions

    def questions(self) -> Sequence[Question]:
        """Questions that wait for an answer, oldest first."""
        waiting = [question for question in self.memory.questions.list() if question.answer is None]
        return [self._seen(question.incident_id, question) for question in waiting]

    def answer(self, question_id: str, *, actor: str, text: str) -> Question:
        """A person's answer, kept under their name; raises ConflictError when one was given before."""
        actor = self.acting(actor, Right.DECIDE)
        question = self.memory.questions.get(question_id)
        if question.answer is not None:
            raise ConflictError(f"{question.answered_by} has answered {question_id} already")
        now = self.clock.now()
        answered = replace(question, answer=fit(text), answered_by=actor, answered_at=now)
        self.memory.questions.save(answered)
        cost = LedgerEntry(
            incident_id=question.incident_id,
            stage="ask",
            backend="expert",
            at=now,
            expert_minutes=answered.minutes or 0.0,
        )
        self.memory.incidents.add_costs([cost])
        self._record(question.incident_id, "question.answered", actor, {"question": question_id})
        topic = f"answer-{question_id}"
        with suppress(WorldError):  # it is stored: the run reads it when it stops waiting
            self.runs.tell("heal", question.incident_id, topic, True, once=question_id)  # noqa: FBT003  the message itself
        return answered

    # ------------------------------------------------------------ proposals

    def proposals(self) -> Sequence[Proposal]:
        """Every lesson, newest first."""
        found = self.memory.proposals.list()
        return found if self.may(Right.READ_RAW) else [shelved(proposal) for proposal in found]

    def proposal(self, proposal_id: str) -> Proposal:
        """One lesson."""
        found = self.memory.proposals.get(proposal_id)
        return self._seen(found.incident_id, found)

    def proposal_diff(self, proposal_id: str) -> str:
        """What merging it would change."""
        self.need(Right.READ_RAW)
        proposal = self.proposal(proposal_id)
        return self.forge.diff(Branch.of(proposal)) if proposal.branch else ""

    def merge(self, proposal_id: str, *, actor: str) -> Proposal:
        """A person merges a lesson; the repository changes for real."""
        actor = self.acting(actor, Right.PUBLISH)
        return self.loop.lessons.merge(proposal_id, actor=actor)

    def reject(self, proposal_id: str, *, actor: str, reason: str) -> Proposal:
        """A person turns a lesson down; the reason is kept, and it is not raised again unchanged."""
        actor = self.acting(actor, Right.PUBLISH)
        proposal = replace(
            self.proposal(proposal_id).move(ProposalState.REJECTED),
            decided_by=actor,
            decided_at=self.clock.now(),
            reason=reason,
        )
        body = {"proposal": proposal_id, "reason": reason}
        with self.memory.alerts.exclusively():
            self.memory.proposals.save(proposal)
            self._record(proposal.incident_id, "proposal.rejected", actor, body)
        return proposal

    def kill(self, *, actor: str, reason: str) -> None:
        """Stop every effect at once, everywhere."""
        actor = self.acting(actor, Right.STOP)
        self.memory.mitigations.set_killed(f"{reason} ({actor})")
        self._record("", "kill_switch.engaged", actor, {"reason": reason})

    def release(self, *, actor: str) -> None:
        """Allow effects again; a kill-switch file stays in force until it is removed."""
        actor = self.acting(actor, Right.RELEASE)
        self.memory.mitigations.set_killed(None)
        self._record("", "kill_switch.released", actor, {})

    def killed(self) -> str | None:
        """Why nothing may run, by any of the switches."""
        return self.loop.responder.stopped()

    # ------------------------------------------------------------ knowledge and proof

    def skills(self) -> Sequence[Skill]:
        """The live skills with the trust they have earned."""
        return live_skills(self.loop.responder, expressions_now(self.loop.responder))

    def skill(self, name: str) -> Skill:
        """One live skill; raises NotFoundError."""
        for skill in self.skills():
            if skill.name == name:
                return skill
        for guide in self.library.guides():
            if guide.name == name:
                raise NotFoundError(guide.why_not_run)
        raise NotFoundError(f"there is no skill {name}; `autoheal skill list` names them")

    def guides(self) -> Sequence[Guide]:
        """The Agent Skills that people and agents follow and the engine cannot run."""
        return self.library.guides()

    @property
    def skill_work(self) -> SkillWork:
        """What a person does with skills: test, dry run, promote, demote, restore."""
        return SkillWork(lessons=self.loop.lessons)

    @property
    def belt(self) -> ToolBelt:
        """The tools of foreign servers: what there is, and a person's word on what each may be used for."""
        if self.loop.responder.belt is None:
            raise NotFoundError("no server with tools is wired; [mcp.NAME] in the settings names one")
        return self.loop.responder.belt

    def graph(self) -> GraphStore:
        """The production context graph."""
        return self.memory.graph

    def audit_verify(self) -> str | None:
        """None when the audit chain is intact, else which record is not."""
        return self.memory.audit.verify()

    def traces(self, incident_id: str | None = None) -> Sequence[DecisionTrace]:
        """Records of the audit chain."""
        self.need(Right.READ_RAW)
        return self.memory.audit.records(incident_id)

    def report(self) -> Report:
        """The figures of the whole product, each with what it was derived from."""
        return report(self.history(), now=self.clock.now())

    def history(self) -> History:
        """Every stored event a report may be computed from."""
        memory = self.memory
        return stored(
            alerts=memory.alerts,
            incidents=memory.incidents,
            mitigations=memory.mitigations,
            proposals=memory.proposals,
            graph=memory.graph,
            audit=memory.audit,
        )

    def _record(self, incident_id: str, kind: str, actor: str, body: Mapping[str, object]) -> None:
        self.memory.audit.append(incident_id=incident_id, kind=kind, actor=actor, body=body)


def read_skill(name: str, files: Mapping[str, str]) -> Skill | Guide:
    """The skill in the files of its folder, read as strictly as a merge does; raises ConfigError."""
    return parse_any(name, files)


def blank_skill(name: str, *, alert: str) -> Mapping[str, str]:
    """The files of a new skill, to be filled in; raises ConfigError for a name that cannot be one."""
    return blank(name, alert)
