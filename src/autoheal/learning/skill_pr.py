"""The Skill PR: how to handle the next incident of the family, proved on the recordings."""

from __future__ import annotations

from dataclasses import replace

from autoheal.domain.errors import ConfigError
from autoheal.domain.proposal import Proof, ProposalKind, ProposalState
from autoheal.domain.skill import Matcher, Skill
from autoheal.graph.matchers import labels_of
from autoheal.graph.skill_file import CONTRACT, PROSE, parse
from autoheal.graph.skill_text import render
from autoheal.graph.skills import fitting
from autoheal.healing.recall import NotRecalled, Recalled
from autoheal.learning.lessons import Lessons, content_key, skill_name
from autoheal.learning.material import Material, past
from autoheal.learning.proposing import Draft, Plan, body_of
from autoheal.learning.replay import replayed, wrongly_fires
from autoheal.learning.skill_draft import Merged, drafts, merged, named_apart, nearest
from autoheal.learning.skill_words import written


def plan_skill(lessons: Lessons, material: Material) -> Plan | str:
    """A new skill, or a wider version of a near-duplicate, or why neither is needed."""
    if material.incident.skill:
        return f"{material.incident.skill} already handled this incident"
    if material.noise:
        return "there was no fault: nothing to handle the next time"
    candidates = drafts(material)
    if isinstance(candidates, str):
        return candidates
    new = next((skill for skill in candidates if _knows_again(skill, lessons, material)), candidates[0])
    if (waiting := _proposed(lessons, new)) is not None:
        return waiting
    old = nearest(new, lessons.skills.skills())
    covered = old is not None and _finds_it(old, lessons, material)
    wider = merged(old, new, covered=covered) if old else None
    if wider is not None and (not wider.changed or (old and covered and _fits(old, material))):
        return f"{wider.into} already covers this failure: a fork would add nothing"
    skill = wider.skill if wider else named_apart(new, lambda name: _taken(lessons, name))
    key = content_key(ProposalKind.SKILL, _content(skill))
    return Plan(key=key, write=lambda: _write(lessons, material, skill, wider))


def _proposed(lessons: Lessons, new: Skill) -> str | None:
    """The open proposal that would handle nearly the same: two of them would be merged as forks."""
    for proposal in lessons.proposals.list():
        if proposal.kind is ProposalKind.SKILL and proposal.state is ProposalState.PROPOSED:
            other = _read(lessons, skill_name(proposal.branch), proposal.head)
            if other is not None and nearest(new, [other]) is not None:
                return f"{proposal.id} already proposes {other.name} for this failure: it waits for a person"
    return None


def _taken(lessons: Lessons, name: str) -> bool:
    """Whether a folder or an open proposal has the name: another failure's skill is not written over."""
    if lessons.forge.read(lessons.settings.context_repository, f"skills/{name}/{PROSE}") is not None:
        return True
    return any(
        proposal.kind is ProposalKind.SKILL
        and proposal.state is ProposalState.PROPOSED
        and skill_name(proposal.branch) == name
        for proposal in lessons.proposals.list()
    )


def _read(lessons: Lessons, name: str, commit: str) -> Skill | None:
    repository = lessons.settings.context_repository
    paths = {file: f"skills/{name}/{file}" for file in (PROSE, CONTRACT)}
    found = {file: lessons.forge.read(repository, path, at=commit) for file, path in paths.items()}
    try:
        return parse(name, {file: text for file, text in found.items() if text is not None})
    except ConfigError:
        return None


def _fits(old: Skill, material: Material) -> bool:
    """Whether the skill would have been asked for this incident as it stands."""
    labels = [labels_of(alert) for alert in material.alerts]
    return bool(fitting([old], alerts=labels, signature=material.incident.signature))


def _knows_again(skill: Skill, lessons: Lessons, material: Material) -> bool:
    found = replayed(skill, material, lessons.healing)
    return not isinstance(found, NotRecalled) and found.service == _culprit(material)


