"""Many jobs at once, made by SQL: copies of the first one."""

from storage.database import Database
from storage.jobs import SqliteJobStore

# Copies of the first row under other keys; `ended` decides which index they land in. Each of
# `people` members gets the same share of them.
COPY = """
WITH RECURSIVE number (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM number WHERE n < :rows)
INSERT INTO job (id, origin, origin_key, guild_id, user_id, party, backend, state, created_at,
    ended_at, rendered_at, cost, address, asked, request, warnings)
SELECT :state || n, origin, :state || n, guild_id, user_id + n % :people, party, backend, :state,
    created_at + n, :ended, :ended, cost, address, asked, request, warnings
FROM job, number WHERE job.number = 1 AND :rows > 0
"""


async def copy(
    database: Database, state: str, rows: int, *, ended: int | None = None, people: int = 1
) -> None:
    """Copy the first job that often into a state, and count the lanes anew."""
    values = {"state": state, "rows": rows, "ended": ended, "people": people}
    await database.write(lambda connection: connection.execute(COPY, values))
    await SqliteJobStore(database).recount()
