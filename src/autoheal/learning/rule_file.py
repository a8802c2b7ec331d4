"""Prometheus rule files as text: new rules written, existing ones edited in place, checked by promtool."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from autoheal.learning.lessons import Lessons
from autoheal.ports.proving import Prover, Ran

_SECONDS = 30.0


@dataclass(frozen=True, slots=True, kw_only=True)
class NewAlert:
    """An alert on a recorded signal of one service; times in seconds."""

    name: str
    record: str
    expression: str
    service: str
    label: str
    environment: str
    rises: bool
    threshold: float
    hold: float
    interval: float
    summary: str

    @property
    def condition(self) -> str:
        """What the alert asks of the recorded signal."""
        sign = ">" if self.rises else "<"
        return f"{self.record}{{{self.label}={json.dumps(self.service)}}} {sign} {self.threshold:.6g}"

    def text(self) -> str:
        """The rule file; JSON strings are valid YAML and cannot be broken out of."""
        quote = json.dumps
        return (
            "groups:\n"
            f"  - name: {quote(self.name)}\n"
            f"    interval: {self.interval:.0f}s\n"
            "    rules:\n"
            f"      - record: {self.record}\n"
            f"        expr: {quote(self.expression)}\n"
            f"      - alert: {self.name}\n"
            f"        expr: {quote(self.condition)}\n"
            f"        for: {self.hold:.0f}s\n"
            "        labels:\n"
            "          severity: high\n"
            f"          environment: {quote(self.environment)}\n"
            f"          {self.label}: {quote(self.service)}\n"
            "        annotations:\n"
            f"          summary: {quote(self.summary)}\n"
        )

    def test(self, file: str, quiet: float, sick: float) -> str:
        """A promtool test: silent on the quiet value, firing once the sick one has held."""
        series = json.dumps(f"{self.record}{{{self.label}={json.dumps(self.service)}}}")
        steps = 20 + int(self.hold / self.interval)
        fires_at = (20 + int(self.hold / self.interval) + 2) * self.interval
        labels = {"severity": "high", "environment": self.environment, self.label: self.service}
        expected = (
            f"            exp_labels: {json.dumps(labels)}\n"
            f"            exp_annotations: {json.dumps({'summary': self.summary})}\n"
        )
        return (
            f"rule_files: [{json.dumps(file)}]\n"
            f"evaluation_interval: {self.interval:.0f}s\n"
            "tests:\n"
            f"  - interval: {self.interval:.0f}s\n"
            "    input_series:\n"
            f"      - series: {series}\n"
            f"        values: '{quiet:.10g}x19 {sick:.10g}x{steps}'\n"
            "    alert_rule_test:\n"
            f"      - eval_time: {19 * self.interval:.0f}s\n"
            f"        alertname: {self.name}\n"
            "        exp_alerts: []\n"
            f"      - eval_time: {fires_at:.0f}s\n"
            f"        alertname: {self.name}\n"
            "        exp_alerts:\n"
            "          -\n" + expected
        )


def check_rules(prover: Prover, files: Mapping[str, str]) -> Ran:
    """`promtool check rules` on some rule files."""
    return prover.run(["promtool", "check", "rules", *files], seconds=_SECONDS, files=files)


def run_rule_tests(prover: Prover, files: Mapping[str, str], tests: Sequence[str]) -> Ran:
    """`promtool test rules`; files hold the rules and the tests."""
    return prover.run(["promtool", "test", "rules", *tests], seconds=_SECONDS, files=files)


def outcome(ran: Ran) -> str:
    """One line for the proof."""
    last = ran.output.strip().splitlines()[-1:] or ["no output"]
    return "passed" if ran.passed else f"FAILED: {last[0][:200]}"


def rule_files(lessons: Lessons) -> dict[str, str]:
    """The rule files of the code repository with their texts."""
    settings = lessons.settings
    paths = lessons.forge.files(settings.code_repository, settings.alerts_folder)
    texts = {
        p: lessons.forge.read(settings.code_repository, p) for p in paths if p.endswith((".yml", ".yaml"))
    }
    return {path: text for path, text in texts.items() if text and re.search(r"^groups:", text, re.MULTILINE)}


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """Where a rule stands: its file and the lines of its block."""

    path: str
    start: int
    end: int
    indent: str


def find_rule(files: Mapping[str, str], name: str) -> Found | None:
    """The block of the one alert of that name; None where there is none, or more than one."""
    found = [f for path, text in files.items() for f in _blocks(path, text, name)]
    return found[0] if len(found) == 1 else None


def _blocks(path: str, text: str, name: str) -> list[Found]:
    lines = text.splitlines()
    wanted = re.compile(rf"^(\s*)- alert:\s*[\"']?{re.escape(name)}[\"']?\s*(#.*)?$")
    return [
        Found(path=path, start=at, end=_end(lines, at, len(match[1])), indent=match[1] + "  ")
        for at, line in enumerate(lines)
        if (match := wanted.match(line))
    ]


def _end(lines: Sequence[str], start: int, indent: int) -> int:
    """The first line after the block: one that is indented as far as its dash, or less."""
    for at in range(start + 1, len(lines)):
        line = lines[at]
        if line.strip() and not line.lstrip().startswith("#") and len(line) - len(line.lstrip()) <= indent:
            return at
    return len(lines)


def with_for(text: str, found: Found, seconds: float) -> str:
    """The file with another `for` of the rule."""
    lines = text.splitlines()
    new = f"{found.indent}for: {seconds:.0f}s"
    for at in range(found.start, found.end):
        if re.match(rf"^{found.indent}for:", lines[at]):
            lines[at] = new
            break
    else:
        lines.insert(found.start + 1, new)
    return "\n".join(lines) + "\n"


def with_threshold(text: str, found: Found, old: float, new: str) -> str | None:
    """The file with another number at the end of the rule's expression; None where it is not there once."""
    lines = text.splitlines()
    block = "\n".join(lines[found.start : found.end])
    pattern = re.compile(r"(?<=[<>])(=?\s*)(-?\d+(?:\.\d+)?(?:e[+-]?\d+)?)(?=[\s\"']*$)", re.MULTILINE)
    ends = [match for match in pattern.finditer(block) if float(match[2]) == old]
    if len(ends) != 1:
        return None
    changed = block[: ends[0].start(2)] + new + block[ends[0].end(2) :]
    return "\n".join((*lines[: found.start], changed, *lines[found.end :])) + "\n"
