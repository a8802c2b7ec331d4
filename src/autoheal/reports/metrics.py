"""The figures of the loop: each names the events it came from and the partner that keeps it honest."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from statistics import fmean, median

from autoheal.domain.fact import Fact
from autoheal.domain.incident import Incident, Outcome
from autoheal.domain.mitigation import VerificationResult
from autoheal.domain.proposal import ProposalState
from autoheal.reports.history import History
from autoheal.reports.prevention import preventions

TAKEN_UP = frozenset({ProposalState.MERGED, ProposalState.DEPLOYED, ProposalState.VERIFIED})


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """One number (None where nothing was measured); partner names the figure that would show gaming."""

    name: str
    value: float | None
    unit: str
    meaning: str
    events: tuple[str, ...]
    partner: str = ""
    median: float | None = None


def figures(history: History) -> tuple[Figure, ...]:
    """Every figure of a history, each directly followed by its partner where it has one."""
    return (
        *incident_times(history),
        *alert_times(history),
        *paging(history),
        *prevention(history),
        *learning(history),
        *graph_use(history),
    )


def share(name: str, meaning: str, *, hit: Sequence[str], of: Sequence[str], partner: str = "") -> Figure:
    """How many of some events had a property, between 0 and 1; events are the ones that had it."""
    value = len(hit) / len(of) if of else None
    return Figure(name=name, value=value, unit="share", meaning=meaning, events=tuple(hit), partner=partner)


Moment = Callable[[Incident], datetime | None]


def span(
    name: str, meaning: str, incidents: Iterable[Incident], *, start: Moment, end: Moment, partner: str
) -> Figure:
    """Mean and median seconds between two moments, over the incidents where both are known."""
    known = [(i.id, s, e) for i in incidents if (s := start(i)) is not None and (e := end(i)) is not None]
    return seconds(name, meaning, [(key, (e - s).total_seconds()) for key, s, e in known], partner=partner)


def seconds(name: str, meaning: str, timed: Sequence[tuple[str, float]], *, partner: str) -> Figure:
    """Mean and median of timed events."""
    values = [value for _, value in timed]
    return Figure(
        name=name,
        value=fmean(values) if values else None,
        median=median(values) if values else None,
        unit="s",
        meaning=meaning,
        events=tuple(key for key, _ in timed),
        partner=partner,
    )


def incident_times(history: History) -> tuple[Figure, ...]:
    """Response to the fault itself: the clock starts at onset, as telemetry tells it."""
    real = [i for i in history.incidents if i.outcome is not Outcome.NOISE]
    began, told = [i.id for i in real], [i.id for i in real if i.onset_at is not None]
    helped = [v.mitigation_id for v in history.verifications if v.result is VerificationResult.HELPED]
    judged = [v.mitigation_id for v in history.verifications]

    def onset(name: str, meaning: str, end: Moment, partner: str) -> Figure:
        return span(name, meaning, real, start=lambda i: i.onset_at, end=end, partner=partner)

    return (
        onset("incident.mttd", "onset to detection", lambda i: i.detected_at, "incident.onset_known"),
        share("incident.onset_known", "incidents whose onset telemetry tells", hit=told, of=began),
        onset("incident.mttm", "onset to mitigation", lambda i: i.mitigated_at, "mitigation.helped"),
        onset("incident.mttr", "onset to recovery", lambda i: i.recovered_at, "mitigation.helped"),
        share("mitigation.helped", "judged mitigations after which it was better", hit=helped, of=judged),
    )


def alert_times(history: History) -> tuple[Figure, ...]:
    """Response to the alert: the clock starts when it fired, whether a fault stood behind it or not."""
    by_id = {i.id: i for i in history.incidents}
    fired = {g.incident_id: g.first_at for g in history.groups}
    answered = [i for i in history.incidents if i.first_query_at is not None]
    resolved = [(g.id, (g.last_at - g.first_at).total_seconds()) for g in history.groups if not g.firing]
    return (
        span(
            "alert.mttd",
            "alert to the first evidence query",
            [by_id[key] for key in fired if key in by_id],
            start=lambda i: fired[i.id],
            end=lambda i: i.first_query_at,
            partner="alert.investigated",
        ),
        share(
            "alert.investigated",
            "incidents investigated at all",
            hit=[i.id for i in answered],
            of=[i.id for i in history.incidents],
        ),
        seconds("alert.mttr", "first alert to all resolved", resolved, partner="alert.investigated"),
    )


def paging(history: History) -> tuple[Figure, ...]:
    """How often a person is needed, beside whether real faults are still found."""
    settled = [i for i in history.incidents if i.settled]
    needed = [i.id for i in settled if history.human_events(i)]
    injected = [key for key, truth in history.truths.items() if truth.injected]
    silent = [key for key, truth in history.truths.items() if not truth.injected]
    return (
        share(
            "page.rate",
            "settled incidents that needed a person: page, question or approval",
            hit=needed,
            of=[i.id for i in settled],
            partner="truth.recall",
        ),
        share(
            "truth.recall",
            "injected faults that were diagnosed rightly",
            hit=[key for key in injected if history.truths[key].right],
            of=injected,
            partner="truth.calm",
        ),
        share(
            "truth.calm",
            "alerts without a fault that were rightly called noise",
            hit=[key for key in silent if history.truths[key].right],
            of=silent,
        ),
    )


def prevention(history: History) -> tuple[Figure, ...]:
    """Mitigation to the deployed preventive change, beside the causes that came back all the same."""
    known = preventions(history)
    held = [(p.proposal_id, p.seconds) for p in known if p.seconds is not None and p.voided_by is None]
    return (
        seconds(
            "prevention.mttp",
            "first mitigation of a cause to the deployed change that prevents it",
            [(key, value) for key, value in held if key and value is not None],
            partner="prevention.recurred",
        ),
        share(
            "prevention.recurred",
            "deployed preventive changes after which the cause came back on that service",
            hit=[p.voided_by for p in known if p.voided_by],
            of=[p.proposal_id for p in known if p.proposal_id],
        ),
    )


def learning(history: History) -> tuple[Figure, ...]:
    """Whether incidents change anything."""
    closed = [i.id for i in history.incidents if i.closed_at is not None]
    taught = {p.incident_id for p in history.proposals if p.state in TAKEN_UP}
    return (
        share(
            "learning.merged",
            "closed incidents with a merged lesson",
            hit=[key for key in closed if key in taught],
            of=closed,
            partner="prevention.recurred",
        ),
    )


def graph_use(history: History) -> tuple[Figure, ...]:
    """What memory is worth: nodes used in later incidents with a verified outcome, not rows added."""
    born = _birth(history.facts)
    used = [u for u in history.uses if u.incident_id not in born.get(u.urn, frozenset())]
    useful = tuple(dict.fromkeys(u.urn for u in used if u.useful))
    return (
        Figure(
            name="graph.used",
            value=float(len(useful)),
            unit="nodes",
            meaning="nodes used usefully in an incident other than the one that taught them",
            events=useful,
            partner="graph.facts",
        ),
        Figure(
            name="graph.facts",
            value=float(sum(f.retracted_at is None for f in history.facts)),
            unit="facts",
            meaning="facts believed now: growth, which is worth nothing without use",
            events=(),
        ),
    )


def _birth(facts: Iterable[Fact]) -> dict[str, frozenset[str]]:
    """For each node, the sources (an incident among them) that first told of it."""
    born: dict[str, tuple[datetime, frozenset[str]]] = {}
    for fact in sorted(facts, key=lambda f: f.recorded_at):
        sources = frozenset(p.source.rpartition(":")[2] for p in fact.provenance)
        for urn in (fact.subject, fact.object):
            first, known = born.get(urn, (fact.recorded_at, frozenset[str]()))
            if fact.recorded_at == first:
                born[urn] = (first, known | sources)
    return {urn: sources for urn, (_, sources) in born.items()}
