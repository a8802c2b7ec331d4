"""Reads Alertmanager's webhook (version 4); unknown fields are ignored, for newer versions add some."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from urllib.parse import parse_qs, urlsplit

from autoheal.alerts.attribute import MAX_NAME, by_labels
from autoheal.alerts.normalize import UNSTATED_START, environment, severity, status
from autoheal.alerts.payload import mapping, moment, parse, sequence, text, texts
from autoheal.domain.alert import Alert, AlertStatus
from autoheal.domain.errors import MalformedError
from autoheal.ports.runs import Json

VERSION = "4"
_FNV_OFFSET, _FNV_PRIME, _MASK = 0xCBF29CE484222325, 0x100000001B3, (1 << 64) - 1
_FINGERPRINT = re.compile(r"[0-9a-f]{16}")


@dataclass(slots=True, kw_only=True)
class AlertmanagerAlerts:
    """Alertmanager as a source of alerts."""

    source: str = "alertmanager"

    def decode(self, body: bytes, *, event_id: str, received_at: datetime) -> Sequence[Alert]:
        """The alerts of one notification; raises MalformedError naming the field."""
        message = mapping(parse(body), "the payload")
        version = message.get("version", VERSION)
        if version != VERSION:
            raise MalformedError(f"version must be {VERSION!r} (Alertmanager's webhook), not {version!r:.40}")
        truncated = message.get("truncatedAlerts")
        notes = {"truncated_alerts": str(truncated)} if isinstance(truncated, int) and truncated > 0 else {}
        items = sequence(message.get("alerts"), "alerts")
        return [
            self._alert(mapping(item, f"alerts[{i}]"), f"alerts[{i}]", notes, event_id, received_at)
            for i, item in enumerate(items)
        ]

    def _alert(
        self,
        item: Mapping[str, Json],
        where: str,
        notes: Mapping[str, str],
        event_id: str,
        received_at: datetime,
    ) -> Alert:
        labels = texts(item.get("labels"), f"{where}.labels")
        annotations = texts(item.get("annotations"), f"{where}.annotations")
        state = status(text(item.get("status"), f"{where}.status"))
        if state is None:
            raise MalformedError(f"{where}.status must be firing or resolved")
        given = text(item.get("fingerprint"), f"{where}.fingerprint")
        ends_at = moment(item.get("endsAt"), f"{where}.endsAt")
        return Alert(
            fingerprint=given if _FINGERPRINT.fullmatch(given) else fingerprint(labels),
            source=self.source,
            name=labels.get("alertname", "")[:MAX_NAME] or "unnamed alert",
            status=state,
            severity=severity(labels.get("severity", "")),
            original_severity=labels.get("severity", ""),
            attribution=by_labels(labels),
            starts_at=moment(item.get("startsAt"), f"{where}.startsAt") or UNSTATED_START,
            ends_at=(ends_at or received_at) if state is AlertStatus.RESOLVED else None,
            environment=environment(labels),
            summary=annotations.get("summary") or annotations.get("description", ""),
            expression=expression(text(item.get("generatorURL"), f"{where}.generatorURL")),
            labels=labels,
            annotations={**annotations, **notes},
            event_id=event_id,
        )


def fingerprint(labels: Mapping[str, str]) -> str:
    """FNV-1a over the sorted labels, each name and value closed by 0xFF, as in prometheus/common."""
    digest = _FNV_OFFSET
    for name, value in sorted(labels.items()):
        for byte in name.encode() + b"\xff" + value.encode() + b"\xff":
            digest = ((digest ^ byte) * _FNV_PRIME) & _MASK
    return f"{digest:016x}"


def expression(generator_url: str) -> str:
    """The PromQL inside Prometheus' link to its graph page; empty where there is none."""
    try:
        found = parse_qs(urlsplit(generator_url).query).get("g0.expr", [""])
    except ValueError:  # a link that is no URL, or has too many fields
        return ""
    return found[0]
