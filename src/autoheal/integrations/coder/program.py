"""A Coder that is a program: the prompt as input or argument, its work read back file by file."""

from __future__ import annotations

import hashlib
import os
import stat
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from autoheal.domain.errors import AutohealError
from autoheal.ports.coding import Edited
from autoheal.ports.proving import Prover

_MAX_ENTRIES = 50_000
_MAX_BYTES = 1_000_000
_MAX_CHANGED = 200
_CACHES = frozenset({"__pycache__", ".pytest_cache"})


class _RefusedError(Exception):
    """Why nothing of the program's work is taken."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ProgramCoder:
    """Runs the command through a prover, which closes it in; seconds is when it is ended.

    `{prompt}` in the command is the prompt; without it the program reads the prompt from its standard input.
    """

    command: Sequence[str]
    prover: Prover
    seconds: float

    @property
    def name(self) -> str:
        """The program's own name."""
        return Path(self.command[0]).name

    def edit(self, folder: Path, prompt: str) -> Edited:
        """Let it work in the folder and read back what it wrote; a link, binary or removal refuses it all."""
        before = {path: _digest(folder / path) for path in _files(folder)}
        try:
            named = any("{prompt}" in word for word in self.command)
            command = [word.replace("{prompt}", prompt) for word in self.command]
            given = "" if named else prompt
            ran = self.prover.run(command, seconds=self.seconds, folder=folder, given=given)
        except AutohealError as error:
            return Edited(files={}, seconds=0.0, refused=str(error))
        if not ran.passed:
            ended = (
                "did not end in time or did not start" if ran.code is None else f"ended with code {ran.code}"
            )
            return Edited(files={}, seconds=ran.seconds, refused=f"it {ended}")
        try:
            return Edited(files=_changed(folder, before), seconds=ran.seconds)
        except (_RefusedError, OSError) as error:
            return Edited(files={}, seconds=ran.seconds, refused=str(error))


def _changed(folder: Path, before: Mapping[str, str]) -> dict[str, str]:
    after = list(_files(folder))
    gone = set(before) - set(after)
    if gone:
        raise _RefusedError(f"it removed {min(gone)}: a person removes files")
    changed = [path for path in after if _digest(folder / path) != before.get(path)]
    if len(changed) > _MAX_CHANGED:
        raise _RefusedError(f"it changed {len(changed)} files")
    return {path: _text(folder / path, path) for path in changed}


def _files(folder: Path) -> Iterator[str]:
    """Every regular file below the folder; no link is followed, and none is taken."""
    entries = 0
    for root, folders, names in os.walk(folder, followlinks=False):
        folders[:] = sorted(name for name in folders if name not in _CACHES)
        for name in (*folders, *sorted(names)):
            entries += 1
            path = Path(root, name)
            kind = path.lstat().st_mode
            if entries > _MAX_ENTRIES:
                raise _RefusedError(f"it left more than {_MAX_ENTRIES} files")
            if not stat.S_ISREG(kind) and not stat.S_ISDIR(kind):
                raise _RefusedError(f"it made {path.relative_to(folder)}, which is a link or no file")
            if stat.S_ISREG(kind):
                yield path.relative_to(folder).as_posix()


def _bytes(path: Path) -> bytes:
    handle = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    with os.fdopen(handle, "rb") as file:
        return file.read(_MAX_BYTES + 1)


def _digest(path: Path) -> str:
    if path.lstat().st_size > _MAX_BYTES:
        return f"of {path.lstat().st_size} bytes"
    return hashlib.sha256(_bytes(path)).hexdigest()


def _text(path: Path, name: str) -> str:
    content = _bytes(path)
    if len(content) > _MAX_BYTES:
        raise _RefusedError(f"it wrote more than {_MAX_BYTES} bytes to {name}")
    try:
        text = content.decode()
    except UnicodeDecodeError:
        raise _RefusedError(f"it wrote {name}, which is no text") from None
    if "\0" in text:
        raise _RefusedError(f"it wrote {name}, which is no text")
    return text
