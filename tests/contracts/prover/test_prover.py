"""Proofs run in a closed room: nothing of ours gets in, and nothing is left behind."""

from __future__ import annotations

import os
import shutil
import time
from pathlib import Path

import pytest

from autoheal.domain.errors import RefusedError, UnreachableError
from autoheal.integrations.prover.config import ProverSettings
from autoheal.integrations.prover.prover import SandboxedProver

ISOLATIONS = ["none", *(["bubblewrap"] if shutil.which("bwrap") else [])]


@pytest.fixture(params=ISOLATIONS)
def prover(request: pytest.FixtureRequest, tmp_path: Path) -> SandboxedProver:
    settings = ProverSettings(isolation=request.param)
    return settings.open(tmp_path / "scratch")


def python(prover: SandboxedProver, program: str, *, seconds: float = 20) -> str:
    return prover.run(["{python}", "p.py"], seconds=seconds, files={"p.py": program}).output.strip()


def test_the_exit_code_and_the_output_come_back(prover: SandboxedProver) -> None:
    ran = prover.run(["{python}", "p.py"], seconds=20, files={"p.py": "print('x'); raise SystemExit(3)"})
    assert (ran.code, ran.output.strip(), ran.passed) == (3, "x", False)


def test_none_of_our_environment_gets_in(prover: SandboxedProver, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AUTOHEAL_TOKEN", "canary")
    program = "import os; print(sorted(os.environ), os.path.expanduser('~'))"
    said = python(prover, program)
    assert "AUTOHEAL" not in said
    assert os.path.expanduser("~") not in said.replace("/tmp", "")  # noqa: PTH111, S108  the program's own words


def test_a_program_that_does_not_end_is_ended_with_all_it_started(
    prover: SandboxedProver, tmp_path: Path
) -> None:
    beat = tmp_path / "beat"
    beat.mkdir()
    child = f"import time\nwhile True:\n    open({str(beat / 'x')!r}, 'a').write('.')\n    time.sleep(0.05)\n"
    program = (
        f"import subprocess, sys, time\nsubprocess.Popen([sys.executable, '-c', {child!r}])\ntime.sleep(60)\n"
    )
    ran = prover.run(["{python}", "p.py"], seconds=1.5, folder=beat, files={"p.py": program})
    assert ran.code is None
    size = (beat / "x").stat().st_size
    time.sleep(0.4)
    assert (beat / "x").stat().st_size == size > 0


def test_loopback_works(prover: SandboxedProver) -> None:
    program = (
        "import socket\ns = socket.create_server(('127.0.0.1', 0))\n"
        "c = socket.create_connection(s.getsockname())\nprint('connected')\n"
    )
    assert python(prover, program) == "connected"


def test_a_program_that_is_missing_is_said_so(prover: SandboxedProver) -> None:
    ran = prover.run(["no-such-program-here"], seconds=5)
    assert not ran.passed


def test_memory_is_limited(prover: SandboxedProver) -> None:
    assert "MemoryError" in python(prover, "x = bytearray(3 * 1024 ** 3)")


@pytest.mark.parametrize("path", ["../x", "/etc/x"])
def test_no_file_is_written_outside(prover: SandboxedProver, path: str) -> None:
    with pytest.raises(RefusedError, match="leaves"):
        prover.run(["true"], seconds=5, files={path: "x"})


def test_isolation_that_is_required_and_missing_runs_nothing(tmp_path: Path) -> None:
    prover = SandboxedProver(tmp_path, program=None, required=True)
    with pytest.raises(UnreachableError, match="install bubblewrap"):
        prover.run(["true"], seconds=5)
