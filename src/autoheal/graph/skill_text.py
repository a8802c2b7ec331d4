"""A skill written as the two files of its folder, so that reading them gives the same skill."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping

import yaml

from autoheal.domain.skill import MOST_QUERIES, DecisionRule, DiagnosisStep, Skill
from autoheal.graph.matchers import render as render_matcher
from autoheal.graph.skill_file import API_VERSION, CONTRACT, PROSE, WAY_BACK
from autoheal.ports.runs import Json


class _Plain(yaml.SafeDumper):
    """Writes every value out: the reader refuses aliases."""

    def ignore_aliases(self, data: object) -> bool:
        """Never an alias."""
        del data
        return True


def render(skill: Skill) -> Mapping[str, str]:
    """File names with their texts."""
    contract = yaml.dump(_contract(skill), Dumper=_Plain, sort_keys=False, allow_unicode=True, width=1_000)
    return {PROSE: "\n".join(_prose(skill)) + "\n", CONTRACT: contract}


def quoted(text: str, *, at_most: int = 300) -> str:
    """Foreign text on one line, without anything that could end a block, a comment or a front matter."""
    flat = " ".join(re.sub(r"[^\x20-\x7e\u00a1-\u00ac\u00ae-\u1fff]", " ", text).split())
    return flat.replace("`", "'").replace("<!--", "< !--").replace("---", "- -")[:at_most]


def _contract(skill: Skill) -> dict[str, Json]:
    body: dict[str, Json] = {
        "apiVersion": API_VERSION,
        "kind": "Skill",
        "metadata": _metadata(skill),
        "match": _match(skill),
        "inputs": dict(skill.inputs),
        "diagnose": [_step(step) for step in skill.diagnose],
        "decide": [_rule(rule) for rule in skill.decide],
    }
    if skill.mitigations:
        body["mitigate"] = {
            name: {"action": action, "undo": WAY_BACK} for name, action in skill.mitigations.items()
        }
    body["verify"] = {
        "expr": skill.verify_expression,
        "for": f"{skill.verify_stable_seconds:.0f}s",
        "within": f"{skill.verify_within_seconds:.0f}s",
    }
    if skill.max_queries != MOST_QUERIES:
        body["budget"] = {"max_queries": skill.max_queries}
    if skill.notes:
        body["notes"] = dict(skill.notes)
    return body


def _metadata(skill: Skill) -> dict[str, Json]:
    metadata: dict[str, Json] = {"name": skill.name, "version": skill.version}
    if skill.family:
        metadata["family"] = skill.family
    provenance: dict[str, Json] = {"incidents": list(skill.incidents)}
    if skill.reviewed_by:
        provenance["reviewed_by"] = list(skill.reviewed_by)
    return {**metadata, "provenance": provenance}


def _match(skill: Skill) -> dict[str, Json]:
    match = skill.match
    blocks: list[Json] = [{"alert": {"matchers": [render_matcher(m) for m in b]}} for b in match.alerts]
    if match.signatures:
        blocks.append({"signature": list(match.signatures)})
    found: dict[str, Json] = {"any": blocks}
    if match.none:
        found["none"] = [{"alert": {"matchers": [render_matcher(m) for m in b]}} for b in match.none]
    return {**found, "max_hops": match.max_hops}


def _step(step: DiagnosisStep) -> dict[str, Json]:
    body: dict[str, Json] = {
        "id": step.id,
        "tool": step.tool,
        "args": dict(step.arguments),
        "save": step.save,
    }
    return {**body, "stop_if": step.stop_if} if step.stop_if else body


def _rule(rule: DecisionRule) -> dict[str, Json]:
    body: dict[str, Json] = {"when": rule.when}
    if rule.escalate:
        return {**body, "escalate": rule.escalate}
    body |= {"failure_mode": rule.failure_mode, "confidence": rule.confidence}
    return {**body, "mitigate": rule.mitigate} if rule.mitigate else body


def _prose(skill: Skill) -> Iterator[str]:
    yield from (
        "---",
        f"name: {skill.name}",
        f"description: {json.dumps(skill.description, ensure_ascii=False)}",
    )
    yield from ("metadata:", f'  autoheal.spec: "{CONTRACT}"', f'  autoheal.skill-version: "{skill.version}"')
    yield from ("---", "", f"# {skill.name}", "")
    yield "The steps are those of `autoheal.yaml`; `$service` is the service that is being looked at."
    yield from ("", "## Diagnose", "")
    for number, step in enumerate(skill.diagnose, start=1):
        yield from _step_prose(number, step)
    yield from ("## Decide", "")
    yield from (_rule_prose(rule) for rule in skill.decide)
    yield from ("- Otherwise: this is another failure; investigate.", "")
    if skill.mitigations:
        yield from ("## Mitigate", "", "What may be done without asking is for the policy to say.", "")
        yield from (f"- `{name}`: {action} `$service`." for name, action in skill.mitigations.items())
        yield ""
    stable, within = skill.verify_stable_seconds, skill.verify_within_seconds
    yield from ("## Verify", "", f"Gone for {stable:.0f} s, at most {within:.0f} s after acting:", "")
    yield from ("```promql", skill.verify_expression, "```", "")
    if skill.incidents:
        yield from ("## Where it comes from", "", f"Incidents: {', '.join(skill.incidents)}.")
    for title, text in skill.notes.items():
        yield from ("", f"{title}: {text}")


def _step_prose(number: int, step: DiagnosisStep) -> Iterator[str]:
    arguments = [f"{key}: {value}" for key, value in step.arguments.items() if key != "query"]
    asked = f" ({', '.join(arguments)})" if arguments else ""
    yield f"{number}. `{step.id}` asks {step.tool}{asked} and saves `{step.save}`."
    if "query" in step.arguments:
        yield from ("", "   ```promql", f"   {step.arguments['query']}", "   ```")
    if step.stop_if:
        yield from ("", f"   Stop if `{step.stop_if}`: this is not the failure that the skill knows.")
    yield ""


def _rule_prose(rule: DecisionRule) -> str:
    if rule.escalate:
        return f"- If `{rule.when}`: escalate, {rule.escalate}"
    act = f"; `{rule.mitigate}`" if rule.mitigate else ""
    return f"- If `{rule.when}`: {rule.failure_mode} (confidence {rule.confidence:g}){act}"
