"""The people of this installation: enrolled, let in, and held to their rights whichever door they use."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Self

from autoheal.domain.errors import ConfigError, ConflictError, NotFoundError, RefusedError, UnnamedError
from autoheal.domain.person import Person, Right, Role, Session
from autoheal.policy import access
from autoheal.policy.settings import AccessSettings
from autoheal.ports.audit import Audit
from autoheal.ports.machine import Clock
from autoheal.ports.people import PeopleStore

_NOTED_EVERY = timedelta(minutes=1)
"""A browser's use is written down at most so often: reading a page must not cost a write each time."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Issued:
    """A person with the token that lets them in; it is shown this once and cannot be read again."""

    person: Person
    token: str


@dataclass(frozen=True, slots=True, kw_only=True)
class People:
    """Who may come in; mint makes secrets of 256 random bits, whole is one exclusive transaction."""

    store: PeopleStore
    audit: Audit
    clock: Clock
    whole: Callable[[], AbstractContextManager[None]]
    mint: Callable[[], str]
    settings: AccessSettings

    # ------------------------------------------------------------ who there is

    def enrolled(self) -> Sequence[Person]:
        """Everybody who may come in, by name; while there is nobody, nobody is asked who they are."""
        return [person for person in self.store.list() if person.enrolled]

    def require(self, actor: str, right: Right) -> None:
        """Raise RefusedError, with the rule and the missing right, unless somebody of that name may."""
        if (refused := access.refusal(self.store.list(), actor, right)) is not None:
            raise RefusedError(*refused)

    def has(self, person: Person, right: Right) -> bool:
        """Whether they have the right just now; a removed person has none."""
        return access.refusal(self.store.list(), person.name, right) is None

    def acting(self, seat: Person | None, actor: str, right: Right) -> str:
        """The name under which an act is recorded: of whoever signed in, and never another one."""
        if seat is not None and actor not in ("", seat.name):
            raise RefusedError("access.actor", f"you are signed in as {seat.name} and act as nobody else")
        name = seat.name if seat is not None else actor
        if not name.strip():
            raise UnnamedError("actor: say who does this")
        if seat is not None or right is not Right.STOP:  # whoever is on the machine may always stop it
            self.require(name, right)
        return name

    def may_listen(self, host: str) -> None:
        """Raise ConfigError where others than this machine could come in, and nobody would ask who."""
        if not access.only_this_machine(host) and not self.enrolled():
            raise ConfigError(
                f"http.host is {host}, which others can reach, but nobody is enrolled: enroll yourself with"
                " `autoheal people add NAME --role admin`, or listen on 127.0.0.1"
            )

    # ------------------------------------------------------------ changing it

    def add(self, name: str, *, role: Role, actor: str) -> Issued:
        """Enroll somebody; the first must be an admin."""
        with self.whole():
            if (why := access.unfit(self.store.list(), name, role)) is not None:
                raise ConflictError(why)
            person = Person(name=name, role=role, added_by=actor, added_at=self.clock.now())
            self._save("person.added", person, actor)
            return Issued(person=person, token=self._new_token(name))

    def change(self, name: str, *, role: Role, actor: str) -> Person:
        """Give somebody another role; refused when no admin would be left."""
        with self.whole():
            person = replace(self._person(name), role=role)
            self._allow(person)
            self._save("person.role", person, actor)
            return person

    def remove(self, name: str, *, actor: str) -> Person:
        """Shut somebody out at once, with every browser of theirs; refused when no admin would be left."""
        with self.whole():
            person = access.gone(self._person(name), self.clock.now())
            self._allow(person)
            self.store.give(name, None)
            self._save("person.removed", person, actor)
            return person

    def renew(self, name: str, *, actor: str) -> Issued:
        """A new token; the old one and every browser signed in with it are shut out at once."""
        with self.whole():
            person = self._person(name)
            self._record("person.token", person, actor)
            return Issued(person=person, token=self._new_token(name))

    # ------------------------------------------------------------ coming in

    def bearer(self, token: str) -> Person | None:
        """Who holds this token; None for a wrong or withdrawn one."""
        person = self.store.holder(access.digest_of_secret(token))
        return person if person is not None and person.enrolled else None

    def sign_in(self, token: str) -> str | None:
        """The secret of a new session for a browser; None for a wrong token."""
        if self.bearer(token) is None:
            return None  # a stranger must not make those wait who take in alerts
        with self.whole():
            person = self.bearer(token)
            if person is None:
                return None
            secret, now = self.mint(), self.clock.now()
            digest = access.digest_of_secret(secret)
            self.store.begin(Session(digest=digest, name=person.name, begun_at=now, seen_at=now))
            return secret

    def session(self, secret: str) -> Person | None:
        """Who signed in with this browser; None once it lapsed, was signed out, or they were removed."""
        digest, now = access.digest_of_secret(secret), self.clock.now()
        found = self.store.session(digest)
        if found is None:
            return None
        if access.lapsed(found, now, self.settings):
            self.store.end(digest)
            return None
        if now - found.seen_at > _NOTED_EVERY:
            self.store.seen(digest, now)
        return next((person for person in self.enrolled() if person.name == found.name), None)

    def sign_out(self, secret: str) -> None:
        """End the session."""
        self.store.end(access.digest_of_secret(secret))

    def _person(self, name: str) -> Person:
        for person in self.enrolled():
            if person.name == name:
                return person
        raise NotFoundError(f"nobody named {name} is enrolled; `autoheal people list` names who is")

    def _allow(self, changed: Person) -> None:
        if (refused := access.after(self.store.list(), changed)) is not None:
            raise RefusedError(*refused)

    def _new_token(self, name: str) -> str:
        token = self.mint()
        self.store.give(name, access.digest_of_secret(token))
        return token

    def _save(self, kind: str, person: Person, actor: str) -> None:
        self.store.save(person)
        self._record(kind, person, actor)

    def _record(self, kind: str, person: Person, actor: str) -> None:
        body: Mapping[str, object] = {"person": person.name, "role": str(person.role)}
        self.audit.append(incident_id="", kind=kind, actor=actor, body=body)


@dataclass(frozen=True, slots=True, kw_only=True)
class Seated:
    """What somebody uses: with no seat it is whoever is on this machine, or nobody is enrolled."""

    people: People
    seat: Person | None = None

    def acting(self, actor: str, right: Right) -> str:
        """Under which name an act is recorded; refused when that person lacks the right, by any door."""
        return self.people.acting(self.seat, actor, right)

    def may(self, right: Right) -> bool:
        """Whether whoever signed in has the right just now; without a seat everybody has."""
        return self.seat is None or self.people.has(self.seat, right)

    def need(self, right: Right) -> None:
        """Raise RefusedError, naming the right, unless whoever signed in has it."""
        if self.seat is not None:
            self.people.require(self.seat.name, right)

    @property
    def withheld(self) -> str:
        """One line on what whoever signed in does not see, and which right it takes; empty if nothing."""
        if self.seat is None or self.may(Right.READ_RAW):
            return ""
        lacking = access.missing(self.seat.role, Right.READ_RAW)
        return f"Rows, deliveries, log lines and tool output are withheld: {lacking}"

    def seen_by(self, seat: Person | None) -> Self:
        """The same as somebody who signed in may see it and act in it."""
        return self if seat is None else replace(self, seat=seat)
