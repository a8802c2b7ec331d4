"""The closed room of bubblewrap: programs to read, one folder to write, no network, no home, no secrets."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Iterator, Sequence
from functools import cache
from pathlib import Path

HOME = "/tmp"  # noqa: S108  inside the room, a file system of its own
"""Home and temporary folder inside the room: in memory, bounded, gone with the program."""

_MEMORY = 256 * 1024 * 1024
_PROGRAMS = ("/usr", "/bin", "/sbin", "/lib", "/lib32", "/lib64", "/libx32", "/opt", "/nix/store")
# Of /etc only what programs need to run and names need to resolve: keys and settings stand there too.
_ETC = (
    "alternatives", "ca-certificates", "ca-certificates.conf", "group", "hosts", "ld.so.cache", "ld.so.conf",
    "ld.so.conf.d", "localtime", "mime.types", "nsswitch.conf", "passwd", "pki/tls/certs",
    "pki/ca-trust", "protocols", "resolv.conf", "services", "ssl/certs", "ssl/openssl.cnf",
)  # fmt: skip


@cache
def works(program: str) -> bool:
    """Whether bubblewrap can make such a room here: many containers forbid namespaces."""
    probe = [program, *_fixed(program), "--unshare-net", "--remount-ro", "/", "--", "/bin/true"]
    try:
        return subprocess.run(probe, capture_output=True, timeout=10, check=False).returncode == 0  # noqa: S603  a fixed command
    except (OSError, subprocess.TimeoutExpired):
        return False


def closed(
    program: str, room: Path, command: Sequence[str], *, network: bool, readable: Sequence[str]
) -> list[str]:
    """The command closed in by bubblewrap; readable names further files and folders that it may read."""
    shown = [*_runtime(), *readable]
    # What stands in a folder that is shown already has no place of its own to be shown at.
    shown += [path for path in _named(command) if not _below(path, (*_PROGRAMS, *shown, str(room)))]
    read = [word for path in shown for word in ("--ro-bind-try", path, path)]
    net = [] if network else ["--unshare-net"]
    write = ["--bind", str(room), str(room), "--chdir", str(room)]
    return [program, *_fixed(program), *net, *read, *write, "--remount-ro", "/", "--", *command]


def _below(path: str, folders: Sequence[str]) -> bool:
    return any(Path(path).is_relative_to(folder) for folder in folders)


def _fixed(program: str) -> list[str]:
    system = [*_PROGRAMS, *(f"/etc/{name}" for name in _ETC)]
    read = [word for path in system for word in ("--ro-bind-try", path, path)]
    apart = ["--unshare-pid", "--unshare-ipc", "--unshare-uts", "--unshare-cgroup-try", "--cap-drop", "ALL"]
    own = [*_memory(program, "/dev/shm"), *_memory(program, HOME)]  # noqa: S108  inside the room
    return [
        *apart, "--die-with-parent", "--new-session", *read, "--proc", "/proc", "--dev", "/dev", *own,
        "--remount-ro", "/dev",
    ]  # fmt: skip


def _memory(program: str, path: str) -> list[str]:
    return [*(["--size", str(_MEMORY)] if _sizes(program) else []), "--tmpfs", path]


@cache
def _sizes(program: str) -> bool:
    """Whether this release bounds file systems in memory; those before 0.7 do not."""
    try:
        said = subprocess.run([program, "--help"], capture_output=True, timeout=10, check=False)  # noqa: S603  a fixed command
    except (OSError, subprocess.TimeoutExpired):
        return False
    return b"--size" in said.stdout + said.stderr


def _runtime() -> list[str]:
    """Our interpreter with its packages: proofs run on it."""
    return list(dict.fromkeys((sys.base_prefix, sys.prefix)))


def _named(command: Sequence[str]) -> Iterator[str]:
    """Files that the command names by their whole path, and the program itself wherever it stands."""
    yield from (word for word in command if Path(word).is_absolute() and Path(word).is_file())
    if command and (found := shutil.which(command[0])) is not None:
        yield from dict.fromkeys((found, str(Path(found).resolve())))
