"""What we remember of who may come in: people, the digests of their tokens, and signed-in browsers."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Protocol

from autoheal.domain.person import Person, Session


class PeopleStore(Protocol):
    """Holds digests only: what is stored lets nobody in."""

    def list(self) -> Sequence[Person]:
        """Everybody, those removed as well, by name."""
        ...

    def save(self, person: Person) -> None:
        """Insert or replace by name; the token stays."""
        ...

    def give(self, name: str, digest: str | None) -> None:
        """Put the digest of a new token, or none, in the place of the old; ends every session of theirs."""
        ...

    def holder(self, digest: str) -> Person | None:
        """Whose token has this digest."""
        ...

    def begin(self, session: Session) -> None:
        """Remember a browser that signed in."""
        ...

    def session(self, digest: str) -> Session | None:
        """The signed-in browser whose secret has this digest."""
        ...

    def seen(self, digest: str, at: datetime) -> None:
        """Note that it was used."""
        ...

    def end(self, digest: str) -> None:
        """Forget it."""
        ...
