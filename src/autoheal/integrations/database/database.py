"""The stores of one database, and its migrations."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from alembic.util import CommandError

from autoheal.domain.errors import ConfigError
from autoheal.integrations.database.alerts import DatabaseAlerts
from autoheal.integrations.database.archive import DatabaseArchive
from autoheal.integrations.database.audit import DatabaseAudit
from autoheal.integrations.database.connections import Connections
from autoheal.integrations.database.curation import DatabaseCuration
from autoheal.integrations.database.graph import DatabaseGraph
from autoheal.integrations.database.incidents import DatabaseIncidents
from autoheal.integrations.database.merges import Merges
from autoheal.integrations.database.mitigations import DatabaseMitigations
from autoheal.integrations.database.people import DatabasePeople
from autoheal.integrations.database.posts import DatabasePosts
from autoheal.integrations.database.proposals import DatabaseProposals
from autoheal.integrations.database.questions import DatabaseQuestions
from autoheal.integrations.database.tools import DatabaseTools

_MIGRATIONS = Path(__file__).parent / "migrations"


class Database:
    """Everything we remember, behind one URL; raises ConfigError or UnreachableError with the mend."""

    def __init__(self, url: str, *, now: Callable[[], datetime], new_id: Callable[[str], str]) -> None:
        self._connections = Connections(url)
        self.alerts = DatabaseAlerts(self._connections)
        self.incidents = DatabaseIncidents(self._connections)
        self.mitigations = DatabaseMitigations(self._connections)
        self.audit = DatabaseAudit(self._connections, now=now, new_id=new_id)
        self.proposals = DatabaseProposals(self._connections)
        self.questions = DatabaseQuestions(self._connections)
        self.posts = DatabasePosts(self._connections)
        merges = Merges()
        self.graph = DatabaseGraph(self._connections, merges)
        self.curation = DatabaseCuration(self._connections, merges)
        self.archive = DatabaseArchive(self._connections, merges)
        self.tools = DatabaseTools(self._connections)
        self.people = DatabasePeople(self._connections)

    def migrate(self) -> None:
        """Bring the tables to the newest version; raises ConfigError when they are newer than we are."""
        if self.version() == self.newest():
            return
        with self._connections.exclusively(), self._connections.write() as connection:
            config = _config()
            config.attributes["connection"] = connection
            try:
                command.upgrade(config, "head")
            except CommandError as error:
                raise ConfigError(
                    f"the database is of version {self.version()}, which this program does not know;"
                    f" install a newer Autoheal (this one knows up to {self.newest()})"
                ) from error

    def version(self) -> str | None:
        """The version of the tables; None in an empty database."""
        with self._connections.read() as connection:
            return MigrationContext.configure(connection).get_current_revision()

    def newest(self) -> str | None:
        """The version this program was made for."""
        return ScriptDirectory.from_config(_config()).get_current_head()

    def close(self) -> None:
        """Give back every connection."""
        self._connections.close()


def _config() -> Config:
    config = Config()
    config.set_main_option("script_location", str(_MIGRATIONS))
    return config
