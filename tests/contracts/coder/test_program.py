"""An outside program edits a scratch copy: what is text and can be judged comes back, all else is refused."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from autoheal.integrations.coder.program import ProgramCoder
from autoheal.integrations.prover.prover import Allowances, SandboxedProver
from autoheal.ports.coding import Edited

EDIT = "import pathlib, sys\nprompt = sys.stdin.read()\n"


def edited(tmp_path: Path, program: str, *, seconds: float = 20, network: bool = False) -> Edited:
    """What comes of a program in a folder with one file, told to mend it."""
    script = tmp_path / "tool.py"
    script.write_text(EDIT + program)
    folder = tmp_path / "copy"
    (folder / "src").mkdir(parents=True)
    (folder / "src" / "app.py").write_text("x = 1\n")
    prover = SandboxedProver(
        tmp_path / "scratch", allowed=Allowances(network=network, environment={"TOKEN": "given"})
    )
    coder = ProgramCoder(command=[sys.executable, str(script)], prover=prover, seconds=seconds)
    return coder.edit(folder, "mend it")


def test_what_it_wrote_comes_back_and_nothing_else(tmp_path: Path) -> None:
    program = (
        "pathlib.Path('src/app.py').write_text(f'x = {prompt!r}\\n')\n"
        "pathlib.Path('src/__pycache__').mkdir()\npathlib.Path('src/__pycache__/a.pyc').write_bytes(b'\\xff')\n"
        "pathlib.Path('new.py').write_text('y = 1\\n')\n"
    )
    found = edited(tmp_path, program)
    assert (found.refused, found.files) == ("", {"src/app.py": "x = 'mend it'\n", "new.py": "y = 1\n"})


def test_it_gets_the_variables_that_are_named_and_none_of_ours(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AUTOHEAL_CANARY", "ours")
    program = "import os\npathlib.Path('env').write_text(' '.join(os.environ.values()))\n"
    said = edited(tmp_path, program).files["env"]
    assert "given" in said
    assert "ours" not in said.split()


@pytest.mark.parametrize(
    ("program", "word"),
    [
        ("pathlib.Path('link').symlink_to('/etc/passwd')", "a link"),
        (
            "pathlib.Path('src/app.py').unlink(); pathlib.Path('src/app.py').symlink_to('/')",
            "a link",
        ),
        ("import os; os.mkfifo('pipe')", "no file"),
        ("pathlib.Path('src/app.py').unlink()", "removed src/app.py"),
        ("pathlib.Path('binary').write_bytes(bytes(range(256)))", "no text"),
        ("pathlib.Path('nul').write_text('a\\0b')", "no text"),
        ("pathlib.Path('big').write_text('x' * 2_000_000)", "more than 1000000 bytes"),
        ("[pathlib.Path(f'f{n}').write_text('x') for n in range(300)]", "300 files"),
        ("raise SystemExit(3)", "ended with code 3"),
    ],
)
def test_what_cannot_be_judged_is_refused_in_one_line(tmp_path: Path, program: str, word: str) -> None:
    found = edited(tmp_path, program + "\n")
    assert not found.files
    assert word in found.refused
    assert "\n" not in found.refused


def test_a_program_that_does_not_end_is_ended_and_refused(tmp_path: Path) -> None:
    program = (
        "import subprocess, time\nsubprocess.Popen([sys.executable, '-c', 'import time; time.sleep(60)'])\n"
    )
    found = edited(tmp_path, program + "time.sleep(60)\n", seconds=1.5)
    assert found.refused == "it did not end in time or did not start"
    assert found.seconds < 15
