"""Trees and commits made from objects, without a work tree, an index of the repository, or a filter."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from autoheal.domain.errors import ConflictError, RefusedError
from autoheal.integrations.git.command import AUTOHEAL, Git, Identity, identified
from autoheal.integrations.git.names import inside

REGULAR, EXECUTABLE, LINK, MODULE = "100644", "100755", "120000", "160000"


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One file of a tree."""

    mode: str
    blob: str
    path: str


def entries(git: Git, commit: str, under: str = "") -> Iterator[Entry]:
    """Every file below a folder of a commit."""
    listed = git.text("ls-tree", "-r", "-z", "--end-of-options", commit, *([under] if under else []))
    for line in filter(None, listed.split("\0")):
        about, _, path = line.partition("\t")
        mode, _, blob = about.split(" ")
        yield Entry(mode=mode, blob=blob, path=path)


def tree_with(git: Git, base: str, files: Mapping[str, str | None]) -> str:
    """The tree of a commit with files written or (None) removed; existing modes stay, links are refused."""
    modes = {entry.path: entry.mode for entry in entries(git, base)} if base else {}
    lines = [_line(git, inside(path), text, modes) for path, text in files.items()]
    with tempfile.TemporaryDirectory(prefix="autoheal-index-") as folder:
        env = {"GIT_INDEX_FILE": str(Path(folder) / "index")}
        if base:
            git.text("read-tree", base, env=env)
        git.text("update-index", "-z", "--index-info", env=env, given=b"".join(lines))
        return git.text("write-tree", env=env)


def _line(git: Git, path: str, text: str | None, modes: Mapping[str, str]) -> bytes:
    mode = modes.get(path, REGULAR)
    if mode in (LINK, MODULE):
        raise RefusedError("forge.path", f"{path} is a link or a submodule: no proposal writes through it")
    if text is None:
        return f"0 {'0' * 40}\t{path}\0".encode()
    blob = git.text("hash-object", "-w", "--stdin", "--no-filters", given=text.encode())
    return f"{mode} {blob}\t{path}\0".encode()


def commit_tree(git: Git, tree: str, parents: tuple[str, ...], message: str, author: Identity) -> str:
    """A new commit object; no branch points to it yet."""
    arguments = [argument for parent in parents for argument in ("-p", parent)]
    env = identified(author, AUTOHEAL)
    return git.text("commit-tree", tree, *arguments, env=env, given=message.encode())


def merged_tree(git: Git, ours: str, theirs: str) -> str:
    """The tree of a clean merge; raises ConflictError naming the files that clash."""
    done = git.run(["merge-tree", "--write-tree", "--name-only", "--no-messages", ours, theirs])
    lines = done.stdout.decode(errors="replace").splitlines()
    if done.returncode == 1:
        clashing = ", ".join(dict.fromkeys(line for line in lines[1:] if line))
        raise ConflictError(f"{clashing} changed on both sides: rebase the proposal or reject it")
    if done.returncode or not lines:
        raise ConflictError(f"git merge-tree: {done.stderr.decode(errors='replace').strip()[-200:]}")
    return lines[0]


def checkout(git: Git, commit: str, folder: Path) -> None:
    """Write a commit's files into a folder as they are stored: no filter, no hook, no link that leaves it."""
    for entry in entries(git, commit):
        if entry.mode in (REGULAR, EXECUTABLE):
            _write(folder, entry, git.run(["cat-file", "blob", entry.blob]).stdout)


def _write(folder: Path, entry: Entry, content: bytes) -> None:
    path = folder / entry.path
    if not path.resolve().is_relative_to(folder.resolve()):
        raise RefusedError("forge.path", f"{entry.path[:120]!r} leaves the checkout")
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    path.chmod(0o755 if entry.mode == EXECUTABLE else 0o644)