def _finds_it(old: Skill, lessons: Lessons, material: Material) -> bool:
    """Whether the known diagnosis holds for this incident, once its alerts are let in."""
    names = tuple((Matcher(label="alertname", operator="=", value=a.name),) for a in material.alerts)
    wider = replace(old, match=replace(old.match, alerts=(*old.match.alerts, *names)))
    return _knows_again(wider, lessons, material)


def _culprit(material: Material) -> str:
    return material.cause.entity if material.cause else ""


def _content(skill: Skill) -> dict[str, object]:
    """What the skill says, without where it comes from."""
    bare = replace(skill, incidents=(), version=1, match=replace(skill.match, signatures=()))
    return dict(render(bare))


def _write(lessons: Lessons, material: Material, skill: Skill, wider: Merged | None) -> Draft | str:
    proof = prove(lessons, material, skill)
    if isinstance(proof, str):
        return proof
    made = written(lessons, material, skill, _words_before(lessons, skill) if wider else "")
    files = {f"skills/{skill.name}/{name}": text for name, text in made.files.items()}
    what = f"`skills/{skill.name}`, version {skill.version}: {_in_words(skill)}"
    if wider:
        what += f"\n\nMerged into `{wider.into}`, nearly the same; wider now: {', '.join(wider.changed)}."
    what += f"\n\n{made.told}"
    title = f"{'Widen' if wider else 'Add'} the skill {skill.name}"
    branch = lessons.forge.commit(
        lessons.settings.context_repository,
        branch=f"autoheal/{_short(material)}/skill/{skill.name}",
        files=dict(files),
        message=f"{title}\n\nLearned from incident {material.incident.id}; replayed on its evidence.",
    )
    why = (
        f"Incident `{material.incident.id}` was diagnosed by a full investigation. The next one of the "
        "family can be told by these queries alone, and handled without a model."
    )
    author = "Written by Autoheal; who wrote its words stands above."
    body = body_of(why=why, what=what, proof=proof, material=material, author=author)
    return Draft(title=title, body=body, branch=branch, proof=proof)


def _words_before(lessons: Lessons, skill: Skill) -> str:
    return lessons.forge.read(lessons.settings.context_repository, f"skills/{skill.name}/{PROSE}") or ""


def prove(lessons: Lessons, material: Material, skill: Skill) -> Proof | str:
    """Green on this incident's evidence, silent or right on every other; else why it is not proposed."""
    try:
        parse(skill.name, render(skill))
    except ConfigError as error:
        return f"the drafted skill is not valid: {error}"
    own = replayed(skill, material, lessons.healing)
    cause = material.cause
    if isinstance(own, NotRecalled) or cause is None or own.service != cause.entity:
        said = own.path[-1] if isinstance(own, NotRecalled) and own.path else "another service"
        return f"the drafted skill does not find this incident's own cause again ({said})"
    others = past(lessons, material)
    wrong = [why for other in others if (why := wrongly_fires(skill, other, lessons.healing))]
    if wrong:
        return f"the drafted skill is too broad: {'; '.join(wrong[:3])}"
    summary = (
        f"The skill finds {own.service} again on the recorded evidence of this incident and fires wrongly on "
        f"none of {len(others)} other recorded incident(s)."
    )
    return Proof(
        summary=summary,
        checks={
            "valid Agent Skill and contract": "passed",
            "replay on this incident": f"passed: {_told(own)}",
            "replay on other incidents": f"passed: {len(others)} replayed, 0 wrong",
        },
    )


def _told(own: Recalled) -> str:
    about = f" on {own.service}: "
    return next((line.removeprefix("recall: ") for line in own.path if about in line), own.service)


def _in_words(skill: Skill) -> str:
    rule = skill.decide[-1]
    return f"if `{rule.when}` on `$service`, then {rule.failure_mode}, and `{rule.mitigate}`."


def _short(material: Material) -> str:
    return material.incident.id.lower().replace("_", "-")
