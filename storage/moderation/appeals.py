"""Refused prompts that can be appealed, and what accepted appeals let through.

Neither is kept for long: a refusal for a day, a pass for a week.
"""

import json
import sqlite3
from collections.abc import Sequence
from collections.abc import Set as AbstractSet
from datetime import datetime

from jobs.moderation.cases import PASSES_FOR, Case
from jobs.moderation.refusals import KEPT_FOR, MAX_KEPT, Refusal
from storage.database import Database
from storage.times import from_micros, to_micros

# The same prompt refused again keeps its number, so each button that was shown works.
_KEEP = """
INSERT INTO refused_prompt (number, guild_id, user_id, prompt, digest, rules, expires_at)
VALUES (
    abs(random() % 1000000000000000), :guild_id, :user_id, :prompt, :digest, :rules, :expires_at
)
ON CONFLICT (guild_id, user_id, digest, rules) DO UPDATE SET
    prompt = excluded.prompt, expires_at = excluded.expires_at
RETURNING number
"""

# Refused anew is as good as new, so the time decides and not the number.
_KEEP_FEW = """
DELETE FROM refused_prompt WHERE number IN (
    SELECT number FROM refused_prompt WHERE guild_id = :guild_id AND user_id = :user_id
    ORDER BY expires_at DESC LIMIT -1 OFFSET :limit
)
"""

_ONE = """
SELECT number, guild_id, user_id, prompt, digest, rules, expires_at FROM refused_prompt
WHERE number = ? AND expires_at > ?
"""

LIFTED = """
SELECT rules FROM policy_pass
WHERE guild_id = ? AND user_id = ? AND digest = ? AND expires_at > ?
"""

_ADMIT = """
INSERT INTO policy_pass (guild_id, user_id, digest, rules, expires_at) VALUES (?, ?, ?, ?, ?)
ON CONFLICT (guild_id, user_id, digest, rules) DO UPDATE SET expires_at = excluded.expires_at
"""


class SqliteAppealStore:
    """The `AppealStore` of the SQLite file; the methods are told in `jobs.ports`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def keep(self, refusal: Refusal) -> int:
        """Keep a refusal and return its number; the same prompt keeps its own."""
        values = {
            "guild_id": refusal.guild_id,
            "user_id": refusal.user_id,
            "prompt": refusal.prompt,
            "digest": refusal.digest,
            "rules": json.dumps(refusal.rules),
            "expires_at": to_micros(refusal.refused_at + KEPT_FOR),
        }

        def work(connection: sqlite3.Connection) -> int:
            number: int = connection.execute(_KEEP, values).fetchone()["number"]
            connection.execute(_KEEP_FEW, {**values, "limit": MAX_KEPT})
            return number

        return await self._database.write(work)

    async def refusal(self, number: int, *, now: datetime) -> Refusal | None:
        """Return a refusal; None if there is none any more."""

        def work(connection: sqlite3.Connection) -> Refusal | None:
            row = connection.execute(_ONE, (number, to_micros(now))).fetchone()
            return None if row is None else _to_refusal(row)

        return await self._database.read(work)

    async def lifted(
        self, guild_id: int, user_id: int, digest: str, *, now: datetime
    ) -> AbstractSet[str]:
        """Return the names of the rules that are put aside for a member's prompt."""

        def work(connection: sqlite3.Connection) -> AbstractSet[str]:
            rows = connection.execute(LIFTED, (guild_id, user_id, digest, to_micros(now)))
            return {name for row in rows for name in names_in(row["rules"])}

        return await self._database.read(work)


def let_pass(connection: sqlite3.Connection, case: Case, *, at: datetime) -> datetime:
    """Put the rules of an accepted appeal aside for its prompt; return until when."""
    draft, until = case.draft, at + PASSES_FOR
    rules = json.dumps(draft.rules)
    values = (draft.guild_id, draft.user_id, case.prompt_digest, rules, to_micros(until))
    connection.execute(_ADMIT, values)
    return until


def names_in(rules: str) -> Sequence[str]:
    """Read the names of rules as they are kept."""
    return [str(name) for name in json.loads(rules)]


def _to_refusal(row: sqlite3.Row) -> Refusal:
    return Refusal(
        number=row["number"],
        guild_id=row["guild_id"],
        user_id=row["user_id"],
        prompt=row["prompt"],
        digest=row["digest"],
        rules=tuple(names_in(row["rules"])),
        refused_at=from_micros(row["expires_at"]) - KEPT_FOR,
    )
