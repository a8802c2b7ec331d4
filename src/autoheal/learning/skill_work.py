"""What a person does with skills: try one on recordings or live, begin one, move its trust, go back."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from autoheal.domain.errors import ConfigError, NotFoundError, RefusedError
from autoheal.domain.skill import DecisionRule, DiagnosisStep, Match, Matcher, Skill, Trust
from autoheal.graph.skill_file import CONTRACT, PROSE, parse
from autoheal.graph.skill_text import render
from autoheal.graph.skill_tools import SERVICE, SERVICE_PATTERN
from autoheal.graph.skill_trust import Standing, move, node_of, standing_of
from autoheal.graph.skills import LADDER, Outcomes, trust_after, wilson_lower_bound
from autoheal.healing.recall import NotRecalled
from autoheal.healing.skill_run import Diagnosed, Moment, OutOfBudgetError, Watch, diagnose_with
from autoheal.learning.lessons import Lessons
from autoheal.learning.material import material_of
from autoheal.learning.replay import replayed, wrongly_fires

DRY_RUN = "dry-run"
"""Evidence of a dry run is stored and paid for under this name, and belongs to no incident."""

_EVER = 1e9
"""2001: git reads smaller numbers as something else than seconds."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SkillVersion:
    """One version as it stood on main: by which commit, of whom, when."""

    version: int
    commit: str
    author: str
    at: datetime
    title: str
    incidents: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class SkillUse:
    """One judged use of a skill."""

    incident_id: str
    useful: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Replayed:
    """What a skill says on one recorded incident; own tells whether it was learned from it."""

    incident_id: str
    own: bool
    passed: bool
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """All that is known of a skill's past: versions, uses, and what it stands on."""

    versions: Sequence[SkillVersion]
    uses: Sequence[SkillUse]
    standing: Standing
    bound: float


