"""A forge on local repositories: proposals are branches, and only a named person moves main."""

from __future__ import annotations

import re
import shutil
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from autoheal.domain.change import Change
from autoheal.domain.errors import ConflictError, NotFoundError
from autoheal.integrations.git.command import AUTOHEAL, Git, Identity
from autoheal.integrations.git.history import commits_since
from autoheal.integrations.git.names import MAIN, commit_id, our_branch, person, readable, within
from autoheal.integrations.git.tree import checkout, commit_tree, entries, merged_tree, tree_with
from autoheal.ports.production import Branch

_ABSENT = "0" * 40


class GitForge:
    """Named repositories on disk; work trees are never touched, branches move by compare-and-swap."""

    def __init__(self, repositories: Mapping[str, Path], scratch: Path) -> None:
        self._repositories = dict(repositories)
        self._scratch = scratch

    def read(self, repository: str, path: str, *, at: str = MAIN) -> str | None:
        """A file's text, or None."""
        git, commit = self._at(repository, at)
        done = git.run(["cat-file", "blob", f"{commit}:{within(path)}"])
        return None if done.returncode else done.stdout.decode(errors="replace")

    def files(self, repository: str, under: str = "", *, at: str = MAIN) -> Sequence[str]:
        """Paths below a folder."""
        git, commit = self._at(repository, at)
        folder = within(under.strip("/")) + "/" if under.strip("/") else ""
        return [entry.path for entry in entries(git, commit, folder)]

    def head(self, repository: str, branch: str = MAIN) -> str:
        """The commit a branch (or a commit) points to; raises NotFoundError."""
        return self._at(repository, branch)[1]

    def commit(
        self, repository: str, *, branch: str, files: Mapping[str, str | None], message: str, base: str = ""
    ) -> Branch:
        """Commit files (None removes) on a new branch from base (default main's head); never on main."""
        our_branch(branch)
        git, start = self._at(repository, base or MAIN)
        tree = tree_with(git, start, files)
        return self._propose(git, Branch(repository=repository, name=branch, base=start, head=tree), message)

    def revert(self, repository: str, *, branch: str, commit: str, message: str) -> Branch:
        """A branch from main that undoes one commit; raises ConflictError when it does not apply."""
        our_branch(branch)
        git, main = self._at(repository, MAIN)
        culprit = self._at(repository, commit_id(commit))[1]
        parents = git.text("rev-list", "--parents", "-n", "1", culprit).split(" ")[1:]
        if not parents:
            raise ConflictError(f"{commit} is the first commit of {repository}: there is nothing before it")
        # A commit on top of the culprit that has its parent's tree, merged into main, is its revert
        # as a three-way merge; git 2.39 has no merge-tree --merge-base yet.
        before = git.text("rev-parse", f"{parents[0]}^{{tree}}")
        undone = commit_tree(git, before, (culprit,), message, AUTOHEAL)
        tree = merged_tree(git, main, undone)
        return self._propose(git, Branch(repository=repository, name=branch, base=main, head=tree), message)

    def diff(self, branch: Branch) -> str:
        """The unified diff from base to head."""
        git = self._git(branch.repository)
        return git.text(
            "diff", "--no-ext-diff", "--no-textconv", commit_id(branch.base), commit_id(branch.head)
        )

    @contextmanager
    def worktree(self, repository: str, commit: str) -> Iterator[Path]:
        """A clean checkout in a temporary folder, removed afterwards."""
        git, found = self._at(repository, commit)
        self._scratch.mkdir(parents=True, exist_ok=True)
        folder = Path(tempfile.mkdtemp(prefix=f"{repository}-", dir=self._scratch))
        try:
            checkout(git, found, folder)
            yield folder
        finally:
            shutil.rmtree(folder, ignore_errors=True)

    def merge(self, branch: Branch, *, message: str, author: str) -> str:
        """Merge into main for a named person and return the merge commit; raises ConflictError."""
        name = person(author)
        our_branch(branch.name)
        git, main = self._at(branch.repository, MAIN)
        if self.head(branch.repository, branch.name) != branch.head:
            raise ConflictError(f"{branch.name} changed since it was proposed: look at it again")
        if not git.run(["merge-base", "--is-ancestor", branch.head, main]).returncode:
            return self._merge_of(git, branch.head, main)
        tree = merged_tree(git, main, branch.head)
        merger = Identity(name=name, email=f"{re.sub(r'[^a-z0-9]+', '.', name.lower()).strip('.')}@localhost")
        merged = commit_tree(git, tree, (main, branch.head), message, merger)
        self._move(git, MAIN, new=merged, old=main)
        return merged

    def commits(self, repository: str, *, since: float) -> Sequence[Change]:
        """Commits of main with their diffs, in time order; since in unix seconds."""
        git, main = self._at(repository, MAIN)
        return commits_since(git, main, since)

    def history(self, repository: str, path: str, *, at: str = MAIN) -> Sequence[str]:
        """Commits that changed what lies below a path, newest first."""
        git, commit = self._at(repository, at)
        return git.text("log", "--format=%H", "--end-of-options", commit, "--", within(path)).split()

    def _git(self, repository: str) -> Git:
        if repository not in self._repositories:
            known = ", ".join(sorted(self._repositories)) or "none"
            raise NotFoundError(f"no repository {repository!r} is configured (known: {known})")
        return Git(self._repositories[repository])

    def _at(self, repository: str, reference: str) -> tuple[Git, str]:
        git = self._git(repository)
        done = git.run(
            ["rev-parse", "--verify", "--quiet", "--end-of-options", f"{readable(reference)}^{{commit}}"]
        )
        if done.returncode:
            raise NotFoundError(f"repository {repository} has no branch or commit {reference}")
        return git, done.stdout.decode().strip()

    def _propose(self, git: Git, branch: Branch, message: str) -> Branch:
        """Point our branch to a commit of the tree in `branch.head`; a repeated call finds its own branch."""
        if branch.head == git.text("rev-parse", f"{branch.base}^{{tree}}"):
            raise ConflictError(f"{branch.name} would change nothing in {branch.repository}")
        old = (
            git.run(["rev-parse", "--verify", "--quiet", f"refs/heads/{branch.name}"]).stdout.decode().strip()
        )
        if old and git.text("log", "-1", "--format=%T %P", old) == f"{branch.head} {branch.base}":
            return Branch(repository=branch.repository, name=branch.name, base=branch.base, head=old)
        head = commit_tree(git, branch.head, (branch.base,), message, AUTOHEAL)
        self._move(git, branch.name, new=head, old=old or _ABSENT)
        return Branch(repository=branch.repository, name=branch.name, base=branch.base, head=head)

    def _move(self, git: Git, branch: str, *, new: str, old: str) -> None:
        done = git.run(["update-ref", "--no-deref", f"refs/heads/{branch}", new, old])
        if done.returncode:
            raise ConflictError(f"{branch} moved meanwhile: try again")

    def _merge_of(self, git: Git, head: str, main: str) -> str:
        """The commit that brought an already merged head to main."""
        merges = git.text("rev-list", "--merges", "--parents", main, f"^{head}").splitlines()
        found = (line.split(" ")[0] for line in merges if head in line.split(" ")[1:])
        return next(found, main)
