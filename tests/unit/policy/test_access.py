"""Each right takes its least role; without anybody enrolled nobody is asked; names are told apart."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from autoheal.domain.person import Person, Right, Role, Session
from autoheal.policy.access import (
    LEAST,
    after,
    holds,
    lapsed,
    missing,
    only_this_machine,
    refusal,
    unfit,
)
from autoheal.policy.settings import AccessSettings

NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)
ANN = Person(name="ann", role=Role.ADMIN, added_by="root", added_at=NOON)
VIEW = Person(name="vic", role=Role.VIEWER, added_by="ann", added_at=NOON)
PEOPLE = st.lists(
    st.builds(
        Person,
        name=st.sampled_from(["ann", "bob", "cid"]),
        role=st.sampled_from(Role),
        added_by=st.just("root"),
        added_at=st.just(NOON),
        removed_at=st.sampled_from([None, NOON]),
    ),
    unique_by=lambda person: person.name,
)


@pytest.mark.parametrize("right", Right)
def test_every_right_has_a_least_role_and_each_greater_role_holds_it(right: Right) -> None:
    held = [holds(role, right) for role in Role]
    assert right in LEAST
    assert held == sorted(held)
    assert held[-1]


def test_a_viewer_reads_and_does_nothing_else() -> None:
    assert [right for right in Right if holds(Role.VIEWER, right)] == [Right.READ]


def test_to_stop_takes_less_than_to_let_go_again() -> None:
    assert holds(Role.RESPONDER, Right.STOP)
    assert not holds(Role.RESPONDER, Right.RELEASE)
    assert "release" in missing(Role.RESPONDER, Right.RELEASE)


@given(PEOPLE, st.sampled_from(["ann", "bob", "cid", "dan"]), st.sampled_from(Right))
def test_only_the_enrolled_with_the_right_pass_unless_nobody_is_enrolled(
    people: list[Person], actor: str, right: Right
) -> None:
    nobody = not any(p.enrolled for p in people)
    may = (nobody and right is not Right.MANAGE_PEOPLE) or any(
        p.enrolled and p.name == actor and holds(p.role, right) for p in people
    )
    assert (refusal(people, actor, right) is None) == may


@given(PEOPLE, st.sampled_from(["ann", "bob", "cid"]), st.sampled_from(Role), st.booleans())
def test_no_change_of_one_person_is_allowed_that_leaves_no_admin(
    people: list[Person],
    name: str,
    role: Role,
    stays: bool,  # noqa: FBT001  hypothesis hands it over
) -> None:
    changed = replace(ANN, name=name, role=role, removed_at=None if stays else NOON)
    then = [*(p for p in people if p.name != name), changed]
    left = any(p.enrolled and p.role is Role.ADMIN for p in then)
    assert (after(people, changed) is None) == left


@pytest.mark.parametrize(
    "name", ["", " ann", "a  b", "Ann", "ANN", "autoheal", "AutoHeal", "x" * 201, "a\nb", "a\u202eb"]
)
def test_a_name_that_could_pass_for_another_is_not_enrolled(name: str) -> None:
    assert unfit([ANN], name, Role.VIEWER) is not None


def test_the_first_person_is_an_admin_and_a_removed_name_is_free_again() -> None:
    assert unfit([], "bob", Role.RESPONDER) is not None
    assert unfit([], "bob", Role.ADMIN) is None
    assert unfit([ANN, replace(VIEW, removed_at=NOON)], "vic", Role.VIEWER) is None


@pytest.mark.parametrize(
    ("host", "only"),
    [
        ("127.0.0.1", True),
        ("127.8.9.1", True),
        ("::1", True),
        ("localhost", True),
        ("0.0.0.0", False),  # noqa: S104  the very address that must not be taken for this machine alone
        ("::", False),
        ("192.168.1.7", False),
        ("heal.example", False),
        ("localhost.example", False),
        ("", False),
    ],
)
def test_only_loopback_counts_as_this_machine(host: str, only: bool) -> None:  # noqa: FBT001  a case of the table
    assert only_this_machine(host) is only


def test_a_browser_signs_in_again_after_a_rest_and_after_a_day() -> None:
    limits = AccessSettings(idle_minutes=30, session_hours=12)
    begun = Session(digest="5" * 64, name="ann", begun_at=NOON, seen_at=NOON)
    assert not lapsed(begun, NOON + timedelta(minutes=30), limits)
    assert lapsed(begun, NOON + timedelta(minutes=31), limits)
    busy = replace(begun, seen_at=NOON + timedelta(hours=12))
    assert not lapsed(busy, NOON + timedelta(hours=12), limits)
    assert lapsed(busy, NOON + timedelta(hours=12, seconds=1), limits)


def test_the_page_for_people_says_of_each_right_what_the_table_says() -> None:
    page = (Path(__file__).parents[3] / "docs" / "access.md").read_text(encoding="utf-8")
    said = dict(re.findall(r"^\| `(\w+)` \|[^|]*\| (\w+) \|$", page, flags=re.MULTILINE))
    assert said == {right.value: role.value for right, role in LEAST.items()}
