"""The database that the programs of an Airflow and its task pods write to."""

import sqlite3
from contextlib import closing
from types import SimpleNamespace

from airflow_platform.node.airflow.configuration import _database, open_database


def test_the_files_beside_the_database_stay_until_airflow_has_ended(tmp_path):
    installed = tmp_path / "installed"
    installed.mkdir()
    with closing(sqlite3.connect(installed / "airflow.db")) as connection:
        connection.execute("CREATE TABLE task (id)")
    database = _database(installed, tmp_path)
    beside = {f"{database.name}-{end}" for end in ("shm", "wal")}

    with open_database(SimpleNamespace(database=database)):
        with closing(sqlite3.connect(database)) as connection, connection:
            connection.execute("INSERT INTO task VALUES (1)")
        there = {each.name for each in database.parent.iterdir()}
        modes = {each.stat().st_mode & 0o777 for each in database.parent.iterdir()}
        assert there == {database.name, *beside}
        assert modes == {0o664}, "the group of task pods may write to them"
