"""What makes two incidents alike though services, names, values and times differ. Pure."""

from __future__ import annotations

import hashlib
import re
import unicodedata
from collections.abc import Iterable, Iterator, Mapping, Sequence

from autoheal.domain.alert import Alert
from autoheal.domain.change import Change
from autoheal.domain.investigation import Hypothesis

# 5xx is a kind of answer; any other number is one case.
_RUN = re.compile(r"[1-5]xx(?![^\W_])|[^\W\d_]+|\d+", re.IGNORECASE)
_PIECE = re.compile(r"[^\s\[\](){},;:=|\"']+")
# A path, a number with its unit, a hash, an address, or the name of one pod or host: one case, not a kind.
_ONE_CASE = re.compile(
    r"/[\w./-]+"
    r"|[-+]?\d[\d.,]*(?:%|(?!xx\b)[a-zA-Z]{1,3})?|[0-9a-f]{8,}|(?=[\w.-]*\d)\w+(?:[-.]\w+)+",
    re.IGNORECASE,
)
_WORDLESS = frozenset({"alertname", "severity"})
_ANY_SERVICE = frozenset({"service", "server", "svc"})
"""Ends of many services' names, and words of alerts: alone they name no service."""
_LEAST_VALUE = 3
_LONGEST = 120


def alert_class(name: str, service: str | None, labels: Mapping[str, str] | None = None) -> str:
    """An alert's name without the service, pod, host or value it speaks of: the kind of alert it is.

    OrdersHighErrorRate and HighErrorRate are one, and so are `CPU 93% on web-7f9c` and `CPU 99% on db-1`, in
    any script. A name of nothing but one case, or without a word, is its own kind.
    """
    given, values = unicodedata.normalize("NFKC", name), _values(labels or {})
    ours = unicodedata.normalize("NFKC", service or "")
    pieces = [piece for piece in _PIECE.findall(_without(given, ours)) if piece.casefold() not in values]
    words = list(_words(" ".join(piece for piece in pieces if not _ONE_CASE.fullmatch(piece))))
    kept = [word for word in _unnamed(words, list(_words(ours))) if not word.isdigit()]
    return _bounded("-".join(kept or words or _words(given)) or given.strip().casefold() or "unnamed")


def _values(labels: Mapping[str, str]) -> frozenset[str]:
    told = (value.casefold() for name, value in labels.items() if name not in _WORDLESS)
    return frozenset(value for value in told if len(value) >= _LEAST_VALUE)


def _without(name: str, service: str) -> str:
    """Where a service has no plain name its end does not show: `cart-v2HighErrors`, or another script."""
    return (
        name
        if not service or (service.isascii() and service.isalpha())
        else re.sub(re.escape(service), " ", name, flags=re.IGNORECASE)
    )


def _words(text: str) -> Iterator[str]:
    """The words of a name in whatever case and script, capitals and separators being where they begin."""
    for run in _RUN.findall(text):
        begins = 0
        for at in range(1, len(run)):
            inner = run[at].isupper() and not run[at - 1].isupper()
            last_of_many = run[at - 1].isupper() and run[at].isupper() and run[at + 1 : at + 2].islower()
            if run.isalpha() and (inner or last_of_many):
                yield run[begins:at].casefold()
                begins = at
        yield run[begins:].casefold()


def _unnamed(words: Sequence[str], service: Sequence[str]) -> Iterator[str]:
    """The words without those that name the service: its whole name, or how it begins or ends."""
    ends = [tuple(service[:n]) for n in range(len(service), 0, -1)]
    ends += [tuple(service[n:]) for n in range(1, len(service))]
    names = [end for end in ends if not _ANY_SERVICE.issuperset(end)]
    at = 0
    while at < len(words):
        named = max((n for n in names if tuple(words[at : at + len(n)]) == n), key=len, default=())
        if not named:
            yield words[at]
        at += len(named) or 1


def _bounded(words: str) -> str:
    if len(words) <= _LONGEST:
        return words
    return f"{words[:_LONGEST]}-{hashlib.sha256(words.encode()).hexdigest()[:8]}"


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
