"""Who may come in: for admins; the first person is enrolled on the machine itself."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from autoheal.domain.person import Person, Right, Role
from autoheal.surfaces.http.acts import Body
from autoheal.surfaces.http.acts import Person as Name
from autoheal.surfaces.http.product import Product, api_router

router = api_router("people")


class NewPersonBody(Body):
    """Somebody to enroll."""

    name: Name
    role: Role


class RoleBody(Body):
    """What somebody may do from now on."""

    role: Role


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenOnce:
    """A person with the token that lets them in; it cannot be read again."""

    person: Person
    token: str


@router.get("/people")
def people(app: Product) -> Sequence[Person]:
    """List who may come in."""
    return app.people.enrolled()


@router.post("/people", status_code=201)
def add(body: NewPersonBody, app: Product) -> TokenOnce:
    """Enroll somebody; their token is shown this once."""
    actor = app.acting(body.actor, Right.MANAGE_PEOPLE)
    issued = app.people.add(body.name, role=body.role, actor=actor)
    return TokenOnce(person=issued.person, token=issued.token)


@router.post("/people/{name}/role")
def change(name: str, body: RoleBody, app: Product) -> Person:
    """Give somebody another role; refused for the last admin."""
    return app.people.change(name, role=body.role, actor=app.acting(body.actor, Right.MANAGE_PEOPLE))


@router.post("/people/{name}/token", status_code=201)
def renew(name: str, body: Body, app: Product) -> TokenOnce:
    """Make a new token; the old one and every browser signed in with it are shut out."""
    issued = app.people.renew(name, actor=app.acting(body.actor, Right.MANAGE_PEOPLE))
    return TokenOnce(person=issued.person, token=issued.token)


@router.post("/people/{name}/removal")
def remove(name: str, body: Body, app: Product) -> Person:
    """Shut somebody out at once; refused for the last admin."""
    return app.people.remove(name, actor=app.acting(body.actor, Right.MANAGE_PEOPLE))
