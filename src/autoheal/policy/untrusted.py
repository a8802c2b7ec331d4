"""Text that others wrote, made fit to keep, to show and to quote: it can neither hide, nor order, nor flood.

Telemetry, alerts, chat, repositories and tool results are data. What cannot be seen is taken out, secrets are
masked, the length is capped, and a quotation stands between boundaries that its author cannot have known.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from autoheal.policy.masking import mask, mask_values

LINE = 4_096
"""Characters of a log line, label, annotation or message; a program that needs more tells no story."""
PAGE = 200_000
"""Characters of a diff, file or tool result."""

_BOUNDARY = 16
_CUT = " …[{} characters cut]"
_ESCAPES = re.compile(
    r"\x1b\][^\x07\x1b]{0,2000}(?:\x07|\x1b\\)?"  # OSC: titles, links, clipboard
    r"|\x1b[PX^_][^\x1b]{0,2000}(?:\x1b\\)?"  # DCS, SOS, PM, APC
    r"|(?:\x1b\[|\x9b)[0-?]{0,64}[ -/]{0,16}[@-~]?"  # CSI: colors, cursor, screen
    r"|\x1b[ -/]{0,4}[0-~]?"
)
_LINE_BREAKS = re.compile("\r\n?|[\x0b\x0c\x85\u2028\u2029]")
_UNSEEN = re.compile(
    "[\x00-\x08\x0e-\x1f\x7f-\x9f"
    "\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u202a-\u202e\u2060-\u206f"
    "\u3164\ufe00-\ufe0f\ufeff\uffa0\ufff0-\ufffb\U000e0000-\U000e0fff]"
)
_HALVES = re.compile("[\ud800-\udfff]")


def clean(text: str) -> str:
    """Only what a reader sees: no escapes, controls, bidirectional, zero-width or tag characters."""
    text = _LINE_BREAKS.sub("\n", _ESCAPES.sub("", text))
    return _HALVES.sub("\N{REPLACEMENT CHARACTER}", _UNSEEN.sub("", text))


def cap(text: str, limit: int) -> str:
    """At most `limit` characters, and how many were cut."""
    if len(text) <= limit:
        return text
    return text[:limit] + _CUT.format(len(text) - limit)


def fit(text: str, limit: int = LINE) -> str:
    """Fit to be kept and shown: cleaned first (a hidden character must not hide a secret), masked, capped."""
    if text.isascii() and text.isprintable():
        return cap(mask(text[: 2 * limit]), limit) if len(text) > limit else mask(text)
    return cap(mask(clean(text[: 2 * limit])), limit)


def fit_values(values: Mapping[str, str], limit: int = LINE) -> dict[str, str]:
    """Each named value fit to be kept; what a name calls a secret is masked whole."""
    cleaned = {clean(name): cap(clean(value[: 2 * limit]), limit) for name, value in values.items()}
    return mask_values(cleaned)


def quoted(text: str, *, source: str, boundary: str, limit: int = LINE) -> str:
    """The text as a quotation for a model: between lines that carry a boundary which its author cannot know.

    The boundary is random and new for each prompt; a copy of it inside the text is taken out.
    """
    if len(boundary) < _BOUNDARY or not boundary.isalnum():
        raise ValueError(f"a boundary needs at least {_BOUNDARY} random letters and digits")
    inside = fit(text, limit).replace(boundary, "")
    return f"<<data {boundary} from {fit(source, 120)!r}\n{inside}\ndata {boundary}>>"
