"""Programs that speak as `claude -p` and `codex exec` do: what they leave is judged, never believed."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest

from autoheal.integrations.coder.program import ProgramCoder
from autoheal.integrations.prover.prover import Allowances, SandboxedProver
from autoheal.learning.patch_rules import patch_refusal
from autoheal.ports.coding import Edited

MAIN: Mapping[str, str] = {
    "src/app.py": "x = 1\n",
    "tests/test_app.py": "def test_x():\n    assert True\n",
    ".github/workflows/ci.yml": "on: push\n",
}
HEAD = "import json, os, pathlib, sys, time\n"
SAYS = "print(json.dumps({'type': 'result', 'is_error': False, 'result': 'Fixed. All tests pass.'}))\n"
MENDS = "pathlib.Path('src/app.py').write_text('x = ' + repr(prompt) + '\\n')\n"


def ran(tmp_path: Path, body: str, *arguments: str, seconds: float = 20) -> Edited:
    """What comes of the program in a checkout of main."""
    program = tmp_path / "claude"
    program.write_text(f"#!{sys.executable}\n{HEAD}{body}")
    program.chmod(0o755)
    folder = tmp_path / "copy"
    for path, text in MAIN.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_text(text)
    prover = SandboxedProver(tmp_path / "scratch", disk_megabytes=64, allowed=Allowances())
    return ProgramCoder(command=[str(program), *arguments], prover=prover, seconds=seconds).edit(
        folder, "mend"
    )


@pytest.mark.parametrize(
    ("reads", "arguments"),
    [
        ("prompt = sys.stdin.read()\n", ("-p", "--output-format", "json")),
        ("assert sys.argv[1:] == ['exec', '-']\nprompt = sys.stdin.read()\n", ("exec", "-")),
        ("prompt = sys.argv[2]\nassert not sys.stdin.read()\n", ("-p", "{prompt}")),
    ],
)
def test_the_prompt_comes_as_the_program_wants_it_and_its_edits_come_back(
    tmp_path: Path, reads: str, arguments: tuple[str, ...]
) -> None:
    found = ran(tmp_path, reads + MENDS + SAYS, *arguments)
    assert (found.refused, found.files) == ("", {"src/app.py": "x = 'mend'\n"})
    assert patch_refusal(found.files, MAIN.get) is None


@pytest.mark.parametrize(
    ("deed", "word"),
    [
        ("os.makedirs('.git/hooks')\npathlib.Path('.git/hooks/pre-commit').write_text('x')", "no path"),
        ("pathlib.Path('.github/workflows/ci.yml').write_text('on: []')", "no path"),
        ("pathlib.Path('tests/test_app.py').write_text('')", "is a test that there was before"),
        ("pathlib.Path('tests/test_app.py').unlink()", "removed tests/test_app.py"),
        ("pathlib.Path('out').symlink_to('/etc')", "a link"),
        ("pathlib.Path('big.py').write_text('x' * 3_000_000)", "more than 1000000 bytes"),
        ("pathlib.Path('src/app.py').write_text('y' * 300_000)", "longer than"),
        ("sys.exit(2)", "ended with code 2"),
        ("os.kill(os.getpid(), 9)", "ended with code"),
        ("", "nothing was written"),
    ],
)
def test_what_misbehaves_is_refused_in_one_line(tmp_path: Path, deed: str, word: str) -> None:
    found = ran(tmp_path, f"prompt = sys.stdin.read()\n{deed}\n{SAYS}")
    why = found.refused or patch_refusal(found.files, MAIN.get) or ""
    assert word in why
    assert "\n" not in why


@pytest.mark.parametrize(
    "deed",
    [
        "while True: time.sleep(1)",
        "if os.fork() == 0: os.setsid()\nwhile True: time.sleep(1)",
        "n = 0\nwhile True:\n    n += 1\n    open(f'f{n}', 'wb').write(bytes(1_000_000)); time.sleep(0.02)",
    ],
)
def test_what_never_ends_is_ended_and_refused(tmp_path: Path, deed: str) -> None:
    found = ran(tmp_path, deed, seconds=4)
    assert found.refused == "it did not end in time or did not start"
    assert found.seconds < 20


def test_endless_words_do_no_harm_and_no_key_of_ours_is_seen(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AUTOHEAL_MODELS__CLAUDE__KEY", "canary-key")
    body = "prompt = json.dumps(dict(os.environ))\n" + MENDS + "for _ in range(2000): print('x' * 1000)\n"
    found = ran(tmp_path, body)
    assert found.refused == ""
    assert "PATH" in found.files["src/app.py"]
    assert "canary" not in json.dumps(dict(found.files))
