"""A Prover on this machine: bubblewrap without network where it works, else a bare process with limits.

Either way the program gets none of our environment: no token, no proxy, no home.
"""

from __future__ import annotations

import os
import resource
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import IO

from autoheal.domain.errors import RefusedError, UnreachableError
from autoheal.integrations.prover import bubblewrap
from autoheal.ports.proving import Ran

_MAX_OUTPUT = 20_000
_MAX_FILE_BYTES = 256 * 1024 * 1024
_NO_NAMESPACES = "ran without isolation: bubblewrap is not installed or may not create namespaces"


@dataclass(frozen=True, slots=True, kw_only=True)
class Allowances:
    """What an outside tool gets and no proof does: the network, variables, folders that it may read."""

    network: bool = False
    environment: Mapping[str, str] = field(default_factory=dict)
    readable: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class Place:
    """The folder that a program works in, and its home where nothing else closes it in."""

    room: Path
    home: Path

    def bytes(self) -> int:
        """What is written there; files that vanish meanwhile count as nothing."""
        return sum(
            _blocks(Path(root, name))
            for top in (self.room, self.home)
            for root, _, names in os.walk(top)
            for name in names
        )


class SandboxedProver:
    """Runs one program at a time per call, in a folder of its own, and leaves nothing running."""

    def __init__(
        self,
        scratch: Path | None = None,
        *,
        program: str | None = "bwrap",
        required: bool = False,
        memory_megabytes: int = 2_048,
        disk_megabytes: int = 1_024,
        allowed: Allowances | None = None,
    ) -> None:
        """The disk is what a program may write beyond what was there; a file may have 256 MB."""
        self._scratch = scratch or Path(tempfile.gettempdir())
        self._bubblewrap = shutil.which(program) if program else None
        self._required = required
        self._memory = memory_megabytes * 1024 * 1024
        self._disk = disk_megabytes * 1024 * 1024
        self._allowed = allowed or Allowances()
        # Runtimes of outside tools reserve far more than they use: there only what they write to counts.
        self._limited = resource.RLIMIT_DATA if allowed else resource.RLIMIT_AS

    @cached_property
    def isolated(self) -> bool:
        """Whether bubblewrap is there and may be used: some machines forbid namespaces."""
        return self._bubblewrap is not None and bubblewrap.works(self._bubblewrap)

    @property
    def isolation(self) -> str:
        """How programs are closed in, in words for a proof."""
        if not self.isolated:
            return _NO_NAMESPACES
        network = "with the network" if self._allowed.network else "no network"
        return f"bubblewrap: {network}, nothing of this machine but its programs to read"

    def run(
        self,
        command: Sequence[str],
        *,
        seconds: float,
        folder: Path | None = None,
        files: Mapping[str, str] | None = None,
        given: str = "",
    ) -> Ran:
        """Run it; `{python}` in the command is our interpreter. Raises UnreachableError, RefusedError."""
        if self._required and not self.isolated:
            raise UnreachableError("proofs must be isolated and bubblewrap does not work: install bubblewrap")
        self._scratch.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix="proof-", dir=self._scratch) as own:
            room = folder or Path(own)
            for path, text in (files or {}).items():
                _write(room, path, text)
            home = Path(own) / "home"
            home.mkdir()
            words = [word.replace("{python}", sys.executable) for word in command]
            with tempfile.TemporaryFile(dir=own) as words_in, tempfile.TemporaryFile(dir=own) as out:
                words_in.write(given.encode())
                words_in.seek(0)
                return self._run(self._closed(words, room), Place(room, home), seconds, (words_in, out))

    def _closed(self, command: Sequence[str], room: Path) -> list[str]:
        if not self.isolated or self._bubblewrap is None:
            return list(command)
        allowed = self._allowed
        program, network = self._bubblewrap, allowed.network
        return bubblewrap.closed(program, room, command, network=network, readable=allowed.readable)

    def _run(
        self, command: Sequence[str], place: Place, seconds: float, streams: tuple[IO[bytes], IO[bytes]]
    ) -> Ran:
        began = time.monotonic()
        given, out = streams
        home = Path(bubblewrap.HOME) if self.isolated else place.home
        most = place.bytes() + self._disk
        try:
            process = subprocess.Popen(  # noqa: S603  what is run is the point; it gets no shell and no secrets
                command,
                cwd=place.room,
                env={**_environment(home), **self._allowed.environment},
                stdin=given,
                stdout=out,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                preexec_fn=self._limits,  # noqa: PLW1509  only sets limits, between fork and exec
            )
        except (FileNotFoundError, PermissionError):
            return Ran(code=None, output=f"{command[0]} is not installed", seconds=0.0)
        try:
            why = _stopped(process, began + seconds, lambda: place.bytes() > most)
        finally:
            _end(process)
        code = None if why else process.returncode
        return Ran(code=code, output=_tail(out) + why, seconds=time.monotonic() - began)

    def _limits(self) -> None:
        resource.setrlimit(self._limited, (self._memory, self._memory))
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        resource.setrlimit(resource.RLIMIT_FSIZE, (_MAX_FILE_BYTES, _MAX_FILE_BYTES))


def _environment(home: Path) -> dict[str, str]:
    return {
        "PATH": os.defpath,
        "HOME": str(home),
        "TMPDIR": str(home),
        "LC_ALL": "C.UTF-8",
        "PYTHONDONTWRITEBYTECODE": "1",
        "PYTHONHASHSEED": "0",
    }


def _blocks(path: Path) -> int:
    try:
        return path.lstat().st_blocks * 512
    except OSError:
        return 0


def _write(room: Path, path: str, text: str) -> None:
    target = room / path
    if not target.resolve().is_relative_to(room.resolve()):
        raise RefusedError("prover.path", f"{path[:120]!r} leaves the folder of the proof")
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_text(text, encoding="utf-8")


def _stopped(process: subprocess.Popen[bytes], until: float, too_large: Callable[[], bool]) -> str:
    """Wait for the program; why it has to be ended, or nothing where it ended by itself."""
    pause = 1.0
    while True:
        left = until - time.monotonic()
        if left <= 0:
            return "\ndid not end in time"
        try:
            process.wait(timeout=min(pause, left))
        except subprocess.TimeoutExpired:
            looked = time.monotonic()
            if too_large():
                return "\nwrote more than it may"
            pause = max(1.0, 20 * (time.monotonic() - looked))  # looking costs at most a twentieth
        else:
            return ""


def _end(process: subprocess.Popen[bytes]) -> None:
    """End whatever the program left behind in its own session."""
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait(timeout=10)


def _tail(out: IO[bytes]) -> str:
    out.seek(max(out.seek(0, os.SEEK_END) - _MAX_OUTPUT, 0))
    return out.read().decode(errors="replace")
