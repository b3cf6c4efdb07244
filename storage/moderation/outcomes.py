"""Outcomes of cases on their way to whoever brought them."""

import sqlite3
from collections.abc import Sequence
from datetime import datetime

from jobs.errors import NotFoundError
from jobs.moderation.cases import Case, Way
from storage.database import Database
from storage.moderation.case_rows import COLUMNS, NO_SUCH_CASE, read_case, to_case
from storage.times import to_micros

UNTOLD = f"""
SELECT {COLUMNS} FROM mod_case INDEXED BY mod_case_untold
WHERE guild_id = ? AND user_id = ? AND state <> 'open' AND told_at IS NULL ORDER BY number
"""  # noqa: S608 - our own

_MARK_TOLD = """
UPDATE mod_case SET told_at = ?, token = NULL
WHERE guild_id = ? AND number = ? AND told_at IS NULL
"""

OF_MEMBER = f"""
SELECT {COLUMNS} FROM mod_case INDEXED BY mod_case_member
WHERE guild_id = ? AND user_id = ? ORDER BY number DESC LIMIT ?
"""  # noqa: S608 - our own

_WISH_DM = """
UPDATE mod_case SET wants_dm = ? WHERE guild_id = ? AND number = ? AND user_id = ?
"""

TO_TELL = f"""
SELECT {COLUMNS} FROM mod_case INDEXED BY mod_case_to_tell
WHERE state <> 'open' AND told_at IS NULL AND (token IS NOT NULL OR wants_dm = 1)
    AND (wants_dm = 1 OR token_expires_at > ?)
ORDER BY decided_at LIMIT ?
"""  # noqa: S608 - our own

_GIVE_UP = {
    Way.REPLY: "UPDATE mod_case SET token = NULL WHERE guild_id = ? AND number = ?",
    Way.DM: "UPDATE mod_case SET wants_dm = 0 WHERE guild_id = ? AND number = ?",
}


class SqliteOutcomeStore:
    """The `OutcomeStore` of the SQLite file; the methods are told in `jobs.ports`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def cases_of(self, guild_id: int, user_id: int, *, limit: int) -> Sequence[Case]:
        """Return what a member brought in a server, newest first."""
        values = (guild_id, user_id, limit)
        return await self._database.read(
            lambda connection: [to_case(row) for row in connection.execute(OF_MEMBER, values)]
        )

    async def wish_dm(self, guild_id: int, number: int, user_id: int, *, wants_dm: bool) -> Case:
        """Note whether a member wants to be told of their case by a direct message.

        Raises:
            NotFoundError: They have brought none of that number.
        """

        def work(connection: sqlite3.Connection) -> Case:
            done = connection.execute(_WISH_DM, (wants_dm, guild_id, number, user_id))
            if done.rowcount != 1:
                raise NotFoundError(NO_SUCH_CASE)
            return read_case(connection, guild_id, number)

        return await self._database.write(work)

    async def to_tell(self, *, now: datetime, limit: int) -> Sequence[Case]:
        """Return decided cases whose outcome may reach somebody now, oldest decision first."""
        values = (to_micros(now), limit)
        return await self._database.read(
            lambda connection: [to_case(row) for row in connection.execute(TO_TELL, values)]
        )

    async def give_up(self, case: Case, way: Way) -> None:
        """Note that an outcome reaches nobody on a way; it can be looked up as before."""
        key = (case.draft.guild_id, case.number)
        await self._database.write(lambda connection: connection.execute(_GIVE_UP[way], key))

    async def untold(self, guild_id: int, user_id: int) -> Sequence[Case]:
        """Return a member's decided cases whose outcome they have not read."""

        def work(connection: sqlite3.Connection) -> Sequence[Case]:
            return [to_case(row) for row in connection.execute(UNTOLD, (guild_id, user_id))]

        return await self._database.read(work)

    async def mark_told(self, cases: Sequence[Case], *, now: datetime) -> None:
        """Note that outcomes were read."""
        keys = [(to_micros(now), case.draft.guild_id, case.number) for case in cases]
        await self._database.write(lambda connection: connection.executemany(_MARK_TOLD, keys))
