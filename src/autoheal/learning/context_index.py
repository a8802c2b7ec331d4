"""Reads the context repository on each commit; an invalid file is refused, what it said before stays live."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime

from autoheal.domain.catalog import TakenIn
from autoheal.domain.errors import ConfigError
from autoheal.domain.fact import Method, Relation
from autoheal.graph import backstage
from autoheal.graph.take_in import Intake
from autoheal.graph.told import Telling, Told
from autoheal.learning.decision_page import EXTRACTOR, lessons_of
from autoheal.learning.postmortem_page import described
from autoheal.ports.machine import Clock
from autoheal.ports.production import Forge
from autoheal.ports.stores import GraphStore

CATALOG, DECISIONS, POSTMORTEMS = "catalog/", "decisions/", "postmortems/"
_README = "README.md"


@dataclass(slots=True, kw_only=True)
class ContextIndex:
    """Follows the main branch of the context repository."""

    graph: GraphStore
    forge: Forge
    clock: Clock
    repository: str = "context"
    _intake: Intake = field(init=False)
    _commit: str = ""
    _read: dict[str, str] = field(default_factory=dict)
    _problems: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._intake = Intake(self.graph)

    def refresh(self) -> list[TakenIn]:
        """Take in what changed since the last time; what is wrong is told with file and line."""
        head = self.forge.head(self.repository)
        if head == self._commit:
            return []
        now = self.clock.now()
        paths = {path for path in self.forge.files(self.repository, at=head) if is_knowledge(path)}
        gone = self._known() - paths
        taken = [self._file(path, head, now) for path in sorted(paths)]
        taken += [self._take(_nothing(path, self.repository, now), now) for path in sorted(gone)]
        for path in gone:
            self._read.pop(path, None)
            self._problems.pop(path, None)
        self._commit = head
        return [one for one in taken if one is not None]

    def problems(self) -> list[str]:
        """What is wrong with files that are not live as they stand."""
        self.refresh()
        return list(self._problems.values())

    def _known(self) -> set[str]:
        """Files that said something before: in this process, or by what the graph holds of them."""
        prefix = f"{self.repository}/"
        told = {
            said.source.removeprefix(prefix)
            for relation in (*backstage.WHOLE, *_LEARNT)
            for fact in self.graph.facts(relation=relation)
            for said in fact.provenance
            if said.source.startswith(prefix)
        }
        return {path for path in told if is_knowledge(path)} | set(self._read)

    def _file(self, path: str, head: str, now: datetime) -> TakenIn | None:
        text = self.forge.read(self.repository, path, at=head) or ""
        digest = hashlib.sha256(text.encode()).hexdigest()
        if self._read.get(path) == digest:
            return None
        self._read[path] = digest
        try:
            told = read_file(path, text, repository=self.repository, now=now)
        except ConfigError as error:
            self._problems[path] = str(error)
            return TakenIn(source=f"{self.repository}/{path}", problem=str(error))
        self._problems.pop(path, None)
        return self._take(told.read_from(f"{path}@{head[:12]}"), now)

    def _take(self, told: Told, now: datetime) -> TakenIn:
        return self._intake.take_in(told, now=now)


_LEARNT = (
    Relation.MANIFESTS_AS,
    Relation.MITIGATED_BY,
    Relation.APPLIES_TO,
    Relation.DECIDED_IN,
    Relation.DESCRIBES,
)


def is_knowledge(path: str) -> bool:
    """Whether a file of the repository is one that the graph reads; skills have a reader of their own."""
    if path.endswith(_README):
        return False
    if path.startswith(CATALOG):
        return path.endswith((".yaml", ".yml"))
    return path.startswith((DECISIONS, POSTMORTEMS)) and path.endswith(".md")


def read_file(path: str, text: str, *, repository: str, now: datetime) -> Told:
    """What one file says; raises ConfigError naming file and line."""
    source = f"{repository}/{path}"
    if path.startswith(CATALOG):
        return backstage.catalog(text, file=path, source=source, at=now)
    extractor = "postmortem-page@1" if path.startswith(POSTMORTEMS) else EXTRACTOR
    telling = Telling(source=source, method=Method.HUMAN, at=now, actor="a merge", extractor=extractor)
    if path.startswith(POSTMORTEMS):
        described(text, file=path, telling=telling)
        return telling.told(whole=(Relation.DESCRIBES,))
    for lesson in lessons_of(text, file=path):
        telling.fact(
            telling.named(lesson.subject), lesson.relation, telling.named(lesson.object), lesson.statement
        )
    return telling.told(whole=_LEARNT)


def _nothing(path: str, repository: str, now: datetime) -> Told:
    """A file that is gone says nothing any more."""
    whole: Iterable[Relation] = (*backstage.WHOLE, *_LEARNT)
    telling = Telling(source=f"{repository}/{path}", method=Method.HUMAN, at=now, extractor=EXTRACTOR)
    return telling.told(whole=whole)
