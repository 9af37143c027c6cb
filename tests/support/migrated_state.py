"""State databases that need no migrations."""

import sqlite3
from collections.abc import Iterator

import pytest
from sqlalchemy import Connection

from sqreen_mw.collector.state import database

_real_migrate = database.migrate
_HAS_TABLES = "SELECT EXISTS (SELECT * FROM sqlite_master)"


@pytest.fixture(autouse=True, scope="session")
def migrated_state(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Create the tables of an empty database from one that was migrated once: 40 ms less."""
    path = tmp_path_factory.mktemp("state") / "migrated.db"
    database.open_database(f"sqlite:///{path}").close()
    with sqlite3.connect(path) as migrated:
        statements = [sql for sql in migrated.iterdump() if sql.split()[0] in {"CREATE", "INSERT"}]
    migrated.close()

    def migrate(connection: Connection, revision: str = "head") -> None:
        if revision != "head" or connection.exec_driver_sql(_HAS_TABLES).scalar():
            return _real_migrate(connection, revision)
        for sql in statements:
            connection.exec_driver_sql(sql)
        return None

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(database, "migrate", migrate)
        yield
