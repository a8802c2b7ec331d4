"""The incident as a model reads it: what was measured and ruled out, each number with its evidence id."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from autoheal.diagnosis.finding import Diagnosis, RankedChange
from autoheal.domain.alert import Alert
from autoheal.domain.change import Change
from autoheal.domain.evidence import Claim, Row
from autoheal.domain.investigation import Hypothesis
from autoheal.policy.untrusted import quoted
from autoheal.reasoning.told import Shown, Told

CHARACTERS_PER_TOKEN = 4
_KNOWN_TOKENS = 800
"""The usual rule of thumb for English and JSON."""

_ALERTS, _CHANGES, _CALLS, _CLAIMS = 6, 12, 60, 6
_LABEL = 160
_SOURCE = "the systems and people of production"


@dataclass(frozen=True, slots=True, kw_only=True)
class Picture:
    """What is known when a model is asked; changes by the id that the engine ranks, onset in unix seconds.

    measured names the metrics that were asked for; ruled_out are services that people excluded.
    """

    alerts: Sequence[Alert]
    services: Sequence[str]
    diagnosis: Diagnosis
    hypotheses: Sequence[Hypothesis]
    doubt: str
    changes: Mapping[str, Change]
    calls: Sequence[tuple[str, str]]
    measured: Sequence[str]
    onset: float
    now: float
    ruled_out: Sequence[str] = ()


def digest(picture: Picture, told: Told) -> str:
    """The question; its measurements are entered into `told`, for they may be claimed."""
    asked = "Which service is at fault, how, since which change? Cite what you were shown."
    parts = (
        ("Alerts", list(alert_lines(picture.alerts, picture.services)), 1_600),
        ("Engine", _engine(picture), 900),
        ("Candidates, best first: + speaks for it, - against it", list(_ranking(picture, told)), 5_200),
        ("Changes, seconds before (-) or after (+) the onset", list(_changes(picture)), 2_400),
        ("Calls near the alarmed services", call_lines(picture.services, picture.calls), 1_200),
        ("Metrics that were measured", _lines_of(picture.measured), 1_200),
        ("Missing", list(picture.diagnosis.missing), 500),
    )
    return laid_out("# Incident", parts, asked)


def laid_out(title: str, parts: Sequence[tuple[str, Sequence[str], int]], asked: str) -> str:
    """Headed parts, each quoted within its limit of characters, and the question at the end."""
    boundary = boundary_of("\n".join(line for _, lines, _ in parts for line in lines))
    told_parts = [
        f"## {heading}\n{quoted(chr(10).join(lines), source=_SOURCE, boundary=boundary, limit=limit)}"
        for heading, lines, limit in parts
        if lines
    ]
    return "\n\n".join([title, *told_parts, asked])


def context(facts: Iterable[Row]) -> str:
    """The best of what memory brought back (best first), by fact id and written the same each time.

    All of it is asked for by tool where it is needed; here each token is read again with every call.
    """
    room, lines = _KNOWN_TOKENS * CHARACTERS_PER_TOKEN, list[str]()
    for row in facts:
        line = f"[{row.subject}] {' '.join(row.text.split())[:400]} ({row.value:.2f})"
        room -= len(line) + 1
        if room < 0:
            break
        lines.append(line)
    if not lines:
        return "# What is known of this production\nNothing was found in memory."
    text = "\n".join(sorted(lines))
    limit = 2 * _KNOWN_TOKENS * CHARACTERS_PER_TOKEN  # escaping may lengthen it
    known = quoted(text, source="memory", boundary=boundary_of(text), limit=limit)
    return f"# What is known of this production: [fact id] statement (how far it is believed)\n{known}"


def boundary_of(text: str) -> str:
    """A boundary from what it encloses: who writes a part of it cannot write its digest into it.

    Unlike a random one it is the same for the same text, so that prompt caches hit.
    """
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:32]


def shown_of(claim: Claim) -> Shown:
    """The measurement behind an engine's claim."""
    after = claim.readings[-1]
    before = claim.readings[0] if len(claim.readings) > 1 else None
    return Shown(label=label_of(after.subject or after.text), after=after, before=before)


