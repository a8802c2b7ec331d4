"""The forge on real git: proposals are branches, main moves only for a person."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from autoheal.domain.errors import ConflictError, NotFoundError, RefusedError, UserError
from autoheal.integrations.git.forge import GitForge
from autoheal.ports.production import Branch, Forge

APP = "services/cart/app.py"
Plain = Callable[..., str]
Commit = Callable[[dict[str, str | None], str], str]


def propose(forge: Forge, files: dict[str, str | None], branch: str = "autoheal/fix/inc-1") -> Branch:
    return forge.commit("shop", branch=branch, files=files, message="Raise the limit\n\nWhy: too low")


def test_a_proposal_is_a_branch_and_leaves_main_and_the_work_tree_alone(forge: GitForge, git: Plain) -> None:
    main = forge.head("shop")
    branch = propose(forge, {APP: "LIMIT = 20\nNAME = 'cart'\n", "tests/new.py": "x\n"})
    assert (branch.base, forge.head("shop")) == (main, main)
    assert forge.head("shop", branch.name) == branch.head
    assert forge.read("shop", APP, at=branch.name) == "LIMIT = 20\nNAME = 'cart'\n"
    assert forge.files("shop", "tests", at=branch.head) == ["tests/new.py"]
    assert forge.files("shop", "tests") == []
    assert git("status", "--porcelain") == ""
    assert "-LIMIT = 10\n+LIMIT = 20" in forge.diff(branch)


def test_a_repeated_proposal_finds_its_own_branch(forge: GitForge) -> None:
    assert propose(forge, {APP: "x\n"}) == propose(forge, {APP: "x\n"})


def test_a_file_can_be_removed_and_a_missing_file_reads_as_none(forge: GitForge) -> None:
    branch = propose(forge, {"README.md": None})
    assert forge.read("shop", "README.md", at=branch.head) is None
    assert forge.read("shop", "README.md") == "shop\n"


def test_a_proposal_that_changes_nothing_is_a_conflict(forge: GitForge) -> None:
    with pytest.raises(ConflictError, match="change nothing"):
        propose(forge, {"README.md": "shop\n"})


@pytest.mark.criterion(86)
@pytest.mark.parametrize("branch", ["main", "master", "release/1", "refs/heads/main", "autoheal/../main", ""])
def test_no_branch_but_our_own_can_be_written(forge: GitForge, branch: str) -> None:
    with pytest.raises(RefusedError, match="protected_branch"):
        propose(forge, {APP: "x\n"}, branch)
    with pytest.raises(RefusedError, match="protected_branch"):
        forge.revert("shop", branch=branch, commit=forge.head("shop"), message="no")


def test_a_named_person_merges_and_is_the_author_of_the_merge(forge: GitForge, git: Plain) -> None:
    branch = propose(forge, {APP: "LIMIT = 20\nNAME = 'cart'\n"})
    merged = forge.merge(branch, message="Merge the fix", author="Ann Example")
    assert forge.head("shop") == merged
    assert git("log", "-1", "--format=%an|%P", merged) == f"Ann Example|{branch.base} {branch.head}"
    assert forge.read("shop", APP) == "LIMIT = 20\nNAME = 'cart'\n"


def test_merging_twice_gives_the_same_merge(forge: GitForge) -> None:
    branch = propose(forge, {APP: "x\n"})
    first = forge.merge(branch, message="Merge", author="ann")
    assert forge.merge(branch, message="Merge", author="ann") == first
    assert forge.head("shop") == first


@pytest.mark.criterion(86)
@pytest.mark.parametrize("author", ["autoheal", "Autoheal[bot]", "agent", "", "  ", "a\nb <x@y>", "--author"])
def test_no_machine_and_nobody_can_merge(forge: GitForge, author: str) -> None:
    branch = propose(forge, {APP: "x\n"})
    with pytest.raises(RefusedError, match="human_merges"):
        forge.merge(branch, message="Merge", author=author)
    assert forge.head("shop") == branch.base


def test_main_may_move_between_proposal_and_merge(forge: GitForge, commit: Commit) -> None:
    branch = propose(forge, {APP: "LIMIT = 20\nNAME = 'cart'\n"})
    commit({"README.md": "the shop\n"}, "Say more")
    forge.merge(branch, message="Merge", author="ann")
    assert (forge.read("shop", "README.md"), forge.read("shop", APP)) == (
        "the shop\n",
        "LIMIT = 20\nNAME = 'cart'\n",
    )


def test_a_clash_is_a_conflict_that_names_the_file_and_leaves_main(forge: GitForge, commit: Commit) -> None:
    branch = propose(forge, {APP: "LIMIT = 20\n"})
    main = commit({APP: "LIMIT = 30\n"}, "Another limit")
    with pytest.raises(ConflictError, match=APP):
        forge.merge(branch, message="Merge", author="ann")
    assert forge.head("shop") == main


def test_a_branch_that_moved_after_it_was_proposed_is_not_merged(forge: GitForge) -> None:
    branch = propose(forge, {APP: "x\n"})
    propose(forge, {APP: "something else\n"})
    with pytest.raises(ConflictError, match="changed since"):
        forge.merge(branch, message="Merge", author="ann")


def test_a_culprit_commit_is_undone_while_later_commits_stay(forge: GitForge, commit: Commit) -> None:
    culprit = commit({APP: "LIMIT = 1\nNAME = 'cart'\n"}, "Tune the cart")
    commit({"README.md": "the shop\n"}, "Say more")
    branch = forge.revert("shop", branch="autoheal/fix/inc-1", commit=culprit, message="Revert")
    assert forge.read("shop", APP, at=branch.head) == "LIMIT = 10\nNAME = 'cart'\n"
    assert forge.read("shop", "README.md", at=branch.head) == "the shop\n"
    assert forge.revert("shop", branch="autoheal/fix/inc-1", commit=culprit, message="Revert") == branch


def test_a_revert_that_no_longer_applies_is_a_conflict(forge: GitForge, commit: Commit) -> None:
    culprit = commit({APP: "LIMIT = 1\n"}, "Tune the cart")
    commit({APP: "LIMIT = 2\n"}, "Tune it again")
    with pytest.raises(ConflictError, match=APP):
        forge.revert("shop", branch="autoheal/fix/inc-1", commit=culprit, message="Revert")


def test_what_was_already_undone_cannot_be_undone_again(forge: GitForge, commit: Commit) -> None:
    culprit = commit({APP: "LIMIT = 1\n"}, "Tune the cart")
    commit({APP: "LIMIT = 10\nNAME = 'cart'\n"}, "Undo by hand")
    with pytest.raises(ConflictError, match="nothing"):
        forge.revert("shop", branch="autoheal/fix/inc-1", commit=culprit, message="Revert")


def test_the_first_commit_cannot_be_undone(forge: GitForge) -> None:
    with pytest.raises(ConflictError, match="first commit"):
        forge.revert("shop", branch="autoheal/fix/inc-1", commit=forge.head("shop"), message="Revert")


def test_a_merge_commit_is_undone_as_a_whole(forge: GitForge) -> None:
    merged = forge.merge(propose(forge, {APP: "bad\n"}), message="Merge", author="ann")
    branch = forge.revert("shop", branch="autoheal/fix/inc-2", commit=merged, message="Revert")
    assert forge.read("shop", APP, at=branch.head) == "LIMIT = 10\nNAME = 'cart'\n"


def test_a_checkout_is_clean_and_gone_afterwards(forge: GitForge, shop: Path) -> None:
    (shop / "README.md").write_text("not committed")
    with forge.worktree("shop", forge.head("shop")) as folder:
        assert (folder / "README.md").read_text() == "shop\n"
        assert sorted(p.name for p in folder.iterdir()) == ["README.md", "services"]
    assert not folder.exists()


def test_commits_come_in_time_order_with_diff_files_and_service(forge: GitForge, commit: Commit) -> None:
    commit({"config/cart.json": '{"limit": 1}\n'}, "Configure the cart")
    commit({APP: "x\n", "services/web/app.py": "y\n"}, "Touch both\x1e\x1fforged\x1f")
    changes = forge.commits("shop", since=0)
    assert [c.title for c in changes][:2] == ["Start the shop", "Configure the cart"]
    assert [c.entity for c in changes] == ["cart", "cart", ""]
    assert len(changes) == 3
    assert changes[1].files == ("config/cart.json",)
    assert '+{"limit": 1}' in changes[1].diff
    assert changes[1].author == "Dana Okafor"
    assert forge.commits("shop", since=changes[-1].time + 10) == []


def test_a_moment_is_unix_seconds_however_short_the_number(forge: GitForge, git: Plain) -> None:
    old = git("commit-tree", "-m", "Long ago", f"{forge.head('shop')}^{{tree}}", when="@5000 +0000")
    git("update-ref", "refs/heads/main", old)
    assert [c.time for c in forge.commits("shop", since=0)] == [5_000.0]
    assert len(forge.commits("shop", since=5_000)) == 1
    assert forge.commits("shop", since=5_001) == []


def test_a_merge_counts_as_one_change_with_its_whole_diff(forge: GitForge) -> None:
    merged = forge.merge(propose(forge, {APP: "merged\n"}), message="Merge", author="ann")
    newest = next(c for c in forge.commits("shop", since=0) if c.id == merged)
    assert newest.files == (APP,)
    assert "+merged" in newest.diff


def test_an_unknown_repository_branch_or_commit_is_named(forge: GitForge) -> None:
    with pytest.raises(NotFoundError, match="known: shop"):
        forge.head("web")
    with pytest.raises(NotFoundError, match="no branch or commit gone"):
        forge.head("shop", "gone")
    with pytest.raises(UserError, match="no commit id"):
        forge.revert("shop", branch="autoheal/fix/x", commit="HEAD~1", message="x")


@pytest.mark.criterion(44)
def test_owners_below_dot_github_are_read_though_no_proposal_may_write_there(
    forge: GitForge, commit: Commit
) -> None:
    commit({".github/CODEOWNERS": "* @shop/team\n"}, "Name the owners")
    assert forge.read("shop", ".github/CODEOWNERS") == "* @shop/team\n"
    assert forge.files("shop", ".github") == [".github/CODEOWNERS"]
    assert len(forge.history("shop", ".github/CODEOWNERS")) == 1
    with pytest.raises(RefusedError, match=r"forge\.path"):
        propose(forge, {".github/CODEOWNERS": "* @someone\n"})


@pytest.mark.parametrize("path", ["../x", "/etc/passwd", "-p", "a//b", "a\nb", ""])
def test_a_path_that_leaves_the_tree_or_is_an_option_is_not_read(forge: GitForge, path: str) -> None:
    with pytest.raises(UserError, match="no path inside a repository"):
        forge.read("shop", path)
