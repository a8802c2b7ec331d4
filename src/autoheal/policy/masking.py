"""What may not be kept or sent: secrets and personal data are replaced by the name of their kind.

Masking is idempotent and depends on nothing but the text. Network addresses, host names and identifiers stay:
without them no fault could be found.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from autoheal.policy.secrets_table import NAME_HINTS, NAMES_END, NOT_SECRET, SHAPES, Shape

_MASK = "[masked:{}]"
_MARK = re.compile(r"\[masked:[a-z-]{2,20}\]")
_SHORT = re.compile(r"(?:^|[_.-])(?:pass|pw|pin|otp)$")
_NAMED = re.compile(
    r"(?<![A-Za-z0-9])(?P<name>[A-Za-z][A-Za-z0-9_.-]{1,80})"
    r"\\{0,2}[\"']?[ \t]{0,3}(?:=>|:=|[=:])[ \t]{0,3}"
)
_ARGUMENT = re.compile(r"(?<![\w-])--?(?P<name>[A-Za-z][A-Za-z0-9-]{1,60})[ \t]{1,3}")
_VALUE = re.compile(
    r"(?P<quote>\\{0,2}[\"'`])(?P<quoted>[^\n]{1,4000}?)(?P=quote)"
    r"|(?P<plain>(?:[^\s\"'`,;&<>\\]|[,;&](?![A-Za-z][\w.-]{0,60}[=:]|\s|\Z)){1,4000})"
)
_CODE = re.compile(
    r"(?:os|env|process|config|settings|self|secrets?|vault|request|args)\.[A-Za-z][\w.]*(?:[\[(]|\Z)"
    r"|(?:getenv|env|System\.getenv)\(|\$\{?[A-Za-z_]\w*\}?\Z|%[A-Za-z_]\w*%\Z|<[\w -]+>\Z|\{\{"
)
"""How a program or template names a secret that stands elsewhere."""
_COUNT = re.compile(r"\d{1,6}")


def mask(text: str) -> str:
    """The text with each secret and personal datum replaced by `[masked:<kind>]`."""
    low = text.lower()
    if any(hint in low for hint in NAME_HINTS):
        text = _named(_named(text, _ARGUMENT), _NAMED)
    for shape in SHAPES:
        if any(hint in low for hint in shape.hints):
            text = _shaped(shape, text)
    return text


def mask_value(name: str, value: str) -> str:
    """A value as it may be kept under this name: masked whole when the name says that it is a secret."""
    if sensitive(name) and not _harmless(value):
        return _MASK.format(_kind(name))
    return mask(value)


def mask_values(values: Mapping[str, str]) -> dict[str, str]:
    """Each value as it may be kept under its name."""
    return {mask(name): mask_value(name, value) for name, value in values.items()}


def was_masked(text: str) -> bool:
    """Whether something was taken out: such a value must never be written back to production."""
    return _MARK.search(text) is not None


def sensitive(name: str) -> bool:
    """Whether a setting, label or header of this name holds a secret."""
    squeezed = re.sub(r"[^a-z]", "", name.lower())
    return squeezed.endswith(NAMES_END) or _SHORT.search(name.lower()) is not None


def _named(text: str, names: re.Pattern[str]) -> str:
    """Mask what stands after each name of a secret; a name inside another's value is looked at as well."""
    parts: list[str] = []
    kept = at = 0
    while (found := names.search(text, at)) is not None:
        at = found.end()
        value = _VALUE.match(text, at) if sensitive(found["name"]) else None
        if value is None or not _secret(found["name"], value):
            continue
        start, end = value.span("quoted") if value["quote"] else value.span("plain")
        end -= 0 if value["quote"] else _closing(value["plain"])
        parts += [text[kept:start], _MASK.format(_kind(found["name"]))]
        kept = at = end
    return "".join([*parts, text[kept:]])


def _secret(name: str, value: re.Match[str]) -> bool:
    given = value["quoted"] or value["plain"]
    if _harmless(given) or (value["plain"] and _CODE.match(given)):
        return False
    return not (name.lower().endswith("token") and _COUNT.fullmatch(given))


def _harmless(value: str) -> bool:
    plain = value.strip(" .,:;!*()[]{}")
    return plain.lower() in NOT_SECRET or _MARK.match(value.strip()) is not None


def _closing(value: str) -> int:
    """How many brackets at the end close something before the name and are no part of the secret."""
    return len(value) - len(value.rstrip(")]}")) if value.rstrip(")]}") else 0


def _kind(name: str) -> str:
    low = name.lower()
    kinds = {"token": "token", "key": "key", "authorization": "authorization", "ssn": "ssn", "cv": "card"}
    return next(
        (kind for word, kind in kinds.items() if word in low), "password" if "pa" in low else "secret"
    )


def _shaped(shape: Shape, text: str) -> str:
    group = "secret" if "secret" in shape.pattern.groupindex else 0

    def replaced(found: re.Match[str]) -> str:
        secret = found[group]
        if _MARK.match(secret) or (shape.valid is not None and not shape.valid(secret)):
            return found[0]
        start, end = found.start(group) - found.start(), found.end(group) - found.start()
        return found[0][:start] + _MASK.format(shape.kind) + found[0][end:]

    return shape.pattern.sub(replaced, text)
