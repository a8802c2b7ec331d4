"""Who may do what: one table from right to least role, and what must hold of the people themselves."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from ipaddress import ip_address
from types import MappingProxyType

from autoheal.domain.person import Person, Right, Role, Session
from autoheal.policy.settings import AccessSettings
from autoheal.policy.untrusted import fit

LONGEST_NAME = 200
LEAST: Mapping[Right, Role] = MappingProxyType(
    {
        Right.READ: Role.VIEWER,
        Right.READ_RAW: Role.RESPONDER,
        Right.DECIDE: Role.RESPONDER,
        Right.PUBLISH: Role.RESPONDER,
        Right.DENY_TOOL: Role.RESPONDER,
        Right.CLASSIFY_TOOL: Role.ADMIN,
        Right.STOP: Role.RESPONDER,
        Right.RELEASE: Role.ADMIN,
        Right.DELETE: Role.ADMIN,
        Right.MANAGE_PEOPLE: Role.ADMIN,
    }
)
"""The least role that holds a right. To stop or to deny takes less than to allow again."""

Refusal = tuple[str, str]
"""The rule that says no, and why in one sentence."""


_FIRST = (
    "access.first",
    "the first person is enrolled on the machine itself: `autoheal people add NAME --role admin`",
)


def only_this_machine(host: str) -> bool:
    """Whether nobody else can reach an address to listen on; a name that is not known is not trusted."""
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host.lower() == "localhost"


def holds(role: Role, right: Right) -> bool:
    """Whether the role is enough for the right; a right that the table leaves out is nobody's."""
    least = LEAST.get(right)
    return least is not None and role.rank >= least.rank


def missing(role: Role, right: Right) -> str:
    """Why the role is not enough, in one line that names the right."""
    return f"this needs the right {right}, which a {role} does not have; it takes a {LEAST[right]}"


def refusal(people: Sequence[Person], actor: str, right: Right) -> Refusal | None:
    """Why somebody of that name may not do it; None where they may, or where nobody is enrolled yet."""
    enrolled = [person for person in people if person.enrolled]
    if not enrolled:
        return _FIRST if right is Right.MANAGE_PEOPLE else None
    found = next((person for person in enrolled if person.name == actor), None)
    if found is None:
        return "access.enrolled", f"{fit(actor, LONGEST_NAME)} is not enrolled; an admin can add them"
    return None if holds(found.role, right) else (f"access.{right}", missing(found.role, right))


def unfit(people: Sequence[Person], name: str, role: Role) -> str | None:
    """Why nobody can be enrolled under that name and role; None where they can."""
    enrolled = [person for person in people if person.enrolled]
    if not name or len(name) > LONGEST_NAME or fit(name) != name or name != " ".join(name.split()):
        return f"{fit(name, LONGEST_NAME)!r} is no name: up to {LONGEST_NAME} visible characters, no secrets"
    if name.casefold() == "autoheal":
        return "autoheal is the name of the program itself"
    if any(person.name.casefold() == name.casefold() for person in enrolled):
        return f"{name} is enrolled already"
    if not enrolled and role is not Role.ADMIN:
        return "the first person must be an admin: somebody must be able to add the others"
    return None


def after(people: Sequence[Person], changed: Person) -> Refusal | None:
    """Why the people may not become what the change makes of them: there must always be an admin."""
    others = [person for person in people if person.name != changed.name]
    if any(person.enrolled and person.role is Role.ADMIN for person in (*others, changed)):
        return None
    return "access.last_admin", f"{changed.name} is the last admin: make somebody else an admin first"


def gone(person: Person, now: datetime) -> Person:
    """The person once removed."""
    return replace(person, removed_at=now)


def lapsed(session: Session, now: datetime, settings: AccessSettings) -> bool:
    """Whether the browser has been away, or signed in, for too long."""
    idle = now - session.seen_at > timedelta(minutes=settings.idle_minutes)
    return idle or now - session.begun_at > timedelta(hours=settings.session_hours)


def digest_of_secret(secret: str) -> str:
    """SHA-256 of a token or of a session's secret; both have 256 random bits, so no salt is needed."""
    return hashlib.sha256(secret.encode("utf-8", "replace")).hexdigest()
