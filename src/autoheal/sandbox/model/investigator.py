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
    first = _first(prompt)
    if first is None:
        return answered(prompt, {"kind": "inconclusive", "missing": ["a candidate"]})
    left = looks(prompt)
    if left:
        return Reply(calls=left[:1])
    claims: list[Json] = [
        _claim(found) for found in _SHOWN.finditer(_read(prompt)) if found["entity"] == first["entity"]
    ]
    cause: Json = {
        "entity": first["entity"],
        "mechanism": first["mechanism"],
        "change_id": first["change"],
        "claims_for": claims[:12],
        "confidence": 0.8,
    }
    return answered(prompt, {"kind": "cause", "hypotheses": [cause]})


def looks(prompt: Prompt) -> tuple[Call, ...]:
    """What is left to look at of the first candidate: each tool once, as the plan has it."""
    first = _first(prompt)
    if first is None:
        return ()
    entity, change = first["entity"], first["change"]
    plan = (
        Call(name="service", arguments={"service": entity}),
        Call(name="known", arguments={"service": entity}),
        Call(name="metrics", arguments={"expression": _METRIC}),
        Call(name="logs", arguments={"service": entity, "contains": "ERROR"}),
        Call(name="spans", arguments={"service": entity}),
        *([Call(name="change", arguments={"change_id": change})] if change else []),
    )
    done = {call.name for call in prompt.called}
    return tuple(call for call in plan if call.name not in done)


def _first(prompt: Prompt) -> re.Match[str] | None:
    return _FIRST.search(_read(prompt))


def _read(prompt: Prompt) -> str:
    return "\n".join(turn.text for turn in prompt.turns)


def _claim(found: re.Match[str]) -> Json:
    keys = ("evidence_id", "subject", "entity", "statistic")
    before = float(found["before"]) if found["before"] else None
    return {**{key: found[key] for key in keys}, "before": before, "after": float(found["after"])}
