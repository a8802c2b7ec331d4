"""Which tools of foreign servers may be used: none, until a person classified exactly what is offered now."""

from __future__ import annotations

import difflib
import hashlib
import json
import re
from collections.abc import Iterator
from fnmatch import fnmatchcase

from autoheal.domain.tool import Classification, OfferedTool, Standing, ToolTier
from autoheal.policy.policy import Policy

MARK = "mcp__"
"""How every such tool's name begins for a model; no tool of ours does, so none can be mistaken for ours."""

_FITS = re.compile(r"[A-Za-z0-9_-]{1,64}")
_LONGEST = 64
_SUFFIX = 8


_WORD = {ToolTier.READ: Standing.READ, ToolTier.WRITE: Standing.WRITE, ToolTier.DENY: Standing.DENIED}
_REASONS = {
    Standing.WRITE: "it can change things, and acting goes only through the catalogue of mitigations",
    Standing.DENIED: "a person denied it",
    Standing.UNKNOWN: "nobody has classified it",
    Standing.CHANGED: "it is no longer what a person classified, and nobody has looked again",
    Standing.UNUSABLE: "what its server says about it cannot be used",
    Standing.ABSENT: "its server does not offer it",
}


def standing(offered: OfferedTool | None, said: Classification | None) -> Standing:
    """What follows from what is offered and what was said; doubt is never `read`."""
    if said is not None and said.tier is ToolTier.DENY:
        return Standing.DENIED
    if offered is None:
        return Standing.ABSENT
    if offered.flaw:
        return Standing.UNUSABLE
    if said is None or said.tool_id != offered.id:
        return Standing.UNKNOWN
    return _WORD[said.tier] if said.digest == offered.digest else Standing.CHANGED


def refusal(now: Standing) -> tuple[str, str] | None:
    """The rule and the reason for which a model may not use a tool; None where it may."""
    return None if now is Standing.READ else (f"tool_{now}", _REASONS[now])


def objection(policy: Policy, *, actor: str) -> tuple[str, str] | None:
    """Rule and reason why this person may not allow a tool; None when they may. To deny one, anybody may."""
    if not actor.strip():
        return "approval.actor", "a classification needs a named person"
    if actor == "autoheal":
        return "approval.approver_not.proposer", "autoheal cannot allow itself a tool"
    if not any(fnmatchcase(actor, pattern) for pattern in policy.approval.approvers):
        return "approval.approvers", f"{actor} is not among the approvers"
    return None


def model_name(offered: OfferedTool) -> str:
    """The tool's name for a model: of our making, at most 64 letters, digits, `_` and `-`."""
    plain = f"{MARK}{offered.server}__{offered.name}"
    if _FITS.fullmatch(plain):
        return plain
    mark = hashlib.sha256(offered.name.encode()).hexdigest()[:_SUFFIX]
    safe = re.sub(r"[^A-Za-z0-9_-]", "_", plain)[: _LONGEST - _SUFFIX - 1]
    return f"{safe}_{mark}"


def differences(before: OfferedTool, after: OfferedTool) -> tuple[str, ...]:
    """What is different since a person looked, by lines: `-` as it was, `+` as it is; empty if nothing."""
    if before.digest == after.digest:
        return ()
    old, new = list(_lines(before)), list(_lines(after))
    lines = [line for line in difflib.ndiff(old, new) if line[0] in "-+"]
    return tuple(lines) or ("nothing that can be seen: hidden characters or left-out parts changed",)


def _lines(tool: OfferedTool) -> Iterator[str]:
    yield f"origin: {tool.origin}"
    yield f"title: {tool.title}"
    yield from (f"description: {line}" for line in tool.description.splitlines())
    yield from (f"hint: {hint}" for hint in tool.hints)
    yield f"flaw: {tool.flaw}"
    if tool.schema:
        yield from json.dumps(json.loads(tool.schema), indent=1, sort_keys=True).splitlines()
