import re
import sqlite3
from collections.abc import Generator, Iterator
from pathlib import Path

import pytest
from typing_extensions import override

from jobs.errors import NewerDatabaseError
from storage.migration import Migration, migrate, migrations, version_of

FIRST = Migration(number=1, script="CREATE TABLE a (x INTEGER) STRICT;")
SECOND = Migration(
    number=2,
    script="""
    CREATE TABLE b (x INTEGER) STRICT;
    CREATE TRIGGER t AFTER INSERT ON b BEGIN UPDATE a SET x = 1; UPDATE a SET x = 2; END;
    """,
)
BROKEN = Migration(number=2, script="CREATE TABLE b (x INTEGER) STRICT; CREATE NONSENSE;")


@pytest.fixture
def connection(tmp_path: Path) -> Generator[sqlite3.Connection]:
    connection = sqlite3.connect(tmp_path / "flipbook.db", isolation_level=None)
    yield connection
    connection.close()


def tables(connection: sqlite3.Connection) -> set[str]:
    rows = connection.execute("SELECT name FROM sqlite_schema WHERE type = 'table'")
    return {row[0] for row in rows}


def test_an_empty_file_gets_every_step_and_a_second_run_changes_nothing(
    connection: sqlite3.Connection,
) -> None:
    migrate(connection)
    assert version_of(connection) == migrations()[-1].number
    before = list(connection.execute("SELECT sql FROM sqlite_schema"))
    migrate(connection)
    assert list(connection.execute("SELECT sql FROM sqlite_schema")) == before


def test_an_older_file_gets_only_what_it_lacks(connection: sqlite3.Connection) -> None:
    migrate(connection, [FIRST])
    connection.execute("INSERT INTO a (x) VALUES (7)")
    migrate(connection, [FIRST, SECOND])
    assert version_of(connection) == 2
    assert connection.execute("SELECT x FROM a").fetchone() == (7,)


def test_a_step_that_fails_leaves_the_file_as_it_was(connection: sqlite3.Connection) -> None:
    with pytest.raises(sqlite3.OperationalError):
        migrate(connection, [FIRST, BROKEN])
    assert version_of(connection) == 1
    assert tables(connection) == {"a"}
    migrate(connection, [FIRST, SECOND])
    assert tables(connection) == {"a", "b"}


def test_a_newer_file_is_refused(connection: sqlite3.Connection) -> None:
    migrate(connection, [FIRST, SECOND])
    with pytest.raises(NewerDatabaseError):
        migrate(connection, [FIRST])


def test_a_step_that_another_process_has_just_made_is_no_error(
    connection: sqlite3.Connection,
) -> None:
    class Late(list[Migration]):
        """Lets the other process in after the version was read."""

        @override
        def __iter__(self) -> Iterator[Migration]:
            if version_of(connection) == 1:
                yield FIRST
                connection.executescript("CREATE TABLE b (x); PRAGMA user_version = 2;")
            yield from (FIRST, SECOND)

    migrate(connection, [FIRST])
    steps = Late([FIRST, SECOND])
    migrate(connection, steps)
    assert version_of(connection) == 2


def test_steps_are_numbered_without_gaps() -> None:
    assert [step.number for step in migrations()] == list(range(1, len(migrations()) + 1))


def test_every_table_is_strict(connection: sqlite3.Connection) -> None:
    migrate(connection)
    rows = connection.execute("SELECT name, sql FROM sqlite_schema WHERE type = 'table'")
    assert [name for name, sql in rows if not re.search(r"\)\s*STRICT\b", sql)] == []
