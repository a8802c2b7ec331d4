"""What makes two incidents alike though services, names, values and times differ. Pure."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Mapping

from autoheal.domain.alert import Alert
from autoheal.domain.change import Change
from autoheal.domain.investigation import Hypothesis

_WORD = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+")
_PIECE = re.compile(r"[^\s\[\](){},;:=|\"']+")
# A number with its unit, a hash, an address, or the name of one pod or host: it names a case, not a kind.
_ONE_CASE = re.compile(
    r"[-+]?\d[\d.,]*(?:%|[a-zA-Z]{1,3})?|[0-9a-f]{8,}|(?=[\w.-]*\d)\w+(?:[-.]\w+)+", re.IGNORECASE
)
_WORDLESS = frozenset({"alertname", "severity"})
_LEAST_VALUE = 3


def alert_class(name: str, service: str | None, labels: Mapping[str, str] | None = None) -> str:
    """An alert's name without the service, pod, host or value it speaks of: the kind of alert it is.

    OrdersHighErrorRate and HighErrorRate are one, and so are `CPU 93% on web-7f9c` and `CPU 99% on db-1`.
    """
    values = {v.lower() for k, v in (labels or {}).items() if k not in _WORDLESS and len(v) >= _LEAST_VALUE}
    pieces = [piece for piece in _PIECE.findall(name) if piece.lower() not in values]
    plain = " ".join(piece for piece in pieces if not _ONE_CASE.fullmatch(piece))
    ours = {word.lower() for word in _WORD.findall(service or "")}
    words = [word.lower() for word in _WORD.findall(plain)]
    kept = [word for word in words if word not in ours and not word.isdigit()]
    return "-".join(kept or words or [word.lower() for word in _WORD.findall(name)])


def class_of(alert: Alert) -> str:
    """The kind of an alert, with all that its labels say of the one case left out."""
    return alert_class(alert.name, alert.service, alert.labels)


def incident_signature(alerts: Iterable[Alert]) -> str:
    """The key by which a recurrence is found before anything is diagnosed: the kinds of its alerts."""
    kinds = sorted({class_of(alert) for alert in alerts})
    return "sig_" + hashlib.sha256("\n".join(kinds).encode()).hexdigest()[:10]


def failure_family(hypothesis: Hypothesis, change: Change | None) -> str:
    """The family of an established cause: how it showed, and by what kind of change if by any.

    A deploy that raises errors and one that eats memory are two families; a commit that was deployed and the
    deploy that brought it are one kind of change.
    """
    kind = "deploy" if change is not None and change.kind == "commit" else change.kind if change else "none"
    return f"{hypothesis.shows_as or hypothesis.mechanism}/{kind}"
