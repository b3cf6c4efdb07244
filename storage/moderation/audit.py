"""The audit: what moderators did, written in the transaction that does it and never changed."""

import json
import sqlite3
from collections.abc import Mapping, Sequence

from jobs.moderation.acts import Act, ActKind, PastAct, sentence_of
from storage.database import Database
from storage.moderation.news import news_into
from storage.times import from_micros, to_micros

# What was done to somebody, as their target: found by its own index, whatever else there is.
_TO_ONE = """
SELECT number, at, guild_id, actor_id, kind, target, reason, before, after
FROM audit INDEXED BY audit_target
WHERE guild_id = :guild_id AND target = :target AND number < :below
    AND (:kind IS NULL OR kind = :kind) AND (:actor_id IS NULL OR actor_id = :actor_id)
ORDER BY number DESC LIMIT :limit
"""

# A member is also meant where a video of theirs is the target: its act names them.
_TO_ANY = """
SELECT number, at, guild_id, actor_id, kind, target, reason, before, after
FROM audit INDEXED BY audit_guild
WHERE guild_id = :guild_id AND number < :below
    AND (:kind IS NULL OR kind = :kind) AND (:actor_id IS NULL OR actor_id = :actor_id)
    AND (:member IS NULL OR target = 'member:' || :member
        OR json_extract(after, '$.member') = '<@' || :member || '>')
ORDER BY number DESC LIMIT :limit
"""
_ABOVE_ALL = 2**63 - 1


class SqliteAuditLog:
    """The `AuditLog` of the SQLite file; the method is told in `jobs.ports`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def acts(  # noqa: PLR0913 - each a way to narrow it down
        self,
        guild_id: int,
        *,
        limit: int,
        before: int | None = None,
        kind: ActKind | None = None,
        target: str | None = None,
        actor_id: int | None = None,
        member_id: int | None = None,
    ) -> Sequence[PastAct]:
        """Return a server's acts, newest first."""
        query = _TO_ANY if target is None else _TO_ONE
        values = {
            "guild_id": guild_id,
            "below": _ABOVE_ALL if before is None else before,
            "kind": kind,
            "target": target,
            "actor_id": actor_id,
            "member": member_id,
            "limit": limit,
        }
        return await self._database.read(
            lambda connection: [_to_act(row) for row in connection.execute(query, values)]
        )


def append_act(
    connection: sqlite3.Connection,
    act: Act,
    *,
    before: Mapping[str, str],
    after: Mapping[str, str],
) -> None:
    """Write an act, and its sentence for the server's log channel if there is one.

    Args:
        connection: In the transaction that does it.
        act: What is done.
        before: What there was before, by name, in words; ids as Discord writes mentions.
        after: What there is now.
    """
    number = connection.execute(
        "INSERT INTO audit (at, guild_id, actor_id, kind, target, reason, before, after) "
        "VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
        (
            to_micros(act.at),
            act.guild_id,
            act.actor_id,
            act.kind,
            act.target,
            act.reason,
            json.dumps(dict(before)),
            json.dumps(dict(after)),
        ),
    ).lastrowid
    if number is None:  # SQLite names every row that it inserts
        raise sqlite3.InternalError("The audit took no row.")
    past = PastAct(number=number, act=act, before=before, after=after)
    news_into(connection, act.guild_id, f"act:{number}", sentence_of(past), at=act.at)


def _to_act(row: sqlite3.Row) -> PastAct:
    act = Act(
        guild_id=row["guild_id"],
        actor_id=row["actor_id"],
        kind=ActKind(row["kind"]),
        target=row["target"],
        at=from_micros(row["at"]),
        reason=row["reason"],
    )
    before, after = json.loads(row["before"]), json.loads(row["after"])
    return PastAct(number=row["number"], act=act, before=before, after=after)
