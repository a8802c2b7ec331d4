"""The Fix PR: the culprit change undone, with a test that fails before and passes after."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

from autoheal.domain.change import Change, ChangeKind
from autoheal.domain.errors import ConflictError, NotFoundError, RefusedError, UserError
from autoheal.domain.proposal import Proof, ProposalKind
from autoheal.learning.coding_agent import is_configured
from autoheal.learning.lessons import Lessons, content_key
from autoheal.learning.material import Material
from autoheal.learning.model_fix import model_fix
from autoheal.learning.proposing import Draft, Plan, body_of
from autoheal.learning.recorded_requests import Expectation, expectations, regression_test
from autoheal.learning.trial import FAILED, ROOM, complaint, last_line, regression_path, run_tests
from autoheal.policy.masking import was_masked
from autoheal.ports.production import Branch
from autoheal.ports.proving import Ran
from autoheal.ports.runs import Json

_MAX_CULPRITS = 3
_MAX_EXPECTATIONS = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class Remedy:
    """One way to undo the cause: in words, by what key, and the branch it makes."""

    key: str
    what: str
    make: Callable[[str], Branch]


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """A remedy that a test shows: it fails before and passes after."""

    remedy: Remedy
    expectation: Expectation
    branch: Branch
    before: Ran
    after: Ran


def plan_fix(lessons: Lessons, material: Material) -> Plan | str:
    """The culprit undone, or why there is nothing in the code to undo."""
    cause, culprit = material.cause, material.culprit
    if cause is None:
        return "no cause was established: there is nothing to fix"
    if culprit is None:
        return f"no change caused it ({cause.mechanism.replace('_', ' ')}): no code is to be undone"
    remedies = list(_remedies(lessons, material, culprit))
    if not remedies:
        return f"the {culprit.kind} {culprit.title or culprit.id} does not stand in the code repository"
    wanted = expectations(with_spans(lessons, material))[:_MAX_EXPECTATIONS]
    if not wanted and not is_configured(lessons):
        return "no request was recorded that can be sent again: no test could show the fix"
    if wanted and lessons.forge.read(lessons.settings.code_repository, lessons.settings.harness) is None:
        return f"the code repository has no {lessons.settings.harness}: no test can be written on it"
    key = content_key(
        ProposalKind.FIX, {"repository": lessons.settings.code_repository, "undo": remedies[0].key}
    )
    return Plan(key=key, write=lambda: _written(lessons, material, remedies, wanted))


def with_spans(lessons: Lessons, material: Material) -> Material:
    """The incident with spans: where it asked for none, the learning run asks for the culprit's own."""
    cause = material.cause
    if cause is None or any(e.expression.startswith("spans of ") for e in material.evidence.values()):
        return material
    gatherer = lessons.gatherer.for_stage(material.incident.id, "learn")
    start, limit = material.alerted - lessons.healing.baseline_seconds, lessons.healing.max_spans
    found = gatherer.spans(services=[cause.entity], start=start, end=material.looked, limit=limit)
    if found is None:
        return material
    asked = found.evidence
    return replace(
        material,
        evidence={**material.evidence, asked.id: asked},
        rows={**material.rows, asked.id: found.rows},
    )


def _remedies(lessons: Lessons, material: Material, culprit: Change) -> Iterator[Remedy]:
    """The named commit first, then other recent commits of the service; for a value, the value before."""
    if culprit.kind in (ChangeKind.CONFIG, ChangeKind.FLAG) and not culprit.commit:
        remedy = _restored(lessons, culprit)
        yield from [remedy] if remedy else []
        return
    repository = lessons.settings.code_repository
    named = culprit.commit or culprit.id
    since = culprit.time - lessons.settings.history_seconds
    recent = [c for c in lessons.forge.commits(repository, since=since) if c.time <= material.alerted]
    ours = [c.id for c in reversed(recent) if c.entity in ("", culprit.entity)]
    titles = {c.id: c.title for c in recent}
    for commit in dict.fromkeys([*([named] if _exists(lessons, named) else []), *ours][:_MAX_CULPRITS]):
        yield Remedy(
            key=commit,
            what=f"Reverts `{commit[:12]}` ({titles.get(commit, culprit.title)[:100]}).",
            make=lambda branch, commit=commit: lessons.forge.revert(  # type: ignore[misc]  # a default argument keeps this turn's value
                repository, branch=branch, commit=commit, message=_message(material, f"Revert {commit[:12]}")
            ),
        )


def _exists(lessons: Lessons, commit: str) -> bool:
    try:
        lessons.forge.head(lessons.settings.code_repository, commit)
    except (NotFoundError, UserError):
        return False
    return True


def _restored(lessons: Lessons, culprit: Change) -> Remedy | None:
    """The value before, where the file of the repository holds the value after."""
    repository = lessons.settings.code_repository
    path = "flags.json" if culprit.kind is ChangeKind.FLAG else f"config/{culprit.entity}.json"
    text = lessons.forge.read(repository, path)
    if text is None or not culprit.key or was_masked(culprit.before + culprit.after):
        return None
    changed = with_value(text, culprit.key, culprit.after, culprit.before)
    if changed is None:
        return None
    title = f"Restore {culprit.key} to {culprit.before}"
    return Remedy(
        key=f"{path}:{culprit.key}={culprit.before}",
        what=f"Restores `{culprit.key}` in `{path}` from {culprit.after} to {culprit.before}.",
        make=lambda branch: lessons.forge.commit(
            repository, branch=branch, files={path: changed}, message=title
        ),
    )


