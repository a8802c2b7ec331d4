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
from collections.abc import Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import IO

from autoheal.domain.errors import RefusedError, UnreachableError
from autoheal.ports.proving import Ran

_MAX_OUTPUT = 20_000
_MAX_FILE_BYTES = 256 * 1024 * 1024


class SandboxedProver:
    """Runs one program at a time per call, in a folder of its own, and leaves nothing running."""

    def __init__(
        self,
        scratch: Path | None = None,
        *,
        bubblewrap: str | None = "bwrap",
        required: bool = False,
        memory_megabytes: int = 2_048,
        network: bool = False,
        environment: Mapping[str, str] | None = None,
    ) -> None:
        """Network, and what environment adds, are for outside tools; no proof gets them."""
        self._scratch = scratch or Path(tempfile.gettempdir())
        self._bubblewrap = shutil.which(bubblewrap) if bubblewrap else None
        self._required = required
        self._memory = memory_megabytes * 1024 * 1024
        self._network = network
        self._environment = dict(environment or {})

    @cached_property
    def isolated(self) -> bool:
        """Whether bubblewrap is there and may be used: some machines forbid user namespaces."""
        if self._bubblewrap is None:
            return False
        probe = [self._bubblewrap, "--ro-bind", "/", "/", "--unshare-net", "--", "/bin/true"]
        try:
            return subprocess.run(probe, capture_output=True, timeout=10, check=False).returncode == 0  # noqa: S603  a fixed command
        except (OSError, subprocess.TimeoutExpired):
            return False

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
            with tempfile.TemporaryFile(dir=own) as words_in:
                words_in.write(given.encode())
                words_in.seek(0)
                return self._run(self._closed(words, room, home), room, home, seconds, words_in)

    def _closed(self, command: Sequence[str], room: Path, home: Path) -> list[str]:
        if not self.isolated or self._bubblewrap is None:
            return list(command)
        # Read-only system, one writable folder, no network but an own loopback, dead with its parent.
        options = ["--ro-bind", "/", "/", "--dev", "/dev", "--proc", "/proc"]
        binds = [word for path in (room, home) for word in ("--bind", str(path), str(path))]
        net = [] if self._network else ["--unshare-net"]
        rest = [*net, "--unshare-pid", "--unshare-ipc", "--die-with-parent", "--new-session"]
        return [self._bubblewrap, *options, *binds, *rest, "--chdir", str(room), "--", *command]

    def _run(self, command: Sequence[str], room: Path, home: Path, seconds: float, given: IO[bytes]) -> Ran:
        began = time.monotonic()
        try:
            process = subprocess.Popen(  # noqa: S603  what is run is the point; it gets no shell and no secrets
                command,
                cwd=room,
                env={**_environment(home), **self._environment},
                stdin=given,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                preexec_fn=self._limits,  # noqa: PLW1509  only sets limits, between fork and exec
            )
        except (FileNotFoundError, PermissionError):
            return Ran(code=None, output=f"{command[0]} is not installed", seconds=0.0)
        try:
            output, _ = process.communicate(timeout=seconds)
            code: int | None = process.returncode
        except subprocess.TimeoutExpired:
            _end(process)
            output, code = process.communicate()[0] + b"\ndid not end in time", None
        _end(process)
        return Ran(code=code, output=_tail(output), seconds=time.monotonic() - began)

    def _limits(self) -> None:
        resource.setrlimit(resource.RLIMIT_AS, (self._memory, self._memory))
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


def _write(room: Path, path: str, text: str) -> None:
    target = room / path
    if not target.resolve().is_relative_to(room.resolve()):
        raise RefusedError("prover.path", f"{path[:120]!r} leaves the folder of the proof")
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_text(text, encoding="utf-8")


def _end(process: subprocess.Popen[bytes]) -> None:
    """End whatever the program left behind in its own session."""
    try:
        os.killpg(process.pid, signal.SIGKILL)
    except (ProcessLookupError, PermissionError):
        return
    process.wait(timeout=10)


def _tail(output: bytes) -> str:
    return output.decode(errors="replace")[-_MAX_OUTPUT:]
