"""What people may do with what is known: look at it, fill it, export it, publish a postmortem."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from autoheal.domain.catalog import Around, Asked, CatalogPage, Conflict, TakenIn, View
from autoheal.domain.errors import ConflictError, NotFoundError, UserError
from autoheal.domain.fact import FUNCTIONAL, Fact
from autoheal.graph import archive_lines
from autoheal.graph.catalog import entries, found_as, kind_of, view
from autoheal.graph.conflicts import conflicts
from autoheal.graph.sync import Sync
from autoheal.learning.context_index import ContextIndex
from autoheal.learning.lessons import Lessons
from autoheal.learning.postmortem import postmortem_of
from autoheal.learning.postmortem_page import FOLDER, published
from autoheal.policy.untrusted import fit
from autoheal.ports.archive import Archive
from autoheal.ports.curation import Curation, Merge, Said
from autoheal.ports.machine import Clock
from autoheal.ports.stores import GraphStore


@dataclass(frozen=True, slots=True, kw_only=True)
class Knowledge:
    """The production context graph with everything that fills it and is made of it."""

    graph: GraphStore
    archive: Archive
    curation: Curation
    clock: Clock
    lessons: Lessons
    sync: Sync
    index: ContextIndex

    def fill(self) -> list[TakenIn]:
        """Ask every source and the context repository once; each says how much was new.

        A skill that cannot be read is named too; its version before stays live.
        """
        skills = [TakenIn(source="skills", problem=problem) for problem in self.lessons.skills.problems()]
        return [*self.sync.run(), *self.index.refresh(), *skills]

    def entries(self, asked: Asked) -> CatalogPage:
        """One page of the catalog as a table."""
        return entries(self.graph, asked)

    def around(self, name: str, around: Around) -> View:
        """What stands around a thing, by urn or name; raises NotFoundError."""
        center = found_as(self.graph, name)
        if center is None:
            raise NotFoundError(f"the graph knows no {name!r}; `autoheal graph list` names what it knows")
        found = view(self.graph, center, around, now=self.clock.now())
        if not found.links and self.graph.node(center) is None:
            raise NotFoundError(f"the graph knows nothing of {center}")
        return found

    def fact(self, fact_id: str) -> Fact:
        """One fact by the id that traces cite, also one that is no longer believed; raises NotFoundError."""
        found = self.graph.facts_with([fact_id])
        if not found:
            raise NotFoundError(f"there is no fact {fact_id}")
        return found[0]

    def conflicts(self) -> list[Conflict]:
        """Where sources disagree."""
        functional = sorted(FUNCTIONAL)
        contested = self.graph.contested(functional)
        return conflicts(
            fact
            for subject in contested
            for relation in functional
            for fact in self.graph.facts(subject=subject, relation=relation)
        )

    def export(self) -> Iterator[str]:
        """Everything that was ever believed, as JSON lines."""
        return archive_lines.lines(self.archive.records())

    def take(self, text: Iterable[str], *, file: str) -> int:
        """Read an export back; all of it or none."""
        return self.archive.load(archive_lines.read(text, file=file))

    # ------------------------------------------------------------ mends

    def merge(self, source: str, target: str, *, actor: str, reason: str) -> Merge:
        """A person says that two things are one; raises UserError for two of different kinds."""
        one, other = (self._known(name) for name in (source, target))
        if kind_of(one) != kind_of(other):
            raise UserError(f"{one} and {other} are of different kinds, so they are not one thing")
        made = Merge(source=one, target=other, at=self.clock.now(), actor=actor, reason=fit(reason))
        self.curation.merge(made)
        self._record("graph.merged", actor, {"source": one, "target": other, "reason": made.reason})
        return made

    def unmerge(self, source: str, *, actor: str, reason: str) -> Merge:
        """A person says that they are two after all."""
        urn = source if source.startswith("ah:") else self._merged_as(source)
        undone = self.curation.unmerge(urn, at=self.clock.now())
        body = {"source": undone.source, "target": undone.target, "reason": fit(reason)}
        self._record("graph.unmerged", actor, body)
        return undone

    def _merged_as(self, name: str) -> str:
        """The source of a merge by its bare name."""
        named = [m.source for m in self.curation.merges() if m.source.partition("/")[2] == name.lower()]
        return named[-1] if named else name

    def said_by(self, extractor: str, version: str) -> Said:
        """How much stands by the word of an extractor; raises NotFoundError where nothing does."""
        said = (
            self.curation.said_by(extractor, version)
            if extractor.strip()
            else Said(episodes=0, assertions=0, facts=0)
        )
        if not said.assertions:
            named = f"{extractor}@{version}" if version else extractor
            raise NotFoundError(f"nothing is believed by the word of extractor {named!r}")
        return said

    def retract(self, extractor: str, version: str, *, actor: str, reason: str) -> Said:
        """A person says that what read this was faulty: nothing of it is believed any more."""
        self.said_by(extractor, version)
        said = self.curation.withdraw(extractor, version, at=self.clock.now())
        self._record("graph.retracted", actor, _body(extractor, version, said, reason))
        return said

    def restore(self, extractor: str, version: str, *, actor: str, reason: str) -> Said:
        """A person says that it was right after all."""
        said = self.curation.restore(extractor, version, at=self.clock.now())
        self._record("graph.restored", actor, _body(extractor, version, said, reason))
        return said

    def _known(self, name: str) -> str:
        found = found_as(self.graph, name)
        if found is None or self.graph.node(found) is None:
            raise NotFoundError(f"the graph knows no {name!r}; `autoheal graph list` names what it knows")
        return found

    def _record(self, kind: str, actor: str, body: Mapping[str, object]) -> None:
        self.lessons.audit.append(incident_id="", kind=kind, actor=actor, body=body)

    # ------------------------------------------------------------ postmortems

    def postmortem(self, incident_id: str) -> str:
        """The draft of a closed incident; nobody finds it before a person publishes it."""
        if self.lessons.incidents.get(incident_id).closed_at is None:
            raise ConflictError(f"{incident_id} is not closed yet; its postmortem is written then")
        return postmortem_of(self.lessons, incident_id)

    def publish(self, incident_id: str, *, actor: str, text: str | None = None) -> str:
        """A person publishes the draft, or the text they made of it; returns the path in the repository."""
        incident = self.lessons.incidents.get(incident_id)
        draft = text if text is not None else self.postmortem(incident_id)
        page = published(draft, actor=actor, family=incident.family)
        path = f"{FOLDER}/{incident_id}.md"
        repository = self.lessons.settings.context_repository
        branch = self.lessons.forge.commit(
            repository,
            branch=f"autoheal/{incident_id.lower().replace('_', '-')}/postmortem",
            files={path: page},
            message=f"Publish the postmortem of incident {incident_id}",
        )
        commit = self.lessons.forge.merge(branch, message=f"Publish {path}", author=actor)
        body = {"path": path, "commit": commit}
        self.lessons.audit.append(
            incident_id=incident_id, kind="postmortem.published", actor=actor, body=body
        )
        self.index.refresh()
        return path


def _body(extractor: str, version: str, said: Said, reason: str) -> Mapping[str, object]:
    return {
        "extractor": extractor,
        "version": version or "all",
        "assertions": said.assertions,
        "facts": said.facts,
        "reason": fit(reason),
    }
