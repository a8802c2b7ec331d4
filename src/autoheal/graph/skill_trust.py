"""What a skill has earned, and for which text, alert expressions and versions: a changed one begins anew."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from datetime import datetime, timedelta

from autoheal.domain.fact import Node, NodeKind, urn
from autoheal.domain.skill import MOST_QUERIES, Skill, Trust
from autoheal.graph.matchers import holds
from autoheal.graph.skills import Outcomes, after_change, merged_trust, trust_after
from autoheal.ports.stores import GraphStore

STALE_AFTER = timedelta(days=90)
"""Longer than this without a verified outcome, and what a skill knows may no longer be so."""

_RELEASE = re.compile(r"^v?(\d+)\.\d")
_SCOPE = "standing"


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """A rung with all that it was earned for; outcomes before `since` (a count of uses) weigh no more."""

    rung: Trust
    binding: str
    start: Trust
    since: int = 0
    rules: Mapping[str, str] = field(default_factory=dict)
    lines: Mapping[str, str] = field(default_factory=dict)
    verified_at: datetime | None = None
    reason: str = ""

    def stale(self, now: datetime) -> bool:
        """Whether nothing has confirmed it for too long."""
        return self.verified_at is not None and now - self.verified_at > STALE_AFTER


def binding_of(skill: Skill) -> str:
    """A digest of what the skill does: when it applies, what it asks, decides and checks; not its prose."""
    bound = {
        "alerts": [[asdict(m) for m in block] for block in (*skill.match.alerts, (), *skill.match.none)],
        "hops": skill.match.max_hops,
        "inputs": dict(skill.inputs),
        "diagnose": [[s.id, s.tool, dict(s.arguments), s.save, s.stop_if] for s in skill.diagnose],
        "decide": [asdict(rule) for rule in skill.decide],
        "mitigate": dict(skill.mitigations),
        "verify": [skill.verify_expression, skill.verify_stable_seconds, skill.verify_within_seconds],
    }
    if skill.max_queries != MOST_QUERIES:
        bound["budget"] = skill.max_queries
    return _short(json.dumps(bound, sort_keys=True))


def rules_of(skill: Skill, rules: Mapping[str, str]) -> dict[str, str]:
    """Digests of the alert expressions that the skill's matchers name, by alert name."""
    names = [m for block in skill.match.alerts for m in block if m.label == "alertname"]
    named = {name for name in rules for m in names if holds(m, {"alertname": name})}
    return {name: _short(rules[name]) for name in sorted(named)}


def version_line(release: str) -> str:
    """The line that a release belongs to: `2` of v2.14.1; empty where a release tells none."""
    found = _RELEASE.match(release)
    return found[1] if found else ""


def standing_of(graph: GraphStore, skill: Skill, *, rules: Mapping[str, str] | None = None) -> Standing:
    """What the skill has earned as it stands; at most shadow when its text or an alert's expression changed.

    A skill that nobody merged here stands on main by other hands: it runs in the shadow until it agrees.
    """
    kept = _read(graph, skill.name)
    binding = binding_of(skill)
    if kept is None:
        reason = "not merged here: it has to agree with investigations first"
        return Standing(rung=Trust.SHADOW, binding=binding, start=Trust.SHADOW, reason=reason)
    changed = changes(kept, binding, rules_of(skill, rules or {}))
    if not changed:
        return kept
    reached = after_change(kept.rung)
    return replace(
        kept,
        rung=reached,
        binding=binding,
        start=reached,
        since=len(graph.uses(node_of(skill.name))),
        reason=f"{reached}, since {', '.join(changed)} changed",
    )


def changes(kept: Standing, binding: str, rules: Mapping[str, str]) -> list[str]:
    """What differs from what the trust was earned for; a rule not seen before is no change."""
    different = [name for name, digest in rules.items() if kept.rules.get(name, digest) != digest]
    found = [f"the expression of {name}" for name in different]
    return [*(["what the skill does"] if kept.binding != binding else []), *found]


def live(graph: GraphStore, skill: Skill, *, now: datetime, rules: Mapping[str, str] | None = None) -> Skill:
    """The skill with the trust that it has earned, and whether it went unverified for too long."""
    standing = standing_of(graph, skill, rules=rules)
    return replace(skill, trust=standing.rung, verified_at=standing.verified_at, stale=standing.stale(now))


