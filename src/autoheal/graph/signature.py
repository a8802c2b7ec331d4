"""What makes two incidents alike though services, names, values and times differ. Pure."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable

from autoheal.domain.alert import Alert
from autoheal.domain.change import Change
from autoheal.domain.investigation import Hypothesis

_WORD = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+")


def alert_class(name: str, service: str | None) -> str:
    """An alert's name without the service it speaks of: OrdersHighErrorRate and HighErrorRate are one."""
    ours = {word.lower() for word in _WORD.findall(service or "")}
    words = [word.lower() for word in _WORD.findall(name)]
    kept = [word for word in words if word not in ours and not word.isdigit()]
    return "-".join(kept or words)


def incident_signature(alerts: Iterable[Alert]) -> str:
    """The key by which a recurrence is found before anything is diagnosed: the classes of its alerts."""
    classes = sorted({alert_class(alert.name, alert.service) for alert in alerts})
    return "sig_" + hashlib.sha256("\n".join(classes).encode()).hexdigest()[:10]


def failure_family(hypothesis: Hypothesis, change: Change | None) -> str:
    """The family of an established cause: how it failed, and by what kind of change if by any.

    A commit that was deployed and the deploy that brought it are one kind.
    """
    kind = "deploy" if change is not None and change.kind == "commit" else change.kind if change else "none"
    return f"{hypothesis.mechanism}/{kind}"
