"""The platform's log of deploys, settings, flags, scalings and restarts."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from http import HTTPStatus
from types import MappingProxyType

from autoheal.domain.change import Change, ChangeKind
from autoheal.domain.errors import UnreachableError
from autoheal.integrations.http.endpoint import Call, Endpoint
from autoheal.integrations.platform.document import reason_in

_MAX_TEXT = 20_000
_SAME: Mapping[str, ChangeKind] = MappingProxyType(
    {
        **{kind.value: kind for kind in ChangeKind},
        "rollback": ChangeKind.DEPLOY,
        "restore_config": ChangeKind.CONFIG,
        "set_flag": ChangeKind.FLAG,
    }
)


class PlatformChanges:
    """The Changes port."""

    def __init__(self, endpoint: Endpoint) -> None:
        self.name = f"{endpoint.name} changes"
        self._endpoint = endpoint

    def between(self, *, start: float, end: float) -> Sequence[Change]:
        """Changes from start to end in time order."""
        reply = self._endpoint.send(Call(method="GET", path="/v1/changes", query={"since": f"{start:.3f}"}))
        if reply.status != HTTPStatus.OK:
            raise UnreachableError(f"{self.name}: {reason_in(reply)}")
        found = (change for change in _changes(reply.json) if start <= change.time <= end)
        return sorted(found, key=lambda change: change.time)


def _changes(document: object) -> Iterator[Change]:
    listed = document.get("changes") if isinstance(document, Mapping) else document
    if not isinstance(listed, list):
        raise UnreachableError("the change log cannot be read: no list of changes")
    for entry in listed:
        if isinstance(entry, Mapping) and entry.get("kind") in _SAME:
            yield _change(entry)


def _change(entry: Mapping[str, object]) -> Change:
    def text(key: str) -> str:
        value = entry.get(key)
        return "" if value is None else str(value)[:_MAX_TEXT]

    files = entry.get("files")
    try:
        time = float(text("time"))
    except ValueError:
        raise UnreachableError(f"the change log cannot be read: time of {text('id')!r}") from None
    return Change(
        id=text("id"),
        kind=_SAME[text("kind")],
        entity=text("entity"),
        time=time,
        author=text("author"),
        title=text("title"),
        diff=text("diff"),
        files=tuple(map(str, files)) if isinstance(files, list) else (),
        commit=text("commit"),
        key=text("key"),
        before=text("before"),
        after=text("after"),
    )
