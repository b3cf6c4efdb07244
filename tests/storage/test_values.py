from storage.database import Database
from storage.values import SqliteValueStore


async def test_a_value_that_was_never_set_is_none(database: Database) -> None:
    assert await SqliteValueStore(database).get_value("commands") is None


async def test_the_last_value_that_was_set_is_the_one_that_stands(database: Database) -> None:
    values = SqliteValueStore(database)
    await values.set_value("commands", "a")
    await values.set_value("commands", "b")
    assert await values.get_value("commands") == "b"