def with_value(text: str, key: str, old: str, new: str) -> str | None:
    """The JSON text with a key's value replaced, if it is the old one; None otherwise."""
    try:
        content: Json = json.loads(text)
        value, wanted = _value(new), _value(old)
    except ValueError:
        return None
    if not isinstance(content, dict) or key not in content or content[key] != wanted:
        return None
    return json.dumps({**content, key: value}, indent=2, ensure_ascii=False) + "\n"


def _value(text: str) -> Json:
    """A recorded value: JSON, or a bare word."""
    try:
        value: Json = json.loads(text)
    except ValueError:
        value = {"True": True, "False": False, "None": None}.get(text, text)
    return value


def _written(
    lessons: Lessons, material: Material, remedies: list[Remedy], wanted: list[Expectation]
) -> Draft | str:
    """A proved patch of the cause where somebody is configured who writes one, else the cause undone."""
    if not wanted:
        reason = "no request was recorded that can be sent again"
        return model_fix(lessons, material, None, reason)
    plain = _write(lessons, material, remedies, wanted)
    if not is_configured(lessons):
        return plain
    failing = (e for e in wanted if _before(lessons, material, e).code == FAILED)
    return model_fix(lessons, material, next(failing, None), plain)


def _write(
    lessons: Lessons, material: Material, remedies: list[Remedy], wanted: list[Expectation]
) -> Draft | str:
    """The first test and remedy that show each other; a fix that no test can show is not opened."""
    reasons: list[str] = []
    for expectation in wanted:
        before = _before(lessons, material, expectation)
        if before.code != FAILED:
            reasons.append(_no_failure(expectation, before))
            continue
        for remedy in remedies:
            shown = _after(lessons, material, remedy, (expectation, before))
            if isinstance(shown, Shown):
                return _proved(lessons, material, shown)
            reasons.append(shown)
    return f"no test fails before and passes after: {'; '.join(dict.fromkeys(reasons))[:600]}"


def _before(lessons: Lessons, material: Material, expectation: Expectation) -> Ran:
    """The test on main as it is: the culprit is still in it."""
    path = regression_path(material)
    test = {path: regression_test(expectation, incident_id=material.incident.id)}
    main = lessons.forge.head(lessons.settings.code_repository)
    return run_tests(lessons, main, path, test)


def _no_failure(expectation: Expectation, before: Ran) -> str:
    if before.passed:
        return f"{expectation.told()} on main as it is"
    return f"the test could not be run: {last_line(before)}"


def _after(
    lessons: Lessons, material: Material, remedy: Remedy, tried: tuple[Expectation, Ran]
) -> Shown | str:
    """The same test with the remedy; the reason where it still fails, or cannot be applied."""
    expectation, before = tried
    try:
        undone = remedy.make(f"autoheal/{material.incident.id.lower().replace('_', '-')}/fix")
    except (ConflictError, RefusedError) as error:
        return str(error)
    branch = _with_test(lessons, material, undone, expectation)
    after = run_tests(lessons, branch.head, regression_path(material), {})
    if after.passed:
        return Shown(remedy=remedy, expectation=expectation, branch=branch, before=before, after=after)
    return f"{remedy.what.rstrip('.')}, and still it fails: {last_line(after)}"


def _with_test(lessons: Lessons, material: Material, undone: Branch, expectation: Expectation) -> Branch:
    incident_id = material.incident.id
    written = lessons.forge.commit(
        undone.repository,
        branch=undone.name,
        files={regression_path(material): regression_test(expectation, incident_id=incident_id)},
        message=_message(material, f"Test that {expectation.told()}"),
        base=undone.head,
    )
    return replace(written, base=undone.base)


def _proved(lessons: Lessons, material: Material, shown: Shown) -> Draft | str:
    branch, expectation = shown.branch, shown.expectation
    whole = run_tests(lessons, branch.head, "tests", {})
    if not whole.passed:
        return f"the repository's own tests fail with the fix: {last_line(whole)}"
    proof = Proof(
        summary=(
            f"In a clean checkout the test that {expectation.told()} fails on main and passes on this "
            "branch; the repository's own tests pass."
        ),
        checks={
            f"regression test on main {branch.base[:12]}": f"fails, as it should: {complaint(shown.before)}",
            f"regression test on this branch {branch.head[:12]}": f"passed in {shown.after.seconds:.1f} s",
            "the repository's own tests": f"passed in {whole.seconds:.1f} s",
            ROOM: lessons.prover.isolation,
        },
    )
    culprit = material.culprit
    title = f"Undo the cause of incident {material.incident.id} in {expectation.service}"
    why = (
        f"{material.cause.statement if material.cause else ''}. The culprit: "
        f"{culprit.kind if culprit else ''} `{culprit.id[:60] if culprit else ''}`."
    )
    what = (
        f"{shown.remedy.what} Adds `{regression_path(material)}` from requests recorded during the incident."
    )
    body = body_of(why=why, what=what, proof=proof, material=material)
    return Draft(title=title, body=body, branch=branch, proof=proof)


def _message(material: Material, title: str) -> str:
    return f"{title}\n\nIncident {material.incident.id}."
