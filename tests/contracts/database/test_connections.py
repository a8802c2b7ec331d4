"""A database that cannot serve says so in one line that names the mend, and never with a traceback."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.contracts.database.words import at_once, incident, opened

from autoheal.domain.errors import AutohealError, ConfigError, OverloadedError, UnreachableError
from autoheal.integrations.database import migrations
from autoheal.integrations.database.database import Database


@pytest.mark.parametrize("url", ["", "nonsense", "mysql://h/d", "sqlite://", "sqlite:///:memory:", "sqlite:"])
def test_a_url_of_no_use_is_a_wrong_setting(url: str) -> None:
    with pytest.raises(ConfigError, match=r"database\.url"):
        opened(url)


def failure(url: str) -> AutohealError:
    with pytest.raises(AutohealError) as caught:
        opened(url).migrate()
    assert "\n" not in str(caught.value)
    return caught.value


def test_a_server_that_is_not_there_is_unreachable() -> None:
    assert isinstance(failure("postgresql://u@127.0.0.1:1/d"), UnreachableError)


def test_a_file_that_is_no_database_is_a_wrong_setting_and_is_left_alone(tmp_path: Path) -> None:
    letter = tmp_path / "letter.txt"
    letter.write_text("Dear Ann, " * 200)
    assert isinstance(failure(f"sqlite:///{letter}"), ConfigError)
    assert letter.read_text() == "Dear Ann, " * 200


def test_a_full_disk_is_overload_and_loses_nothing_that_was_stored(tmp_path: Path) -> None:
    """Each connection is bounded to the pages that the file has; SQLite then says that the disk is full."""
    database = opened(f"sqlite:///{tmp_path / 'a.db'}")
    database.migrate()
    database.incidents.save(incident(1))

    def fill() -> None:
        with database.alerts.exclusively():
            with database._connections.write() as connection:  # noqa: SLF001  stands for the disk
                connection.exec_driver_sql("PRAGMA max_page_count = 1")
            for number in range(2, 500):
                database.incidents.save(incident(number))

    with pytest.raises(OverloadedError, match="full"):
        fill()
    assert [found.id for found in database.incidents.list()] == ["inc_1"]
    database.close()


def newest() -> str:
    """The number in the name of the last migration."""
    folder = Path(next(iter(migrations.__path__))) / "versions"
    return max(path.name for path in folder.glob("v[0-9]*.py"))[1:5]


def test_racing_processes_migrate_once(url: str) -> None:
    def migrate(_: int) -> str | None:
        mine = opened(url)
        mine.migrate()
        version = mine.version()
        mine.close()
        return version

    assert set(at_once(migrate, 4)) == {newest()}


def test_tables_from_the_future_are_refused(database: Database) -> None:
    with database._connections.write() as connection:  # noqa: SLF001  a newer program did this
        connection.exec_driver_sql("UPDATE alembic_version SET version_num = '9999'")
    with pytest.raises(ConfigError, match=r"9999.*newer"):
        database.migrate()
