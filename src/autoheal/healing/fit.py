"""What production says, made fit to keep: each text of a row, span or change cleaned, masked, capped."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from functools import lru_cache

from autoheal.domain.change import Change
from autoheal.domain.evidence import Row
from autoheal.policy.masking import mask_value
from autoheal.policy.untrusted import PAGE, clean, fit, fit_values
from autoheal.ports.telemetry import Span

_NAME = 300
"""Characters of a service, metric or operation."""


def fit_rows(rows: Iterable[Row]) -> tuple[Row, ...]:
    """Rows of metrics and logs; one that was fit already is the same object."""
    return tuple(_fit_row(row) for row in rows)


def _fit_row(row: Row) -> Row:
    entity, subject, text = _name(row.entity), _name(row.subject), fit(row.text) if row.text else ""
    if (entity, subject, text) == (row.entity, row.subject, row.text):
        return row
    return replace(row, entity=entity, subject=subject, text=text)


def fit_span(span: Span) -> Span:
    """A span: its attributes by their names, for `db.password` says what it holds."""
    return replace(
        span,
        entity=_name(span.entity),
        operation=fit(span.operation, _NAME),
        attributes=fit_values(span.attributes),
    )


def fit_change(change: Change) -> Change:
    """A change: what was set is masked by the name of its key."""
    return replace(
        change,
        id=fit(change.id, _NAME),
        entity=_name(change.entity),
        author=fit(change.author, _NAME),
        title=fit(change.title),
        diff=fit(change.diff, PAGE),
        files=tuple(fit(file, _NAME) for file in change.files),
        commit=fit(change.commit, _NAME),
        key=fit(change.key, _NAME),
        before=mask_value(change.key, clean(change.before)),
        after=mask_value(change.key, clean(change.after)),
    )


@lru_cache(maxsize=8_192)
def _name(text: str) -> str:
    """Names come again and again: thousands of samples bear the same ones."""
    return fit(text, _NAME)
