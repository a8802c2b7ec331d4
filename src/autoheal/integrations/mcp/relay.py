"""Stands between us and a server on this machine: `relay.py BYTES COMMAND…` passes on so many bytes.

A program of its own, for only so can the output of a stranger be bounded before anything reads it. What ends
the relay is said on its own standard error; the server's is not heard at all.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Sequence

TOO_MUCH = "it sent more than is read"
_CHUNK = 65_536


def relay(allowance: int, command: Sequence[str]) -> int:
    """Run the command on our standard input; returns its exit code, or 1 when it said too much."""
    try:
        child = subprocess.Popen(  # noqa: S603  the command is the operator's own, from the settings
            command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
        )
    except OSError as error:
        sys.stderr.write(f"it cannot be started: {error.strerror}\n")
        return 1
    with child:
        if child.stdout is None:
            return 1
        while chunk := os.read(child.stdout.fileno(), _CHUNK):
            allowance -= len(chunk)
            if allowance < 0:
                sys.stderr.write(f"{TOO_MUCH}\n")
                child.kill()
                return 1
            _write(chunk)
    return child.returncode


def _write(chunk: bytes) -> None:
    rest = memoryview(chunk)
    while rest:
        rest = rest[os.write(sys.stdout.fileno(), rest) :]


if __name__ == "__main__":
    sys.exit(relay(int(sys.argv[1]), sys.argv[2:]))
