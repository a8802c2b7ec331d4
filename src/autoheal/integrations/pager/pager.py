"""Pages a person: first into a local file, then to the first route that takes it."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from autoheal.domain.errors import UnreachableError, WorldError
from autoheal.integrations.http.endpoint import Call, Endpoint

_ACCEPTED = range(200, 300)
_TURNED_AWAY = range(400, 500)
_TOO_MANY = 429
_ATTEMPTS = 2
_MAX_SUMMARY = 1024  # PagerDuty refuses longer ones
_MAX_TEXT = 20_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Route:
    """One webhook with the key of the service that it pages."""

    endpoint: Endpoint
    routing_key: str


class WebhookPager:
    """The Pager port in the shape of PagerDuty's Events API v2; a repeated page joins the first one."""

    def __init__(self, routes: Sequence[Route], *, file: Path, link: str) -> None:
        self._routes = tuple(routes)
        self._file = file
        self._link = link.rstrip("/")

    def page(self, *, incident_id: str, text: str, at: datetime) -> None:
        """Write the page down, then deliver it; raises UnreachableError where nobody can have seen it."""
        written = self._write({"incident": incident_id, "at": at.isoformat(), "text": text})
        event = self._event(incident_id, text, at)
        failures: list[str] = []
        for route in self._routes:
            failure = _deliver(route, event)
            if failure is None:
                self._write({"incident": incident_id, "delivered_by": route.endpoint.name})
                return
            failures.append(failure)
        if failures or written is not None:
            reasons = "; ".join([*failures, *([written] if written else [])])
            self._write({"incident": incident_id, "undelivered": reasons})
            raise UnreachableError(f"the page of {incident_id} reached nobody: {reasons}")

    def _event(self, incident_id: str, text: str, at: datetime) -> dict[str, object]:
        href = f"{self._link}/incidents/{incident_id}" if self._link else ""
        event: dict[str, object] = {
            "event_action": "trigger",
            "dedup_key": incident_id[:255],
            "client": "Autoheal",
            "payload": {
                "summary": (text.strip().splitlines() or [incident_id])[0][:_MAX_SUMMARY],
                "source": "autoheal",
                "severity": "critical",
                "timestamp": at.isoformat(timespec="milliseconds"),
                "custom_details": {"text": text[:_MAX_TEXT]},
            },
        }
        linked = {"client_url": href, "links": [{"href": href, "text": "Investigation"}]}
        return event | (linked if href else {})

    def _write(self, entry: Mapping[str, object]) -> str | None:
        """Append a line so that it survives power loss; says why where that is impossible."""
        line = json.dumps(entry, ensure_ascii=False).encode("utf-8", "backslashreplace") + b"\n"
        try:
            self._file.parent.mkdir(parents=True, exist_ok=True)
            opened = os.open(self._file, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
            try:
                os.write(opened, line)
                os.fsync(opened)
            finally:
                os.close(opened)
        except OSError as error:
            return f"{self._file}: {error.strerror}"
        return None


def _deliver(route: Route, event: Mapping[str, object]) -> str | None:
    """None once the route took the page, else why it did not."""
    body = json.dumps({"routing_key": route.routing_key, **event}).encode()
    headers = {"Content-Type": "application/json"}
    failure = ""
    for _ in range(_ATTEMPTS):
        try:
            reply = route.endpoint.send(Call(method="POST", path="", content=body, headers=headers))
        except WorldError as error:
            failure = str(error)
            continue
        if reply.status in _ACCEPTED:
            return None
        failure = f"{route.endpoint.name} answered {reply.status}"
        if reply.status in _TURNED_AWAY and reply.status != _TOO_MANY:
            return failure
    return failure
