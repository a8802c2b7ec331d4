"""A callee that changed what its callers rely on: their new error lines name what its diff took away."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace

from autoheal.diagnosis.diff_risk import edit_of
from autoheal.diagnosis.finding import Term
from autoheal.domain.change import Change, ChangeKind

_NAMES_IT = frozenset({"new_lines", "more_lines"})
_IDENTIFIER = re.compile(r"[A-Za-z_][A-Za-z0-9_]{3,}")


def broken_contract_terms(
    terms: Mapping[str, Sequence[Term]],
    changes: Sequence[Change],
    edges: frozenset[tuple[str, str]],
    *,
    end: float,
) -> Iterator[Term]:
    """Broken contract: for the changed callee, the points of each caller's new line that names what is gone.

    Gone is an identifier of the diff's removed lines which its added lines no longer hold. The line was read
    at the caller, which `seen_at` tells; the change must have reached production by the end (unix seconds).
    """
    gone = _gone(changes, end=end)
    for caller, callee in sorted(edges):
        if callee not in gone:
            continue
        for term in terms.get(caller, ()):
            if term.name in _NAMES_IT and term.points > 0 and gone[callee] & _names(term.subject):
                points = _TELLING * term.points
                yield replace(term, name="broken_contract", entity=callee, seen_at=caller, points=points)


_TELLING = 1.5
"""An error that names what a change took away says more than an error."""


def _gone(changes: Iterable[Change], *, end: float) -> dict[str, frozenset[str]]:
    """Per service the identifiers that its deployed changes took away, without those that it has still."""
    commits: dict[str, set[str]] = defaultdict(set)
    services: dict[str, str] = {}
    for change in changes:
        if change.time > end:
            continue
        edit = edit_of(change.diff)
        commits[change.id] |= _names("\n".join(edit.removed)) - _names("\n".join(edit.added))
        if change.kind is not ChangeKind.COMMIT and change.entity:
            services[change.id] = change.entity
    found: dict[str, frozenset[str]] = {}
    for change_id, service in services.items():
        found[service] = found.get(service, frozenset()) | commits[change_id]
    return {service: names for service, names in found.items() if names}


def _names(text: str) -> frozenset[str]:
    return frozenset(_IDENTIFIER.findall(text))
