"""Which right each page and form takes, and what can be seen before anybody signs in."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from autoheal.domain.person import Right

OPEN = frozenset({"GET /sign-in", "POST /sign-in", "POST /sign-out"})

_READ = (
    "/",
    "/incidents/{incident_id}",
    "/incidents/{incident_id}/impact",
    "/evidence/{evidence_id}",
    "/proposals",
    "/proposals/{proposal_id}",
    "/skills",
    "/graph",
    "/graph/{urn:path}",
    "/graph-mends",
    "/report",
    "/kill-switch",
    "/docs",
)
_ACTS = {
    "/actions/{mitigation_id}/approval": Right.DECIDE,
    "/incidents/{incident_id}/judgment": Right.DECIDE,
    "/incidents/{incident_id}/deletion": Right.DELETE,
    "/proposals/{proposal_id}/merge": Right.PUBLISH,
    "/proposals/{proposal_id}/reject": Right.PUBLISH,
    "/graph-merge": Right.PUBLISH,
    "/graph-unmerge": Right.PUBLISH,
    "/graph-retract": Right.PUBLISH,
    "/graph-restore": Right.PUBLISH,
    "/kill-switch/engage": Right.STOP,
    "/kill-switch/release": Right.RELEASE,
}

RIGHTS: Mapping[str, Right] = MappingProxyType(
    {
        **{f"GET {path}": Right.READ for path in _READ},
        **{f"POST {path}": right for path, right in _ACTS.items()},
    }
)
"""By method and path, as the routes spell it."""
