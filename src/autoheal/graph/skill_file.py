"""A skill folder read strictly: `SKILL.md` for people and agents, `autoheal.yaml` for our engine."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from typing import TypeVar

from autoheal.domain.errors import ConfigError
from autoheal.domain.mitigation import ActionKind
from autoheal.domain.skill import MOST_QUERIES, DecisionRule, DiagnosisStep, Guide, Match, Matcher, Skill
from autoheal.graph.expression import Expression
from autoheal.graph.expression import parse as parse_expression
from autoheal.graph.matchers import narrows
from autoheal.graph.matchers import parse as parse_matcher
from autoheal.graph.skill_tools import SERVICE, SERVICE_PATTERN, names_saved, wrong_with
from autoheal.graph.strict_yaml import Place, clean, read

T = TypeVar("T")
PROSE, CONTRACT = "SKILL.md", "autoheal.yaml"
API_VERSION = "autoheal.dev/v1"
WAY_BACK = "way_back"
"""The only undo there is: back to the version that the action was planned against."""
MAX_STEPS = 12
_KEYS = ("license", "compatibility", "metadata", "allowed-tools")
_WORD = re.compile(r"^[a-z_][a-z0-9_]{0,39}$")


def parse(folder: str, files: Mapping[str, str]) -> Skill:
    """The skill of `skills/<folder>/`; raises ConfigError with file and line."""
    for name in (PROSE, CONTRACT):
        if name not in files:
            raise ConfigError(f"skills/{folder}/{name}:1: is missing")
    prose, contract = clean(files[PROSE], f"skills/{folder}/{PROSE}"), files[CONTRACT]
    description = _described(_fields(folder, prose))
    document = read(contract, file=f"skills/{folder}/{CONTRACT}")
    skill = _skill(folder, description, document)
    _agree(folder, prose, skill)
    return replace(skill, digest=digest_of(files))


def parse_any(folder: str, files: Mapping[str, str]) -> Skill | Guide:
    """A skill of the engine, or an Agent Skill of people and agents where there is no contract."""
    return parse(folder, files) if CONTRACT in files or PROSE not in files else parse_guide(folder, files)


def parse_guide(folder: str, files: Mapping[str, str]) -> Guide:
    """The Agent Skill of a folder that has no contract; raises ConfigError with file and line."""
    if PROSE not in files:
        raise ConfigError(f"skills/{folder}/{PROSE}:1: is missing")
    prose = clean(files[PROSE], f"skills/{folder}/{PROSE}")
    fields = _fields(folder, prose)
    told = {key: fields[key].text() for key in ("license", "compatibility", "allowed-tools") if key in fields}
    return Guide(
        name=folder,
        description=_described(fields),
        license=told.get("license", ""),
        compatibility=told.get("compatibility", ""),
        allowed_tools=told.get("allowed-tools", ""),
    )


def digest_of(files: Mapping[str, str]) -> str:
    """SHA-256 over both files: a changed byte is another skill."""
    joined = "\0".join((files[PROSE], files[CONTRACT]))
    return hashlib.sha256(joined.encode("utf-8", "surrogatepass")).hexdigest()


def front_matter(folder: str, prose: str) -> Place:
    """The front matter of a SKILL.md, valid by the Agent Skills format; raises ConfigError."""
    file = f"skills/{folder}/{PROSE}"
    if not prose.startswith("---\n"):
        raise ConfigError(f"{file}:1: starts with a line of three dashes")
    front, dashes, rest = prose[4:].partition("---")
    # The reference parser splits at any three dashes, so that a longer dash line would end it early.
    if not dashes or not front.endswith("\n") or not rest.startswith("\n"):
        raise ConfigError(f"{file}:1: the front matter ends with a line of three dashes and holds no others")
    return read(front, file=file, first_line=2, block_only=True)


def _fields(folder: str, prose: str) -> Mapping[str, Place]:
    fields = front_matter(folder, prose).table(required=("name", "description"), optional=_KEYS)
    if fields["name"].text() != folder:
        fields["name"].fail(f"is {fields['name'].text()!r} but the folder is {folder!r}")
    for entry in fields["metadata"].fields().values() if "metadata" in fields else ():
        entry.text()
    for key, at_most in (("license", 200), ("compatibility", 500), ("allowed-tools", 1_000)):
        if key in fields:
            fields[key].text(at_most=at_most)
    return fields


def _described(fields: Mapping[str, Place]) -> str:
    return " ".join(fields["description"].text(at_most=1_024).split())


def _agree(folder: str, prose: str, skill: Skill) -> None:
    body = prose[4:].partition("---")[2]
    if "<!--" in body:
        line = prose.count("\n", 0, prose.index("<!--")) + 1
        raise ConfigError(f"skills/{folder}/{PROSE}:{line}: hidden comments are not read; say it openly")
    unnamed = [step.id for step in skill.diagnose if f"`{step.id}`" not in body]
    if unnamed:
        raise ConfigError(f"skills/{folder}/{PROSE}:1: does not name the step(s) {', '.join(unnamed)}")


def _skill(folder: str, description: str, document: Place) -> Skill:
    top = document.table(
        required=("apiVersion", "kind", "metadata", "match", "inputs", "diagnose", "decide", "verify"),
        optional=("mitigate", "notes", "budget"),
    )
    if top["apiVersion"].text() != API_VERSION or top["kind"].text() != "Skill":
        top["apiVersion"].fail(f"expected {API_VERSION} and kind Skill")
    metadata = top["metadata"].table(required=("name", "version"), optional=("family", "provenance"))
    if metadata["name"].text() != folder:
        metadata["name"].fail(f"is {metadata['name'].text()!r} but the folder is {folder!r}")
    steps = _steps(top["diagnose"])
    mitigations = _mitigations(top["mitigate"]) if "mitigate" in top else {}
    verify = top["verify"].table(required=("expr", "for", "within"))
    provenance = _provenance(metadata)
    try:
        return Skill(
            name=folder,
            version=metadata["version"].whole(least=1),
            description=description,
            family=metadata["family"].text(at_most=200) if "family" in metadata else "",
            match=_match(top["match"]),
            inputs=_inputs(top["inputs"]),
            diagnose=steps,
            decide=_rules(top["decide"], steps, mitigations),
            mitigations=mitigations,
            verify_expression=verify["expr"].text(),
            verify_stable_seconds=verify["for"].seconds(),
            verify_within_seconds=verify["within"].seconds(),
            max_queries=_budget(top["budget"]) if "budget" in top else MOST_QUERIES,
            incidents=provenance.get("incidents", ()),
            reviewed_by=provenance.get("reviewed_by", ()),
            notes={k: v.text() for k, v in top["notes"].fields().items()} if "notes" in top else {},
        )
    except ValueError as error:
        document.fail(str(error))


def _provenance(metadata: Mapping[str, Place]) -> dict[str, tuple[str, ...]]:
    if "provenance" not in metadata:
        return {}
    fields = metadata["provenance"].table(optional=("incidents", "reviewed_by"))
    return {key: place.texts() for key, place in fields.items()}


def _inputs(place: Place) -> dict[str, str]:
    fields = place.table(required=("service",))
    if fields["service"].text() != SERVICE_PATTERN:
        fields["service"].fail(f"its pattern is {SERVICE_PATTERN}")
    return {"service": SERVICE_PATTERN}


def _match(place: Place) -> Match:
    fields = place.table(required=("any",), optional=("none", "max_hops"))
    signatures: list[str] = []
    alerts: list[tuple[Matcher, ...]] = []
    for item in fields["any"].items():
        entry = item.table(optional=("signature", "alert"))
        signatures += [s for key in entry.keys() & {"signature"} for s in entry[key].texts()]
        alerts += [_matchers(entry[key]) for key in entry.keys() & {"alert"}]
    if not signatures and not alerts:
        fields["any"].fail("names no signature and no alert: it would never or always apply")
    for block in alerts:
        if not any(m.label == "alertname" and narrows(m) for m in block):
            fields["any"].fail("each alert needs a matcher on alertname that not every alert meets")
    none = [item.table(required=("alert",)) for item in fields["none"].items()] if "none" in fields else []
    hops = fields["max_hops"].whole() if "max_hops" in fields else Match().max_hops
    if hops > 4:  # noqa: PLR2004  beyond four calls everything is a neighbor
        fields["max_hops"].fail("reaches at most 4")
    return Match(
        signatures=tuple(signatures),
        alerts=tuple(alerts),
        none=tuple(_matchers(entry["alert"]) for entry in none),
        max_hops=hops,
    )


def _matchers(place: Place) -> tuple[Matcher, ...]:
    listed = place.table(required=("matchers",))["matchers"]
    return tuple(_said(item, parse_matcher) for item in listed.items())


def _steps(place: Place) -> tuple[DiagnosisStep, ...]:
    items = place.items()
    if not 1 <= len(items) <= MAX_STEPS:
        place.fail(f"has {len(items)} steps; from 1 to {MAX_STEPS} are possible")
    steps: list[DiagnosisStep] = []
    for item in items:
        step = _step(item)
        if any(step.id == other.id or step.save == other.save for other in steps):
            item.fail(f"{step.id}: its id or what it saves is there twice")
        steps.append(step)
        if step.stop_if:
            _expression(item, step.stop_if, steps)
    return tuple(steps)


def _step(place: Place) -> DiagnosisStep:
    fields = place.table(required=("id", "tool", "args", "save"), optional=("stop_if",))
    if not _WORD.fullmatch(fields["save"].text()) or fields["save"].text() in ("true", "false"):
        fields["save"].fail("saves under one lower-case word")
    step = DiagnosisStep(
        id=fields["id"].text(at_most=60),
        tool=fields["tool"].text(at_most=60),
        arguments={key: value.text(at_most=2_000) for key, value in fields["args"].fields().items()},
        save=fields["save"].text(),
        stop_if=fields["stop_if"].text() if "stop_if" in fields else "",
    )
    for name in ("window", "within"):
        if name in fields["args"].fields():
            fields["args"].fields()[name].seconds()
    if wrong := wrong_with(step):
        place.fail(f"{step.id}: {wrong}")
    return step


def _budget(place: Place) -> int:
    return place.table(required=("max_queries",))["max_queries"].whole(least=1)


def _mitigations(place: Place) -> dict[str, str]:
    found: dict[str, str] = {}
    for name, entry in place.fields().items():
        for key in entry.fields():
            if key not in ("action", "undo"):
                entry.fields()[key].fail("a skill names an action; its risk and approval are policy's to say")
        fields = entry.table(required=("action",), optional=("undo",))
        if "undo" in fields and fields["undo"].text() != WAY_BACK:
            fields["undo"].fail(f"is {WAY_BACK}: what an action was planned with undoes it, and nothing else")
        action = fields["action"]
        if action.text() not in set(ActionKind):
            action.fail(f"is none of {', '.join(ActionKind)}")
        found[name] = action.text()
    return found


def _rules(
    place: Place, steps: tuple[DiagnosisStep, ...], mitigations: Mapping[str, str]
) -> tuple[DecisionRule, ...]:
    rules = tuple(_rule(item, steps, mitigations) for item in place.items())
    if not rules:
        place.fail("decides nothing")
    return rules


def _rule(place: Place, steps: tuple[DiagnosisStep, ...], mitigations: Mapping[str, str]) -> DecisionRule:
    fields = place.table(required=("when",), optional=("failure_mode", "mitigate", "confidence", "escalate"))
    when = fields["when"].text()
    expression = _expression(fields["when"], when, steps)
    rule = DecisionRule(
        when=when,
        failure_mode=fields["failure_mode"].text(at_most=100) if "failure_mode" in fields else "",
        mitigate=fields["mitigate"].text(at_most=100) if "mitigate" in fields else "",
        confidence=fields["confidence"].share() if "confidence" in fields else 0.0,
        escalate=fields["escalate"].text(at_most=200) if "escalate" in fields else "",
    )
    if rule.mitigate and rule.mitigate not in mitigations:
        fields["mitigate"].fail(f"names {rule.mitigate!r}, which stands not under mitigate")
    if bool(rule.escalate) == bool(rule.failure_mode):
        place.fail("either names a failure_mode or escalates")
    if rule.failure_mode and not (rule.confidence and expression.names):
        place.fail("a failure_mode needs a confidence, and a condition on what was measured")
    return rule


def _expression(place: Place, text: str, steps: Iterable[DiagnosisStep]) -> Expression:
    expression = _said(place, lambda _: parse_expression(text))
    known = {name for step in steps for name in names_saved(step)}
    if unknown := expression.names - known:
        place.fail(
            f"uses {', '.join(sorted(unknown))}, which no step before it saves ({SERVICE} is no number)"
        )
    return expression


def _said(place: Place, parse_text: Callable[[str], T]) -> T:
    """What the text of a place says; a complaint gets its file and line."""
    try:
        return parse_text(place.content if isinstance(place.content, str) else "")
    except ConfigError as error:
        place.fail(str(error))
