"""A scripted mind: it looks at the first candidate with every tool, then blames it."""

from __future__ import annotations

import re

from autoheal.ports.runs import Json
from autoheal.sandbox.model.conversation import Call, Prompt, Reply, answered

_FIRST = re.compile(
    r"^1\. (?P<entity>[^:\n]+): (?P<mechanism>\w+)(?:, change (?P<change>[^,\n]+))?", re.MULTILINE
)
_SHOWN = re.compile(
    r'\[(?P<evidence_id>ev_\w+)\] "(?P<subject>[^"]+)" of "(?P<entity>[^"]+)": (?P<statistic>\w+) '
    r"(?:(?P<before>[-\d.e]+) before, )?(?P<after>[-\d.e]+) since"
)
_METRIC = "max by (service) (http_requests_total)"


def investigator(prompt: Prompt) -> Reply:
    """The next call of its plan, or the answer that the plan leads to."""
    read = "\n".join(turn.text for turn in prompt.turns)
    first = _FIRST.search(read)
    if first is None:
        return answered(prompt, {"kind": "inconclusive", "missing": ["a candidate"]})
    entity, change = first["entity"], first["change"]
    plan: list[tuple[str, dict[str, Json]]] = [
        ("service", {"service": entity}),
        ("known", {"service": entity}),
        ("metrics", {"expression": _METRIC}),
        ("logs", {"service": entity, "contains": "ERROR"}),
        ("spans", {"service": entity}),
        *([("change", {"change_id": change})] if change else []),
    ]
    calls = sum(turn.role == "tool" for turn in prompt.turns)
    if calls < len(plan):
        name, given = plan[calls]
        return Reply(calls=(Call(name=name, arguments=given),))
    claims: list[Json] = [_claim(found) for found in _SHOWN.finditer(read) if found["entity"] == entity]
    cause: Json = {
        "entity": entity,
        "mechanism": first["mechanism"],
        "change_id": change,
        "claims_for": claims[:12],
        "confidence": 0.8,
    }
    return answered(prompt, {"kind": "cause", "hypotheses": [cause]})


def _claim(found: re.Match[str]) -> Json:
    keys = ("evidence_id", "subject", "entity", "statistic")
    before = float(found["before"]) if found["before"] else None
    return {**{key: found[key] for key in keys}, "before": before, "after": float(found["after"])}
