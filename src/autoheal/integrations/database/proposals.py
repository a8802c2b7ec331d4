"""The lessons and what people said of them."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import select

from autoheal.domain.errors import NotFoundError
from autoheal.domain.proposal import Proposal
from autoheal.integrations.database import schema
from autoheal.integrations.database.codec import encode
from autoheal.integrations.database.connections import Connections
from autoheal.integrations.database.reading import words
from autoheal.integrations.database.writing import upsert

_TABLE = schema.proposal


class DatabaseProposals:
    """The ProposalStore on a database."""

    def __init__(self, connections: Connections) -> None:
        self._connections = connections

    def save(self, proposal: Proposal) -> None:
        """Insert or replace by id."""
        values = {
            "id": proposal.id,
            "incident_id": proposal.incident_id,
            "content_key": proposal.content_key,
            "at": proposal.opened_at.timestamp(),
            "body": encode(proposal),
        }
        with self._connections.write() as connection:
            upsert(connection, _TABLE, values, "id")

    def get(self, proposal_id: str) -> Proposal:
        """One proposal."""
        found = words(self._connections, Proposal, select(_TABLE.c.body).where(_TABLE.c.id == proposal_id))
        if not found:
            raise NotFoundError(f"there is no proposal {proposal_id}; `autoheal proposal list` names them")
        return found[0]

    def of_incident(self, incident_id: str) -> Sequence[Proposal]:
        """The five of one incident."""
        query = select(_TABLE.c.body).where(_TABLE.c.incident_id == incident_id)
        return words(self._connections, Proposal, query.order_by(_TABLE.c.at, _TABLE.c.id))

    def list(self) -> Sequence[Proposal]:
        """All, newest first."""
        return words(
            self._connections,
            Proposal,
            select(_TABLE.c.body).order_by(_TABLE.c.at.desc(), _TABLE.c.id.desc()),
        )

    def with_content(self, content_key: str) -> Sequence[Proposal]:
        """Earlier proposals of the same content."""
        query = select(_TABLE.c.body).where(_TABLE.c.content_key == content_key)
        return words(self._connections, Proposal, query.order_by(_TABLE.c.at))
