"""The flight recorder: what each investigation saw, kept as a case folder that `autoheal replay` reads."""

from __future__ import annotations

import logging
import shutil
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from autoheal.diagnosis.telemetry import Telemetry
from autoheal.domain.incident import Incident
from autoheal.recording.case_folder import Case, write_case

_LOG = logging.getLogger(__name__)
_SOURCE = "live"


@dataclass(frozen=True, slots=True, kw_only=True)
class FlightRecorder:
    """Keeps one case folder for each incident, its last investigation; the oldest go beyond `keep`."""

    folder: Path
    keep: int

    def record(self, incident: Incident, telemetry: Telemetry, services: Sequence[str]) -> None:
        """Write the case whole or not at all; a full disk costs the recording and not the healing."""
        case = Case(
            id=incident.id,
            system=incident.environment,
            summary=incident.title,
            source=_SOURCE,
            services=tuple(services),
            telemetry=telemetry,
        )
        try:
            self._write(case)
            self._forget()
        except OSError as error:
            _LOG.warning("recording %s: %s cannot be written: %s", case.id, self.folder, error)

    def _write(self, case: Case) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=self.folder, prefix=".", ignore_cleanup_errors=True) as scratch:
            made = Path(scratch) / "case"
            write_case(made, case)
            shutil.rmtree(self.folder / case.id, ignore_errors=True)
            made.rename(self.folder / case.id)

    def _forget(self) -> None:
        kept = [path for path in self.folder.iterdir() if path.is_dir() and not path.name.startswith(".")]
        # Ids of incidents sort by time.
        for old in sorted(kept)[: -self.keep]:
            shutil.rmtree(old, ignore_errors=True)
