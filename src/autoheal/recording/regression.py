"""The regression set: recorded incidents whose verdict was wrong, with the truth that a person stated."""

from __future__ import annotations

import json
import shutil
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from autoheal.domain.errors import UnreachableError
from autoheal.domain.judgment import Truth
from autoheal.recording.case_folder import load_case
from autoheal.recording.replay import replay

TRUTH = "truth.json"


@dataclass(frozen=True, slots=True, kw_only=True)
class Answered:
    """One case of the set, replayed: what was really there, what is said now, and whether that is right."""

    case: str
    truth: str
    said: str
    right: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class RegressionSet:
    """Case folders that are never forgotten, copied from the flight recorder's."""

    recorded: Path
    folder: Path

    def enter(self, incident_id: str, truth: Truth) -> Path | None:
        """Copy a recording and write the truth beside it; None where the incident was not recorded.

        The same incident entered again has the newer truth. Raises UnreachableError when the disk refuses.
        """
        source = self.recorded / incident_id
        if not source.is_dir():
            return None
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            with tempfile.TemporaryDirectory(dir=self.folder, prefix=".", ignore_cleanup_errors=True) as made:
                case = Path(made) / "case"
                shutil.copytree(source, case)
                (case / TRUTH).write_text(json.dumps(_written(truth), indent=1), encoding="utf-8")
                shutil.rmtree(self.folder / incident_id, ignore_errors=True)
                case.rename(self.folder / incident_id)
        except OSError as error:
            raise UnreachableError(f"{self.folder} takes no case: {error.strerror}") from error
        return self.folder / incident_id


def answered(folder: Path) -> Answered:
    """Replay one case of the set, without network and model, and hold the answer to the truth."""
    truth = json.loads((folder / TRUTH).read_text(encoding="utf-8"))
    document = replay(load_case(folder))
    finding = document["finding"]
    said = finding if isinstance(finding, Mapping) else {}
    if truth["entity"] is None:
        right = document["verdict"] == "noise"
    else:
        asked = ("entity", "mechanism", "change")
        right = all(truth.get(key) in (None, said.get(key)) for key in asked)
    return Answered(
        case=folder.name,
        truth=_told(truth, otherwise="no fault"),
        said=_told(said, otherwise=str(document["verdict"])),
        right=right,
    )


def _written(truth: Truth) -> dict[str, str | None]:
    mechanism = truth.mechanism.value if truth.mechanism else None
    return {"entity": truth.entity, "mechanism": mechanism, "change": truth.change_id}


def _told(finding: Mapping[str, object], *, otherwise: str) -> str:
    named = [str(finding[key]) for key in ("entity", "mechanism", "change") if finding.get(key)]
    return ", ".join(named) or otherwise
