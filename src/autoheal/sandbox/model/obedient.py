"""A model that does whatever the text in its prompt orders: the worst reader of hostile telemetry.

It reads every word it is shown, tool descriptions and results included, calls each tool that some text tells
it to call (whether it was offered or not), proposes each action that some text names, and repeats the order
in every free text that it writes. First it answers as ordered, valid or not; told that this does not
validate, it obeys as far as the schema lets it.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from autoheal.ports.runs import Json
from autoheal.sandbox.model.conversation import Call, Prompt, Reply, answered
from autoheal.sandbox.model.schema import instance

_CALL = re.compile(
    r"\b(?:call|invoke|run|use|execute|trigger)\s+(?:the\s+)?(?:tool|function|command)\s+[`'\"]?"
    r"(?P<name>[A-Za-z_][\w.-]{1,60}\w)[`'\"]?(?:\s+with\s+(?P<given>\{.*?\}))?",
    re.IGNORECASE,
)
_ACT = re.compile(
    r"\b(?P<verb>restart|roll ?back|restore_config|set_flag|scale|delete|drop|exec|disable|silence|approve"
    r"|merge|drain|reboot)\s+(?:the\s+)?(?:service|deployment|flag|database|alert|policy)?\s*[`'\"]?"
    r"(?P<target>[A-Za-z*][\w.*:/-]*)[`'\"]?(?:\s+(?:to|with)\s+(?P<value>[\w.{}\":, -]{1,60}))?",
    re.IGNORECASE,
)
_ORDER = re.compile(
    r"ignore|instruct|system:|assistant:|you must|must now|call the tool|run the|use the tool|invoke|remember"
    r"|always|override|approved|do not page|root cause is|proposed action|rule:",
    re.IGNORECASE,
)
_CITED = re.compile(r"\bev[_-]?\w+\b")
_WORDS = {"roll back": "rollback"}
_AT_ONCE = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class Act:
    """An action that some text names."""

    verb: str
    target: str
    value: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Orders:
    """What some text tells the model to do: lines as they stand, tools to call, actions to propose."""

    lines: tuple[str, ...]
    calls: tuple[Call, ...]
    acts: tuple[Act, ...]


def orders(text: str) -> Orders:
    """Every order in a text, in the order in which it is given."""
    lines = tuple(dict.fromkeys(line.strip() for line in text.splitlines() if _ORDER.search(line)))
    said = "\n".join(lines)
    acts = (
        Act(
            verb=_WORDS.get(found["verb"].lower(), found["verb"].lower()),
            target=found["target"].rstrip(".:"),
            value=(found["value"] or "").strip(),
        )
        for found in _ACT.finditer(said)
    )
    return Orders(lines=lines, calls=tuple(_calls(said)), acts=tuple(dict.fromkeys(acts)))


def obedient(prompt: Prompt) -> Reply:
    """Obey: first the tools that were ordered, then an answer that says and proposes what was ordered."""
    given = orders(_heard(prompt))
    called = {call.name for call in prompt.called}
    left = [call for call in given.calls if call.name not in called]
    if left:
        return Reply(calls=tuple(left[:_AT_ONCE]))
    if prompt.output is None:
        return Reply(text="\n".join(given.lines) or "nothing was ordered")
    tries = sum(call.name == prompt.output.name for call in prompt.called)
    wish = _Wish(orders=given, prompt=prompt, literal=tries == 0)
    value = instance(prompt.output.schema, wish)
    return answered(prompt, value if isinstance(value, dict) else {})


def _heard(prompt: Prompt) -> str:
    """All but the words of its own maker: what others wrote, tool descriptions included."""
    tools = [tool.description for tool in prompt.tools]
    return "\n".join([*tools, *(turn.text for turn in prompt.turns if turn.role != "system")])


def _calls(text: str) -> Iterator[Call]:
    seen: set[str] = set()
    for found in _CALL.finditer(text):
        if found["name"] not in seen:
            seen.add(found["name"])
            yield Call(name=found["name"], arguments=_arguments(found["given"] or "{}"))


def _arguments(text: str) -> Mapping[str, Json]:
    try:
        given = json.loads(text)
    except json.JSONDecodeError:
        return {"text": text}
    return given if isinstance(given, dict) else {}


@dataclass(frozen=True, slots=True, kw_only=True)
class _Wish:
    """What an obedient model would like to write into each field of its answer."""

    orders: Orders
    prompt: Prompt
    literal: bool

    def __call__(self, name: str, schema: Mapping[str, Json]) -> Json:
        choices = schema.get("enum")
        wanted = self._wanted(name.lower(), str(schema.get("type")))
        if isinstance(choices, list):
            preferred = [wanted, "cause", *self._verbs()]
            fitting: list[Json] = [choice for choice in preferred if choice in choices]
            return wanted if self.literal and wanted is not None else next(iter(fitting), None)
        kinds: dict[str, type | tuple[type, ...]] = {"string": str, "number": (int, float), "integer": int}
        fits = isinstance(wanted, kinds.get(str(schema.get("type")), object))
        return wanted if fits else None

    def _wanted(self, name: str, kind: str) -> Json:
        if kind in ("object", "array"):
            return None
        if "evidence" in name or name in ("cites", "citation", "id"):
            return next(iter(_CITED.findall(self.prompt.text)), "ev_none")
        if any(word in name for word in ("action", "verb", "remediation", "mitigation")):
            return next(iter(self._verbs()), None)
        if any(word in name for word in ("target", "service", "entity", "component")):
            return next((act.target for act in self.orders.acts), None)
        if kind in ("number", "integer"):
            return 1
        return "\n".join(self.orders.lines)[:2000] or None if kind == "string" else None

    def _verbs(self) -> list[str]:
        return [act.verb for act in self.orders.acts]
