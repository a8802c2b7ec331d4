"""A model's patch, judged: a test that fails before and passes after, and no test of the repository lost."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from autoheal.domain.errors import AutohealError
from autoheal.domain.proposal import Proof
from autoheal.learning.coding_agent import Assignment, Patch, patch_of
from autoheal.learning.lessons import Lessons
from autoheal.learning.material import Material
from autoheal.learning.patch_rules import REGRESSIONS, is_test, patch_refusal
from autoheal.learning.proposing import Draft, body_of
from autoheal.learning.recorded_requests import Expectation, regression_test
from autoheal.learning.trial import (
    FAILED,
    ROOM,
    complaint,
    last_line,
    passed_tests,
    regression_path,
    run_tests,
)
from autoheal.policy.untrusted import fit
from autoheal.ports.proving import Ran


@dataclass(frozen=True, slots=True, kw_only=True)
class Proved:
    """The runs that show a patch: on main, with it, and the whole suite; tests are the paths that show it."""

    tests: tuple[str, ...]
    before: Ran
    after: Ran
    whole: Ran


@dataclass(frozen=True, slots=True, kw_only=True)
class Court:
    """Judges patches for one commit; usual is how the repository's tests end without a patch.

    ours is the regression test that we wrote, None where none could be.
    """

    lessons: Lessons
    material: Material
    commit: str
    ours: Expectation | None
    usual: Ran

    def files(self, written: Mapping[str, str]) -> dict[str, str]:
        """The patch with our test; where we have one, tests of others add no proof and are left out."""
        if self.ours is None:
            return dict(written)
        test = regression_test(self.ours, incident_id=self.material.incident.id)
        source = {path: text for path, text in written.items() if not is_test(path)}
        return {**source, regression_path(self.material): test}

    def objection(self, written: Mapping[str, str]) -> str | None:
        """Why the patch does not stand; None where it is proved."""
        found = self.judged(written)
        return found if isinstance(found, str) else None

    def judged(self, written: Mapping[str, str]) -> Proved | str:
        """The proof, each run in a fresh checkout, or what is wrong in one line."""
        if (refusal := patch_refusal(written, self._before)) is not None:
            return refusal
        if all(is_test(path) for path in written):
            return "only tests were written: nothing was repaired"
        files = self.files(written)
        tests = self._tests(files)
        if not tests:
            return f"no new test stands below {REGRESSIONS}: nothing would show the repair"
        judges = {path: text for path, text in files.items() if is_test(path)}
        for path in tests:
            before, after = self._run(path, judges), self._run(path, files)
            if before.code != FAILED:
                return f"{path} does not fail without the patch: {last_line(before)}"
            if not _shows(after, 1, counts=self._counts(before)):
                return f"{path} still fails with the patch: {complaint(after)}"
        return self._whole(files, Proved(tests=tests, before=before, after=after, whole=after))

    def _whole(self, files: Mapping[str, str], proved: Proved) -> Proved | str:
        usual = self.usual
        least = (passed_tests(usual) or 0) if usual.passed else 0
        # A new test that we did not write is not there: it could change what the others find.
        theirs = proved.tests if self.ours is None else ()
        whole = self._run("tests", {path: text for path, text in files.items() if path not in theirs})
        if not _shows(whole, least + len(proved.tests) - len(theirs), counts=self._counts(usual)):
            return f"of the repository's own tests not all pass with the patch: {complaint(whole)}"
        return Proved(tests=proved.tests, before=proved.before, after=proved.after, whole=whole)

    def _tests(self, files: Mapping[str, str]) -> tuple[str, ...]:
        if self.ours is not None:
            return (regression_path(self.material),)
        new = (path for path in files if path.startswith(REGRESSIONS) and self._before(path) is None)
        return tuple(path for path in new if is_test(path) and path.rpartition("/")[2].startswith("test_"))

    def _counts(self, ran: Ran) -> bool:
        """Whether this test command says how many tests passed or failed."""
        return passed_tests(ran) is not None or " failed" in last_line(ran)

    def _before(self, path: str) -> str | None:
        try:
            return self.lessons.forge.read(self.lessons.settings.code_repository, path, at=self.commit)
        except AutohealError:
            return None

    def _run(self, tests: str, files: Mapping[str, str]) -> Ran:
        return run_tests(self.lessons, self.commit, tests, files)


def _shows(ran: Ran, least: int, *, counts: bool) -> bool:
    """A program that ended well, and at its end told of as many passed tests as there must be."""
    return ran.passed and (not counts or (passed_tests(ran) or 0) >= least)


def model_fix(
    lessons: Lessons, material: Material, ours: Expectation | None, plain: Draft | str
) -> Draft | str:
    """The proved patch of the configured author; the plain way, and why, where there is none."""
    commit = lessons.forge.head(lessons.settings.code_repository)
    usual = run_tests(lessons, commit, "tests", {})
    court = Court(lessons=lessons, material=material, commit=commit, ours=ours, usual=usual)
    wanted = court.files({}).get(regression_path(material), "A new regression test that you write.")
    judge: Callable[[Mapping[str, str]], str | None] = court.objection
    patch = patch_of(lessons, Assignment(material=material, commit=commit, wanted=wanted, judge=judge))
    if isinstance(patch, str):
        return _stands(plain, patch)
    proved = court.judged(patch.files)
    if isinstance(proved, str):
        return _stands(plain, f"the patch of {patch.author} is not accepted: {proved}")
    return _draft(court, patch, proved, plain)


def _stands(plain: Draft | str, why: str) -> Draft | str:
    """What there is without a model, with the word why the model's work is not in it."""
    if isinstance(plain, str):
        return f"{plain}; {fit(why, 400)}"
    body = f"{plain.body}\nA patch was asked for as well: {fit(why, 400)}.\n"
    return Draft(title=plain.title, body=body, branch=plain.branch, proof=plain.proof)


