"""Who may come in, in dictionaries."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

from autoheal.domain.person import Person, Session


@dataclass(slots=True, kw_only=True)
class MemoryPeople:
    """A PeopleStore."""

    _people: dict[str, Person] = field(default_factory=dict)
    _tokens: dict[str, str] = field(default_factory=dict)
    _sessions: dict[str, Session] = field(default_factory=dict)

    def list(self) -> Sequence[Person]:
        """Everybody, by name."""
        return [self._people[name] for name in sorted(self._people)]

    def save(self, person: Person) -> None:
        """Insert or replace by name."""
        self._people[person.name] = person

    def give(self, name: str, digest: str | None) -> None:
        """Another token, or none; every session ends."""
        self._tokens.pop(name, None)
        if digest is not None:
            self._tokens[name] = digest
        self._sessions = {key: one for key, one in self._sessions.items() if one.name != name}

    def holder(self, digest: str) -> Person | None:
        """Whose token it is."""
        return next((self._people[name] for name, held in self._tokens.items() if held == digest), None)

    def begin(self, session: Session) -> None:
        """Remember it."""
        self._sessions[session.digest] = session

    def session(self, digest: str) -> Session | None:
        """The session, if there is one."""
        return self._sessions.get(digest)

    def seen(self, digest: str, at: datetime) -> None:
        """Note the use."""
        if digest in self._sessions:
            self._sessions[digest] = replace(self._sessions[digest], seen_at=at)

    def end(self, digest: str) -> None:
        """Forget it."""
        self._sessions.pop(digest, None)