def admit(graph: GraphStore, skill: Skill, *, reason: str, at: datetime) -> None:
    """Begin anew where a merge begins: the incident behind it was verified just now."""
    begun = Standing(
        rung=merged_trust(),
        binding=binding_of(skill),
        start=merged_trust(),
        since=len(graph.uses(node_of(skill.name))),
        verified_at=at,
        reason=reason,
    )
    _write(graph, skill.name, begun, at)


def move(graph: GraphStore, skill: Skill, rung: Trust, *, reason: str, at: datetime) -> None:
    """Begin anew on a rung by a person's word, which verifies nothing."""
    kept = standing_of(graph, skill)
    since = len(graph.uses(node_of(skill.name)))
    _write(graph, skill.name, replace(kept, rung=rung, start=rung, since=since, reason=reason), at)


@dataclass(frozen=True, slots=True, kw_only=True)
class Use:
    """One judged use: where, on which release, under which alert expressions, and what came of it."""

    incident_id: str
    service: str
    release: str
    rules: Mapping[str, str]
    good: bool
    harmful: bool = False


def credit(graph: GraphStore, skill: Skill, use: Use, *, at: datetime) -> Standing:
    """Count a use and climb or fall; harm drops two rungs at once, and what was earned before is void."""
    before = standing_of(graph, skill, rules=use.rules)
    graph.count_use(node_of(skill.name), incident_id=use.incident_id, useful=use.good, at=at)
    uses = graph.uses(node_of(skill.name))
    judged = [helped for _, _, helped in uses[before.since :]]
    outcomes = Outcomes(good=sum(judged), bad=len(judged) - sum(judged))
    earned = replace(
        before,
        rung=trust_after(outcomes, start=before.start),
        rules={**before.rules, **rules_of(skill, use.rules)},
        lines=_with_line(before.lines, use),
        verified_at=at if use.good else before.verified_at,
        reason=f"{outcomes.good} of {len(judged)} uses verified, the last in {use.incident_id}",
    )
    if use.harmful:  # what was earned before is void: the ladder is climbed anew
        rung = trust_after(Outcomes(harmful=1), start=before.rung)
        reason = f"two rungs lower: it made things worse in {use.incident_id}"
        earned = replace(earned, rung=rung, start=rung, since=len(uses), reason=reason)
    _write(graph, skill.name, earned, at)
    return earned


def _with_line(lines: Mapping[str, str], use: Use) -> dict[str, str]:
    line = version_line(use.release)
    return {**lines, use.service: line} if use.good and line else dict(lines)


def another_line(standing: Standing, service: str, release: str) -> str:
    """Why what was verified on the service may no longer hold; empty where its version line is the same."""
    known, line = standing.lines.get(service, ""), version_line(release)
    if not known or not line or known == line:
        return ""
    return f"it was verified on line {known} of {service}, which runs line {line} now"


def node_of(name: str) -> str:
    """The node under which uses of a skill are counted."""
    return urn(NodeKind.SKILL, name)


def _read(graph: GraphStore, name: str) -> Standing | None:
    node = graph.node(urn(NodeKind.SKILL, name, _SCOPE))
    if node is None:
        return None
    kept = node.attributes
    verified = kept.get("verified_at", "")
    return Standing(
        rung=graph.trust(name),
        binding=kept["binding"],
        start=Trust(kept["start"]),
        since=int(kept["since"]),
        rules=json.loads(kept["rules"]),
        lines=json.loads(kept["lines"]),
        verified_at=datetime.fromisoformat(verified) if verified else None,
        reason=kept["reason"],
    )


def _write(graph: GraphStore, name: str, standing: Standing, at: datetime) -> None:
    attributes = {
        "binding": standing.binding,
        "start": standing.start.value,
        "since": str(standing.since),
        "rules": json.dumps(dict(standing.rules), sort_keys=True),
        "lines": json.dumps(dict(standing.lines), sort_keys=True),
        "verified_at": standing.verified_at.isoformat() if standing.verified_at else "",
        "reason": standing.reason,
    }
    title = f"what the skill {name} has earned"
    node = Node(
        urn=urn(NodeKind.SKILL, name, _SCOPE),
        kind=NodeKind.SKILL,
        name=name,
        title=title,
        attributes=attributes,
    )
    graph.save_node(node)
    graph.set_trust(name, standing.rung, reason=standing.reason, at=at)


def _short(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:16]
