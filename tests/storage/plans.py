"""How SQLite means to answer a query, also once it has statistics: by indexes, and never by all."""

import sqlite3
from collections.abc import Callable, Iterable, Mapping

from storage.database import Database


def steps_of(connection: sqlite3.Connection, query: str, values: Mapping[str, object]) -> list[str]:
    rows = connection.execute(f"EXPLAIN QUERY PLAN {query}", values)
    return [row["detail"] for row in rows]


async def check_search(
    database: Database, plan: Callable[[sqlite3.Connection], list[str]], indexes: Iterable[str]
) -> None:
    """Check that each index is used, before and after ANALYZE, and nothing is gone through."""
    before = await database.write(plan)
    await database.write(lambda connection: connection.execute("ANALYZE"))
    assert await database.write(plan) == before
    for index in indexes:
        assert any(index in step for step in before), index
    assert not any("SCAN" in step or "TEMP B-TREE" in step for step in before), before