@dataclass(frozen=True, slots=True, kw_only=True)
class SkillWork:
    """The use cases of `autoheal skill`, on the stores and sources that learning works with."""

    lessons: Lessons

    def record(self, skill: Skill) -> Record:
        """Versions from git, uses from the graph, and the Wilson bound of those that count now."""
        standing = standing_of(self.lessons.graph, skill)
        uses = [SkillUse(incident_id=i, useful=u) for _, i, u in self.lessons.graph.uses(node_of(skill.name))]
        counted = uses[standing.since :]
        bound = wilson_lower_bound(sum(use.useful for use in counted), len(counted))
        return Record(versions=self.versions(skill.name), uses=uses, standing=standing, bound=round(bound, 3))

    def versions(self, name: str) -> list[SkillVersion]:
        """Every version that stood on main, newest first; texts that could not be read are left out."""
        return list(self._versions(name))

    def _versions(self, name: str) -> Iterator[SkillVersion]:
        repository = self.lessons.settings.context_repository
        seen: set[int] = set()
        for change in reversed(self.lessons.forge.commits(repository, since=_EVER)):
            skill = self._at(name, change.id) if f"skills/{name}/{CONTRACT}" in change.files else None
            if skill is not None and skill.version not in seen:
                seen.add(skill.version)
                yield SkillVersion(
                    version=skill.version,
                    commit=change.id,
                    author=change.author,
                    at=datetime.fromtimestamp(change.time, tz=UTC),
                    title=change.title,
                    incidents=skill.incidents,
                )

    def _at(self, name: str, commit: str) -> Skill | None:
        try:
            return parse(name, self._texts(name, commit))
        except ConfigError:
            return None

    def _texts(self, name: str, commit: str) -> dict[str, str]:
        repository = self.lessons.settings.context_repository
        paths = {file: f"skills/{name}/{file}" for file in (PROSE, CONTRACT)}
        found = {file: self.lessons.forge.read(repository, path, at=commit) for file, path in paths.items()}
        return {file: text for file, text in found.items() if text is not None}

    def test(self, skill: Skill) -> list[Replayed]:
        """Replay it on every recorded incident: its own must be found, no other may be blamed wrongly."""
        listed = self.lessons.incidents.list(limit=self.lessons.settings.past_incidents)
        known = dict.fromkeys((*skill.incidents, *(incident.id for incident in listed)))
        return [self._replayed(skill, incident_id) for incident_id in known]

    def _replayed(self, skill: Skill, incident_id: str) -> Replayed:
        own = incident_id in skill.incidents
        try:
            material = material_of(self.lessons, incident_id)
        except NotFoundError:
            text = "is not recorded here: nothing to replay"
            return Replayed(incident_id=incident_id, own=own, passed=True, text=text)
        if not own:
            wrong = wrongly_fires(skill, material, self.lessons.healing)
            text = wrong or "silent, or right"
            return Replayed(incident_id=incident_id, own=False, passed=wrong is None, text=text)
        said = replayed(skill, material, self.lessons.healing)
        if isinstance(said, NotRecalled):
            text = said.path[-1] if said.path else "does not match"
            return Replayed(incident_id=incident_id, own=True, passed=False, text=text)
        right = material.cause is not None and said.service == material.cause.entity
        text = f"blames {said.service}, {'the' if right else 'not the'} true cause"
        return Replayed(incident_id=incident_id, own=True, passed=right, text=text)

    def run(self, skill: Skill, service: str) -> Diagnosed:
        """Its diagnosis of one service on production now; nothing is done, whatever it says."""
        now = self.lessons.clock.now().timestamp()
        gatherer = self.lessons.gatherer.for_stage(DRY_RUN, "skill")
        watch = Watch(gatherer, self.lessons.healing, Moment(alerted=now, now=now))
        try:
            return diagnose_with(skill, service, watch)
        except OutOfBudgetError:
            why = f"needs more than {watch.asked} queries"
            return Diagnosed(service=service, rule=None, why=why)

    def promote(self, skill: Skill, *, actor: str, reason: str) -> Trust:
        """One rung up, by a person; above assisted only outcomes lead, so that nobody skips the proof."""
        record = self.record(skill)
        wanted = list(Trust)[min(skill.trust.rung + 1, len(Trust) - 1)]
        counted = record.uses[record.standing.since :]
        good = sum(use.useful for use in counted)
        outcomes = Outcomes(good=good, bad=len(counted) - good)
        if wanted.rung > max(trust_after(outcomes, start=Trust.ASSISTED).rung, Trust.ASSISTED.rung):
            least, count = LADDER[wanted]
            told = f"{good} of {len(counted)} uses verified (bound {record.bound:.2f})"
            needs = f"{wanted} needs {count} verified uses and a bound of {least}"
            raise RefusedError("trust.earned", f"{skill.name} has {told}; {needs}")
        return self._moved(skill, wanted, f"promoted by {actor}: {reason}", actor)

    def demote(self, skill: Skill, *, actor: str, reason: str) -> Trust:
        """One rung down, by a person."""
        wanted = list(Trust)[max(skill.trust.rung - 1, 0)]
        return self._moved(skill, wanted, f"demoted by {actor}: {reason}", actor)

    def _moved(self, skill: Skill, rung: Trust, reason: str, actor: str) -> Trust:
        move(self.lessons.graph, skill, rung, reason=reason, at=self.lessons.clock.now())
        body = {"skill": skill.reference, "from": skill.trust, "to": rung, "reason": reason}
        self.lessons.audit.append(incident_id="", kind="skill.trust", actor=actor, body=body)
        return rung

    def restore(self, name: str, version: int, *, actor: str) -> str:
        """An earlier version becomes the newest one, merged by a person; returns the commit."""
        found = next((v for v in self.versions(name) if v.version == version), None)
        if found is None:
            raise NotFoundError(f"{name} has no version {version}; `autoheal skill show {name}` lists them")
        newest = max(v.version for v in self.versions(name))
        old = parse(name, self._texts(name, found.commit))
        files = render(replace(old, version=newest + 1))
        repository = self.lessons.settings.context_repository
        title = f"Restore version {version} of the skill {name}"
        branch = self.lessons.forge.commit(
            repository,
            branch=f"autoheal/restore-{newest + 1}/skill/{name}",
            files={f"skills/{name}/{file}": text for file, text in files.items()},
            message=title,
        )
        return self.lessons.forge.merge(branch, message=title, author=actor)


def blank(name: str, alert: str) -> Mapping[str, str]:
    """The two files of a new skill, valid as they stand, to be filled in; raises ConfigError."""
    errors = (
        'sum by (service) (rate(http_requests_total{status=~"5.."}[60s]))'
        " / sum by (service) (rate(http_requests_total[60s]))"
    )
    try:
        skill = Skill(
            name=name,
            version=1,
            description=f"Say what fails and what helps. Use this skill when {alert} fires.",
            family="errors/deploy",
            match=Match(alerts=((Matcher(label="alertname", operator="=", value=alert),),)),
            inputs={"service": SERVICE_PATTERN},
            diagnose=(
                DiagnosisStep(
                    id="error-ratio",
                    tool="metrics.range",
                    arguments={"query": errors, "service": SERVICE},
                    save="error_ratio",
                    stop_if="!(error_ratio > 0.05)",
                ),
                DiagnosisStep(
                    id="recent-change",
                    tool="changes.recent",
                    arguments={"service": SERVICE, "kind": "deploy", "within": "1800s"},
                    save="change",
                ),
            ),
            decide=(
                DecisionRule(
                    when="error_ratio > 0.05 && error_ratio > 3 * error_ratio_before && change.found",
                    failure_mode="errors/deploy",
                    mitigate="rollback",
                    confidence=0.8,
                ),
            ),
            mitigations={"rollback": "rollback"},
            verify_expression=f"{errors} > 0.05",
            verify_stable_seconds=300,
            verify_within_seconds=600,
        )
    except ValueError as error:
        raise ConfigError(str(error)) from None
    files = render(skill)
    parse(name, files)
    return files
