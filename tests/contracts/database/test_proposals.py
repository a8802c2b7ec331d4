"""The ProposalStore on SQLite and PostgreSQL."""

from __future__ import annotations

from dataclasses import replace

import pytest
from tests.contracts.database.words import after, proposal

from autoheal.domain.errors import NotFoundError
from autoheal.domain.proposal import ProposalState
from autoheal.integrations.database.database import Database


def test_a_proposal_is_replaced_by_its_id(database: Database) -> None:
    database.proposals.save(proposal())
    merged = replace(proposal().move(ProposalState.MERGED), decided_by="ann", decided_at=after(3))
    database.proposals.save(merged)
    assert database.proposals.get("pro_1") == merged


def test_an_unknown_proposal_is_not_found(database: Database) -> None:
    with pytest.raises(NotFoundError, match="pro_9"):
        database.proposals.get("pro_9")


def test_proposals_are_listed_newest_first_but_an_incident_s_in_order(database: Database) -> None:
    for number in (2, 1, 3):
        database.proposals.save(proposal(number))
    assert [found.id for found in database.proposals.list()] == ["pro_3", "pro_2", "pro_1"]
    assert [found.id for found in database.proposals.of_incident("inc_1")] == ["pro_1", "pro_2", "pro_3"]
    assert not database.proposals.of_incident("inc_2")


def test_a_rejected_proposal_is_found_by_its_content(database: Database) -> None:
    rejected = proposal(1, "same").move(ProposalState.REJECTED)
    database.proposals.save(rejected)
    database.proposals.save(proposal(2, "other"))
    assert list(database.proposals.with_content("same")) == [rejected]


def test_nothing_to_learn_is_kept_with_its_reason(database: Database) -> None:
    nothing = replace(proposal(), state=ProposalState.NOTHING, reason="nobody changed anything", proof=None)
    database.proposals.save(nothing)
    assert database.proposals.get("pro_1") == nothing
