"""The main job, whole: production breaks, is healed, teaches, and is healed cheaper the second time."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(1_800)]

_TRIES = 3
"""A live production alarms by itself where the machine is starved for a moment: a play may be repeated."""

Scene = dict[str, Any]  # one incident of `autoheal demo --json`


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the demo writes."""
    return tmp_path_factory.mktemp("demo")


@pytest.fixture(scope="module")
def played(home: Path) -> dict[str, Scene]:
    """The incidents by title; a wrong diagnosis, or a play that breaks off, fails here with its words."""
    said = []
    for _ in range(_TRIES):
        done = subprocess.run(
            [sys.executable, "-m", "autoheal", "demo", "--json", "--home", str(home)],
            capture_output=True,
            text=True,
            timeout=580,
            check=False,
        )
        said.append(done.stderr[-4000:])
        if done.returncode == 0:
            break
    assert done.returncode == 0, "\n\n".join(said)
    return {scene["act"]["title"]: scene for scene in json.loads(done.stdout)["incidents"]}


def test_a_fault_never_seen_is_diagnosed_and_mitigated_with_one_yes(played: dict[str, Scene]) -> None:
    first = played["never seen"]
    assert first["right"]
    assert first["outcome"] == "mitigated_by_us"
    assert first["questions"] == 1


@pytest.mark.criterion(58)
@pytest.mark.criterion(129)
def test_its_sibling_on_another_service_is_healed_from_the_skill_for_less(played: dict[str, Scene]) -> None:
    first, second = played["never seen"], played["same family, other service"]
    assert second["answered_by"] != first["answered_by"] == "evidence engine"
    assert second["questions"] == 0
    assert second["tokens"] == 0
    assert second["queries"] < 0.7 * first["queries"]


@pytest.mark.criterion(17)
def test_a_decoy_deploy_is_not_rolled_back(played: dict[str, Scene]) -> None:
    decoy = played["decoy deploy"]
    assert decoy["right"]
    assert all(not action.startswith("rollback") for action in decoy["actions"])


@pytest.mark.criterion(19)
def test_a_false_alarm_leads_to_no_action(played: dict[str, Scene]) -> None:
    assert played["false alarm"]["actions"] == []
    assert played["false alarm"]["right"]


@pytest.mark.usefixtures("played")
def test_nothing_of_the_demo_is_left_running(home: Path) -> None:
    listed = subprocess.run(["ps", "-eo", "args"], capture_output=True, text=True, check=True).stdout
    assert str(home) not in listed
