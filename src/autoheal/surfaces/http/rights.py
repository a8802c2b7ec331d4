"""Which right each operation takes; what is not named here is nobody's once people are enrolled."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from autoheal.domain.person import Right

OPEN = frozenset(
    {
        "POST /webhooks/{source}",
        "POST /chat/slack",
        "GET /healthz",
        "GET /livez",
        "GET /readyz",
        "GET /metrics",
        "GET /openapi.json",
    }
)
"""Reachable without signing in: senders that prove themselves otherwise, probes, and what says no secret."""

_READ = (
    "/incidents",
    "/incidents/{incident_id}",
    "/incidents/{incident_id}/impact",
    "/evidence/{evidence_id}",
    "/actions",
    "/questions",
    "/proposals",
    "/proposals/{proposal_id}",
    "/skills",
    "/skills/{name}",
    "/graph/nodes",
    "/graph/facts",
    "/graph/catalog",
    "/graph/around",
    "/graph/conflicts",
    "/graph/fact",
    "/graph/merges",
    "/graph/said-by",
    "/report",
    "/checks",
    "/audit",
    "/kill-switch",
    "/tools",
    "/tools/{tool_id}",
    "/events",
)
_READ_RAW = (
    "/deliveries/{event_id}",
    "/incidents/{incident_id}/chat",
    "/incidents/{incident_id}/postmortem",
    "/proposals/{proposal_id}/diff",
    "/graph/export",
)
_ACTS = {
    "/actions/{mitigation_id}/approval": Right.DECIDE,
    "/questions/{question_id}/answer": Right.DECIDE,
    "/incidents/{incident_id}/correction": Right.DECIDE,
    "/incidents/{incident_id}/judgment": Right.DECIDE,
    "/incidents/{incident_id}/deletion": Right.DELETE,
    "/proposals/{proposal_id}/merge": Right.PUBLISH,
    "/proposals/{proposal_id}/reject": Right.PUBLISH,
    "/incidents/{incident_id}/postmortem": Right.PUBLISH,
    "/graph/merge": Right.PUBLISH,
    "/graph/unmerge": Right.PUBLISH,
    "/graph/retract": Right.PUBLISH,
    "/graph/restore": Right.PUBLISH,
    "/kill-switch": Right.STOP,
    "/kill-switch/release": Right.RELEASE,
    "/tools/{tool_id}/classification": Right.CLASSIFY_TOOL,
    "/tools/{tool_id}/denial": Right.DENY_TOOL,
    "/people": Right.MANAGE_PEOPLE,
    "/people/{name}/role": Right.MANAGE_PEOPLE,
    "/people/{name}/token": Right.MANAGE_PEOPLE,
    "/people/{name}/removal": Right.MANAGE_PEOPLE,
}

RIGHTS: Mapping[str, Right] = MappingProxyType(
    {
        **{f"GET /api/v1{path}": Right.READ for path in _READ},
        **{f"GET /api/v1{path}": Right.READ_RAW for path in _READ_RAW},
        **{f"POST /api/v1{path}": right for path, right in _ACTS.items()},
        "GET /api/v1/people": Right.MANAGE_PEOPLE,
    }
)
"""By method and path, as the routes spell it."""
