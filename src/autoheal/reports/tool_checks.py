"""Does each tool server answer, where does data go, and what waits there for a person's word?"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from autoheal.domain.tool import Standing, ToolFile
from autoheal.healing.tool_belt import ToolBelt
from autoheal.reports.checks import Probe, Seen, ok, warn

_READS = "readOnlyHint=true"
_WAITING = (Standing.UNKNOWN, Standing.CHANGED)


def tool_probes(belt: ToolBelt | None) -> Sequence[Probe]:
    """One for each server; none without servers."""
    return [_probe(belt, name) for name in belt.servers] if belt else []


def _probe(belt: ToolBelt, name: str) -> Probe:
    def look() -> Seen:
        return judged(belt.of_server(name), belt.servers[name].egress)

    return Probe(
        name=f"tools of {name}",
        group="tools",
        look=look,
        mend=f"check [mcp.{name}] in the settings, and that the server runs",
    )


def judged(files: Sequence[ToolFile], egress: str) -> Seen:
    """What was seen of one server: how many of its tools stand where."""
    counted = Counter(file.standing for file in files if file.offered)
    text = f"{egress}: {sum(counted.values())} tools"
    parts = [f"{counted[one]} {one}" for one in Standing if counted[one]]
    text = f"{text} ({', '.join(parts)})" if parts else text
    if unsure := sum(_READS not in file.offered.hints for file in files if file.offered):
        text += (
            f"; {unsure} do not even claim to only read, so its credential should be one that cannot write"
        )
    if any(counted[one] for one in _WAITING):
        return warn(
            text,
            "`autoheal tool list`, then `tool classify` or `tool deny`",
        )
    return ok(text)