def label_of(subject: str) -> str:
    """A subject on one line, of bounded length."""
    return " ".join(subject.split())[:_LABEL]


def alert_lines(alerts: Sequence[Alert], services: Sequence[str]) -> Iterator[str]:
    """The alerts, one a line, and which services they alarm."""
    for alert in alerts[:_ALERTS]:
        where = alert.attribution.service or "unknown"
        yield f"{alert.severity} {alert.name} at {where}: {alert.summary[:200]}"
    yield f"alarmed services: {', '.join(services[:30])}"


def _engine(picture: Picture) -> list[str]:
    diagnosis = picture.diagnosis
    ago = picture.now - picture.onset
    onset = datetime.fromtimestamp(picture.onset, tz=UTC).strftime("%H:%M:%S UTC")
    known = "onset" if diagnosis.onset is not None else "onset unknown; the first alert"
    out = [f"ruled out by people: {', '.join(picture.ruled_out)}"] if picture.ruled_out else []
    return [
        f"{diagnosis.verdict}, confidence {diagnosis.confidence:.2f}: {diagnosis.reason}",
        f"why it is not enough: {picture.doubt}",
        f"{known}: {onset}, {ago:.0f} s ago",
        *out,
    ]


def _ranking(picture: Picture, told: Told) -> Iterator[str]:
    for place, hypothesis in enumerate(picture.hypotheses, start=1):
        doubt = f"; {hypothesis.not_tested_because}" if hypothesis.not_tested_because else ""
        change = f", change {hypothesis.change_id}" if hypothesis.change_id else ""
        yield (
            f"{place}. {hypothesis.entity}: {hypothesis.mechanism}{change}, "
            f"score {hypothesis.score:.2f}, confidence {hypothesis.confidence:.2f}{doubt}"
        )
        for sign, claims in (("+", hypothesis.claims_for), ("-", hypothesis.claims_against)):
            heaviest = sorted(claims, key=lambda claim: -abs(claim.points))[:_CLAIMS]
            yield from (f"   {sign} {line}" for line in told.show(shown_of(claim) for claim in heaviest))


def _changes(picture: Picture) -> Iterator[str]:
    ranked = {change.id: change for change in picture.diagnosis.changes}
    changes = sorted(picture.changes.items(), key=lambda pair: -_score(ranked.get(pair[0])))
    for key, change in changes[:_CHANGES]:
        judged = ranked.get(key)
        why = "; ".join((*(judged.why if judged else ()), *(f"refuted: {r}" for r in _refuted(judged))))
        title = " ".join(change.title.split())[:120]
        where = change.entity or "no service named"
        when = f"{change.time - picture.onset:+.0f} s"
        yield f'{change.id}: {change.kind} of {where}, {when}, "{title}"; {why[:300]}'


def _score(judged: RankedChange | None) -> float:
    return judged.score if judged else 0.0


def _refuted(judged: RankedChange | None) -> tuple[str, ...]:
    return judged.refuted if judged else ()


def call_lines(services: Sequence[str], calls: Sequence[tuple[str, str]]) -> list[str]:
    """Calls within two steps of what hurts, as `caller > callee callee`."""
    near = set(services)
    for _ in range(2):
        near |= {name for pair in calls if near.intersection(pair) for name in pair}
    pairs = [pair for pair in calls if near.intersection(pair)][:_CALLS]
    callers = dict.fromkeys(caller for caller, _ in pairs)
    return [f"{caller} > {' '.join(b for a, b in pairs if a == caller)}" for caller in callers]


def _lines_of(names: Sequence[str]) -> list[str]:
    return [" ".join(names)] if names else []
