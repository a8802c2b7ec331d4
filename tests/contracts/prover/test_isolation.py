"""Code under proof, closed in for real: it reaches nobody, reads nothing of ours, and ends in time."""

from __future__ import annotations

import socket
import time
from pathlib import Path

import pytest

from autoheal.integrations.prover.prover import Allowances, SandboxedProver

WORKS = SandboxedProver().isolated
isolated = pytest.mark.skipif(not WORKS, reason="bubblewrap is missing or may not create namespaces here")


@pytest.fixture
def prover(tmp_path: Path) -> SandboxedProver:
    return SandboxedProver(tmp_path / "scratch", disk_megabytes=64)


def said(prover: SandboxedProver, program: str, *, seconds: float = 20) -> str:
    return prover.run(["{python}", "p.py"], seconds=seconds, files={"p.py": program}).output.strip()


@isolated
@pytest.mark.parametrize("network", [False, True])
def test_a_server_of_this_machine_is_reached_only_by_what_may_use_the_network(
    tmp_path: Path, *, network: bool
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        where = server.getsockname()
        allowed = Allowances(network=network)
        out = said(
            SandboxedProver(tmp_path / "scratch", allowed=allowed),
            f"import socket\ntry:\n    socket.create_connection({where!r}, 2)\n    print('reached')\n"
            "except OSError as error:\n    print(type(error).__name__)\n",
        )
    assert out == ("reached" if network else "ConnectionRefusedError")


@isolated
def test_files_and_secrets_of_this_machine_cannot_be_read(
    prover: SandboxedProver, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    planted = tmp_path / "planted"
    planted.write_text("canary")
    monkeypatch.setenv("AUTOHEAL_CANARY", "canary")
    places = [str(planted), "/etc/shadow", "/var/lib", str(Path.cwd() / "pyproject.toml")]
    out = said(
        prover,
        f"import os, pathlib\nfor place in {places!r}:\n    path = pathlib.Path(place)\n"
        "    try:\n        print('seen', os.listdir(path) if path.is_dir() else path.read_text())\n"
        "    except OSError as error:\n        print(type(error).__name__)\n"
        "print(sorted(os.environ))\n",
    )
    assert "PATH" in out
    assert "seen" not in out
    assert "CANARY" not in out.upper()


@isolated
def test_nothing_is_written_outside_the_folder(prover: SandboxedProver, tmp_path: Path) -> None:
    ours = str(tmp_path / "escaped")  # there is a /tmp inside, but it is another one
    places = [ours, "/escaped", "/usr/escaped", "/etc/escaped", "/dev/escaped"]
    out = said(
        prover,
        f"for place in {places!r}:\n    try:\n        open(place, 'w').write('x')\n"
        "        print('written', place)\n"
        "    except OSError as error:\n        print(type(error).__name__)\n",
    )
    assert len(out.splitlines()) == len(places)
    assert out.replace(f"written {ours}", "").count("written") == 0
    assert not any(Path(place).exists() for place in places)


@isolated
def test_a_child_that_leaves_its_session_ends_with_the_room(prover: SandboxedProver, tmp_path: Path) -> None:
    room = tmp_path / "room"
    room.mkdir()
    child = "import time\nwhile True:\n    open('beat', 'a').write('.')\n    time.sleep(0.05)\n"
    program = (
        "import subprocess, sys, time\n"
        f"subprocess.Popen([sys.executable, '-c', {child!r}], start_new_session=True)\ntime.sleep(60)\n"
    )
    ran = prover.run(["{python}", "p.py"], seconds=1.5, folder=room, files={"p.py": program})
    assert ran.code is None
    assert ran.seconds < 15
    size = (room / "beat").stat().st_size
    time.sleep(0.5)
    assert (room / "beat").stat().st_size == size > 0


@pytest.mark.parametrize("program", ["bwrap", None])
def test_endless_files_end_the_program(tmp_path: Path, program: str | None) -> None:
    prover = SandboxedProver(tmp_path / "scratch", program=program, disk_megabytes=8)
    writes = (
        "import time\nfor n in range(10_000):\n"
        "    open(f'f{n}', 'wb').write(bytes(1_000_000))\n    time.sleep(0.05)\n"
    )
    ran = prover.run(["{python}", "p.py"], seconds=60, files={"p.py": writes})
    assert ran.code is None
    assert "wrote more than it may" in ran.output
    assert ran.seconds < 30


@pytest.mark.parametrize("program", ["bwrap", None])
def test_endless_output_costs_no_memory_and_its_end_is_kept(tmp_path: Path, program: str | None) -> None:
    prover = SandboxedProver(tmp_path / "scratch", program=program)
    ran = prover.run(
        ["{python}", "p.py"],
        seconds=20,
        files={"p.py": "for _ in range(3000):\n    print('x' * 1000)\nprint('end')"},
    )
    assert len(ran.output) <= 20_100
    assert ran.output.endswith("end\n")


def test_a_proof_says_that_nothing_closed_it_in(tmp_path: Path) -> None:
    bare = SandboxedProver(tmp_path, program=None)
    assert bare.isolation.startswith("ran without isolation")
    assert not bare.isolated