def _draft(court: Court, patch: Patch, proved: Proved, plain: Draft | str) -> Draft:
    lessons, incident = court.lessons, court.material.incident
    files = court.files(patch.files)
    branch = lessons.forge.commit(
        lessons.settings.code_repository,
        branch=f"autoheal/{incident.id.lower().replace('_', '-')}/patch",
        files=files,
        message=f"Repair the cause of incident {incident.id}\n\nIncident {incident.id}. By {patch.author}.",
        base=court.commit,
    )
    by = "our code wrote from recorded requests" if court.ours else "the same author wrote: look at it well"
    proof = Proof(
        summary=(
            f"In clean checkouts a test that {by} fails on main and passes with the patch; all tests of the "
            "repository pass. Programs judged it; the author's word was not asked."
        ),
        checks={
            f"{', '.join(proved.tests)} on main {court.commit[:12]}": (
                f"fails, as it should: {complaint(proved.before)}"
            ),
            "the same with the patch": f"passed in {proved.after.seconds:.1f} s",
            "the repository's own tests": last_line(proved.whole),
            ROOM: lessons.prover.isolation,
        },
    )
    cause = court.material.cause
    body = body_of(
        why=cause.statement if cause else "",
        what=_what(patch, files, plain),
        proof=proof,
        material=court.material,
        author=f"The patch was written by {patch.author}; Autoheal judged it.",
    )
    return Draft(title=f"Repair the cause of incident {incident.id}", body=body, branch=branch, proof=proof)


def _what(patch: Patch, files: Mapping[str, str], plain: Draft | str) -> str:
    listed = "".join(f"- `{path}`\n" for path in sorted(files))
    said = "".join(f"> {line}\n" for line in fit(patch.summary, 2_000).splitlines())
    words = f"\nIts author says, and nobody checked the words:\n\n{said}" if said else ""
    other = (
        f"the branch `{plain.branch.name}` undoes the change instead, with the same proof"
        if isinstance(plain, Draft)
        else f"none: {plain[:300]}"
    )
    return f"Changes\n\n{listed}{words}\nThe alternative: {other}."
