"""Reads plain JSON alerts of any sender: only `name` is needed, unknown fields are kept as annotations.

One alert, a list, or {"alerts": [...]}. Fields of an alert:
  name               what it is called
  status             firing (default) or resolved; also open, alerting, triggered, ok, closed, recovered
  severity           a word (critical, P2, warning, ...) or a number
  severity_scale     how numbers run: rising (5 is worst, default), falling (1 is worst), syslog (0)
  service, environment, summary, description, expression      text
  labels, annotations                                         objects of text
  starts_at, ends_at RFC 3339 with zone, or unix seconds; no starts_at means the occurrence that fires
  fingerprint        identity over time; default: a hash of name, service, environment and labels
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from autoheal.alerts.attribute import MAX_NAME, UNKNOWN, by_labels
from autoheal.alerts.normalize import UNSTATED_START, Scale, environment, severity, status
from autoheal.alerts.payload import mapping, moment, parse, text, texts
from autoheal.domain.alert import Alert, AlertStatus, Attribution
from autoheal.domain.errors import MalformedError
from autoheal.ports.runs import Json

FIELDS = frozenset(
    (
        "name",
        "status",
        "severity",
        "severity_scale",
        "service",
        "environment",
        "summary",
        "description",
        "expression",
        "labels",
        "annotations",
        "starts_at",
        "ends_at",
        "fingerprint",
    )
)
_NAME, _FINGERPRINT = 200, 128


@dataclass(slots=True, kw_only=True)
class GenericAlerts:
    """A sender of plain JSON; give each its own `source` so that their fingerprints stay apart."""

    source: str = "generic"

    def decode(self, body: bytes, *, event_id: str, received_at: datetime) -> Sequence[Alert]:
        """The alerts of one delivery; raises MalformedError naming the field."""
        return [
            self._alert(mapping(item, where), where, event_id, received_at)
            for where, item in _items(parse(body))
        ]

    def _alert(self, item: Mapping[str, Json], where: str, event_id: str, received_at: datetime) -> Alert:
        labels = texts(item.get("labels"), f"{where}.labels")
        said = {
            key: text(item.get(key), f"{where}.{key}")
            for key in ("name", "service", "environment", "summary")
        }
        state = _status(item, where)
        word, scale = _severity(item, where)
        ends_at = moment(item.get("ends_at"), f"{where}.ends_at")
        if not said["name"].strip():
            raise MalformedError(f"{where}.name is missing: say what the alert is called")
        return Alert(
            fingerprint=_fingerprint(item, where, said, labels),
            source=self.source,
            name=said["name"].strip()[:_NAME],
            status=state,
            severity=severity(word, scale),
            original_severity=word,
            attribution=_attribution(said["service"], labels),
            starts_at=moment(item.get("starts_at"), f"{where}.starts_at") or UNSTATED_START,
            ends_at=(ends_at or received_at) if state is AlertStatus.RESOLVED else None,
            environment=environment({"environment": said["environment"], **labels}),
            summary=said["summary"] or text(item.get("description"), f"{where}.description"),
            expression=text(item.get("expression"), f"{where}.expression"),
            labels={**labels, "service": said["service"]} if said["service"] else labels,
            annotations={**_unknown(item), **texts(item.get("annotations"), f"{where}.annotations")},
            event_id=event_id,
        )


def _items(document: Json) -> list[tuple[str, Json]]:
    if isinstance(document, dict) and "alerts" in document:
        document = document["alerts"]
        if not isinstance(document, list):
            raise MalformedError("alerts must be a list of alerts")
        return [(f"alerts[{i}]", item) for i, item in enumerate(document)]
    if isinstance(document, list):
        return [(f"alert {i}", item) for i, item in enumerate(document)]
    return [("alert", document)]


def _status(item: Mapping[str, Json], where: str) -> AlertStatus:
    word = text(item.get("status"), f"{where}.status") or "firing"
    found = status(word)
    if found is None:
        raise MalformedError(f"{where}.status must be firing or resolved, not {word[:40]!r}")
    return found


def _severity(item: Mapping[str, Json], where: str) -> tuple[str, Scale]:
    given, named = item.get("severity"), text(item.get("severity_scale"), f"{where}.severity_scale")
    if named and named not in list(Scale):
        raise MalformedError(f"{where}.severity_scale must be one of {', '.join(Scale)}, not {named[:40]!r}")
    is_number = isinstance(given, int) and not isinstance(given, bool)
    word = str(given) if is_number else text(given, f"{where}.severity")
    return word, Scale(named or Scale.RISING)


def _attribution(service: str, labels: Mapping[str, str]) -> Attribution:
    if service.strip():
        return Attribution(service=service.strip()[:MAX_NAME], method="label service", confidence=0.95)
    return by_labels(labels) if labels else UNKNOWN


def _fingerprint(
    item: Mapping[str, Json], where: str, said: Mapping[str, str], labels: Mapping[str, str]
) -> str:
    given = text(item.get("fingerprint"), f"{where}.fingerprint").strip()
    if given and len(given) <= _FINGERPRINT:
        return given
    identity = given or [said["name"], said["service"], said["environment"], sorted(labels.items())]
    return hashlib.sha256(json.dumps(identity).encode()).hexdigest()[:32]


def _unknown(item: Mapping[str, Json]) -> dict[str, str]:
    """Fields we have no word for, kept for people to read."""
    extra = ((key, value) for key, value in item.items() if key not in FIELDS)
    return {
        key: value if isinstance(value, str) else json.dumps(value)
        for key, value in extra
        if value is not None
    }
