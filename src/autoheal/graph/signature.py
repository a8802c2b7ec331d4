"""What makes two incidents alike though services, names, values and times differ. Pure."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from unicodedata import category, normalize

from autoheal.domain.alert import Alert
from autoheal.domain.change import Change
from autoheal.domain.investigation import Hypothesis

_PIECE = re.compile(r"[^\s\[\](){},;:=|\"']+")
_UNIT = (
    r"(?:%|percent|[kmgtp]?i?b(?:ytes?)?|[nuµm]?s|secs?|seconds?|m|mins?|minutes?|h|hours?|d|days?|rps|qps)"
)
_MEASURED = re.compile(rf"(?<![\w.,-])[-+]?\d[\d.,]*(?:e[-+]?\d+)?\s*{_UNIT}(?!\w)", re.IGNORECASE)
_COLONS = re.compile(
    r"(?<![\w:])(?=[0-9a-f:]*(?:\d|::))(?:[0-9a-f]{0,4}:){2,7}[0-9a-f]{0,4}(?![\w:])", re.IGNORECASE
)
"""An IPv6 address, or the time of a day."""
# A number with its unit, a hash, an address, a path, the name of one pod or host: a case, not a kind.
# The last is how Kubernetes ends the names that it makes (rand.SafeEncodeString): five without vowels.
_ONE_CASE = re.compile(
    r"[-+]?\d[\d.,]*(?:%|(?!xx\b)[a-z]{1,3})?|[0-9a-f]{8,}|(?=[\w.-]*\d)\w+(?:[-.]\w+)+|/.*"
    r"|\w+(?:-\w+)*-[bcdfghjklmnpqrstvwxz2456789]{5}",
    re.IGNORECASE,
)
_KINDS = frozenset(
    {"alertname", "severity", "alerttype", "category", "check", "condition", "kind", "metric", "mode"}
    | {"reason", "resource", "signal", "status", "type"}
)
"""Labels that say what is wrong rather than where."""
_ANY_SERVICE = frozenset({"service", "server", "svc"})
"""Ends of many services' names, and words of alerts: alone they name no service."""
_LEAST_VALUE = 3
_LONGEST = 120
_STATUS = re.compile(r"(?<![a-z])(https?|status|code)\W{0,2}([45])\d\d(?!\w)", re.IGNORECASE)


def alert_class(name: str, service: str | None, labels: Mapping[str, str] | None = None) -> str:
    """An alert's name without the service, pod, host or value it speaks of: the kind of alert it is.

    OrdersHighErrorRate and HighErrorRate are one, and so are `CPU 93% on web-7f9c` and `CPU 99% on db-1`.
    A name in any script keeps its words; one that has none, such as a sign, is its own kind.
    """
    name, ours = normalize("NFKC", name), words(service or "")
    values = {v.lower() for k, v in (labels or {}).items() if k not in _KINDS and len(v) >= _LEAST_VALUE}
    classed = _STATUS.sub(r"\1 \2xx", _without_literal(name, service or ""))
    bare = _MEASURED.sub(" ", _COLONS.sub(" ", classed))
    pieces = [piece for piece in _PIECE.findall(bare) if piece.lower() not in values]
    found = words(" ".join(piece for piece in pieces if not _ONE_CASE.fullmatch(piece)))
    signs = [sign for sign in bare if category(sign) == "So"]
    told = [word for word in _without(found, ours) if not word.isdigit()]
    return _bounded("-".join(told or signs or found or words(name)) or name.lower().strip() or "unnamed")


def _bounded(kind: str) -> str:
    if len(kind) <= _LONGEST:
        return kind
    return f"{kind[:_LONGEST]}-{hashlib.sha256(kind.encode()).hexdigest()[:8]}"


def words(text: str) -> list[str]:
    """The words of a name in lower case, camel case parted, in any script; a class of status is one word."""
    text = normalize("NFKC", text)
    shape = "".join(map(_shape, text))
    found = [text[m.start() : m.end()].lower() for m in re.finditer(r"U+(?!l)|U?l+|d+", shape)]
    return list(_with_status(found))


def _shape(character: str) -> str:
    if character.isdecimal():
        return "d"
    if category(character) in ("Lu", "Lt"):
        return "U"
    return "l" if category(character)[0] in "LM" else " "


def _with_status(found: Sequence[str]) -> Iterator[str]:
    """With `5`, `xx` as one word: 4xx is another kind."""
    for at, word in enumerate(found):
        before = found[at - 1] if at else ""
        if word == "xx" and re.fullmatch("[1-5]", before):
            yield f"{before}xx"
        else:
            yield word


def _without(found: Sequence[str], ours: Sequence[str]) -> Iterator[str]:
    """The words without those that name the service: its whole name, else how it begins or ends."""
    size, whole = len(ours), tuple(ours)
    ends = [part for n in range(1, size) for part in (whole[:n], whole[n:])]
    here = any(tuple(found[at : at + size]) == whole for at in range(len(found)))
    names = [name for name in ([whole] if here else ends) if name and not _ANY_SERVICE.issuperset(name)]
    at = 0
    while at < len(found):
        named = max((n for n in names if tuple(found[at : at + len(n)]) == n), key=len, default=())
        if not named:
            yield found[at]
        at += len(named) or 1


def _without_literal(name: str, service: str) -> str:
    """Where a service has no plain name its end does not show: `cart-v2HighErrors`, or another script."""
    ours = normalize("NFKC", service)
    if not ours or (ours.isascii() and ours.isalpha()):
        return name
    return re.sub(re.escape(ours), " ", name, flags=re.IGNORECASE)


def class_of(alert: Alert) -> str:
    """The kind of an alert, with all that its labels say of the one case left out."""
    return alert_class(alert.name, alert.service, alert.labels)


def incident_signature(alerts: Iterable[Alert]) -> str:
    """The key by which a recurrence is found before anything is diagnosed: the kinds of its alerts."""
    kinds = sorted({class_of(alert) for alert in alerts})
    return "sig_" + hashlib.sha256("\n".join(kinds).encode()).hexdigest()[:10]


def failure_family(hypothesis: Hypothesis, change: Change | None) -> str:
    """The family of an established cause: how it showed, and by what kind of change if by any.

    A deploy that raises errors and one that eats memory are two families; a commit that was deployed and the
    deploy that brought it are one kind of change.
    """
    kind = "deploy" if change is not None and change.kind == "commit" else change.kind if change else "none"
    return f"{hypothesis.shows_as or hypothesis.mechanism}/{kind}"
