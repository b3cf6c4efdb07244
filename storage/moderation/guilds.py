"""What managers set for their servers, and whom moderators keep out; each with the act that did it.

A block that has ended by itself is as good as none; its row stays until the next one.
"""

import json
import sqlite3
from collections.abc import Mapping, Sequence
from contextlib import suppress
from datetime import datetime

from jobs.moderation.acts import Act
from jobs.moderation.guilds import Block, GuildSettings, ModeratorPermission, News
from jobs.request import ProviderName
from storage.database import Database
from storage.moderation.audit import append_act
from storage.moderation.news import drop_unsent, mark_sent, news_into, unsent
from storage.privacy.pseudonyms import code_of
from storage.times import from_micros, from_micros_or_none, to_micros, to_micros_or_none


class SqliteGuildStore:
    """The `GuildStore` of the SQLite file; the methods are told in `jobs.ports`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def all_settings(self) -> Sequence[GuildSettings]:
        """Return the settings of every server that has any."""

        def work(connection: sqlite3.Connection) -> Sequence[GuildSettings]:
            return [_to_settings(row) for row in connection.execute(_ALL_SETTINGS)]

        return await self._database.read(work)

    async def save_settings(self, settings: GuildSettings, *, act: Act) -> None:
        """Write a server's settings; what is as it was is no act."""

        def work(connection: sqlite3.Connection) -> None:
            before, after = _changes(_settings_of(connection, settings.guild_id), settings)
            if before == after:
                return
            connection.execute(_SAVE_SETTINGS, _settings_columns(settings))
            if settings.log_channel_id is None:
                drop_unsent(connection, settings.guild_id, at=act.at)
            append_act(connection, act, before=before, after=after)

        await self._database.write(work)

    async def block(self, block: Block, *, act: Act) -> None:
        """Keep a member out, or change why and until when."""

        def work(connection: sqlite3.Connection) -> None:
            known = block_of(connection, block.guild_id, block.user_id, now=act.at)
            _let_in(connection, block.guild_id, block.user_id)
            connection.execute(_SAVE_BLOCK, _block_columns(block))
            before = {} if known is None else _block_words(known)
            append_act(connection, act, before=before, after=_block_words(block))

        await self._database.write(work)

    async def unblock(self, guild_id: int, user_id: int, *, act: Act) -> Block | None:
        """Let a member in again; None if nobody kept them out."""

        def work(connection: sqlite3.Connection) -> Block | None:
            known = block_of(connection, guild_id, user_id, now=act.at)
            if known is None:
                return None
            _let_in(connection, guild_id, user_id)
            append_act(connection, act, before=_block_words(known), after={})
            return known

        return await self._database.write(work)

    async def blocks(self, guild_id: int, *, now: datetime) -> Sequence[Block]:
        """Return the blocks of a server that have not ended, newest first."""

        def work(connection: sqlite3.Connection) -> Sequence[Block]:
            rows = connection.execute(_BLOCKS, {"guild_id": guild_id, "now": to_micros(now)})
            return [_to_block(row) for row in rows]

        return await self._database.read(work)

    async def add_news(self, guild_id: int, key: str, text: str, *, at: datetime) -> bool:
        """Keep news for a server's log channel; False if it has none, or knows that key."""
        return await self._database.write(
            lambda connection: news_into(connection, guild_id, key, text, at=at)
        )

    async def unsent_news(self, *, limit: int) -> Sequence[News]:
        """Return of each server the first news that its log channel has not seen, oldest first."""
        return await self._database.read(lambda connection: unsent(connection, limit=limit))

    async def mark_sent(self, news: News, *, now: datetime) -> None:
        """Note that news were posted, or that there is nowhere to post them any more."""
        await self._database.write(lambda connection: mark_sent(connection, news.number, at=now))


def block_of(
    connection: sqlite3.Connection, guild_id: int, user_id: int, *, now: datetime
) -> Block | None:
    """Return the block that keeps a member out now, if there is one.

    A deletion of their data ends none: a code stands for them then.
    """
    code = code_of(connection, guild_id, user_id)
    values = {"guild_id": guild_id, "user_id": user_id, "code": code}
    row = connection.execute(_BLOCK_OF, values).fetchone()
    block = None if row is None else _to_block(row)
    return None if block is None or block.is_over(now) else block


_ALL_SETTINGS = """
SELECT guild_id, channels, log_channel_id, default_provider, default_model, moderator_permission,
    moderator_roles, retention_days
FROM guild ORDER BY guild_id
"""

_SETTINGS_OF = """
SELECT guild_id, channels, log_channel_id, default_provider, default_model, moderator_permission,
    moderator_roles, retention_days
FROM guild WHERE guild_id = ?
"""

_SAVE_SETTINGS = """
INSERT INTO guild (
    guild_id, channels, log_channel_id, default_provider, default_model, moderator_permission,
    moderator_roles, retention_days
) VALUES (
    :guild_id, :channels, :log_channel_id, :default_provider, :default_model,
    :moderator_permission, :moderator_roles, :retention_days
) ON CONFLICT (guild_id) DO UPDATE SET
    channels = excluded.channels, log_channel_id = excluded.log_channel_id,
    default_provider = excluded.default_provider, default_model = excluded.default_model,
    moderator_permission = excluded.moderator_permission,
    moderator_roles = excluded.moderator_roles, retention_days = excluded.retention_days
"""

_SAVE_BLOCK = """
INSERT INTO block (guild_id, user_id, reason, by_user_id, created_at, expires_at)
VALUES (:guild_id, :user_id, :reason, :by_user_id, :created_at, :expires_at)
ON CONFLICT (guild_id, user_id) DO UPDATE SET
    reason = excluded.reason, by_user_id = excluded.by_user_id,
    created_at = excluded.created_at, expires_at = excluded.expires_at
"""

_BLOCK_OF = """
SELECT guild_id, user_id, reason, by_user_id, created_at, expires_at
FROM block WHERE guild_id = :guild_id AND user_id = :user_id
UNION ALL
SELECT guild_id, :user_id, reason, by_user_id, created_at, expires_at
FROM shut_out WHERE guild_id = :guild_id AND code = :code
LIMIT 1
"""

_BLOCKS = """
SELECT guild_id, user_id, reason, by_user_id, created_at, expires_at
FROM block WHERE guild_id = :guild_id AND (expires_at IS NULL OR expires_at > :now)
ORDER BY created_at DESC, user_id
"""


def _let_in(connection: sqlite3.Connection, guild_id: int, user_id: int) -> None:
    connection.execute("DELETE FROM block WHERE guild_id = ? AND user_id = ?", (guild_id, user_id))
    connection.execute(
        "DELETE FROM shut_out WHERE guild_id = ? AND code = ?",
        (guild_id, code_of(connection, guild_id, user_id)),
    )


def _settings_of(connection: sqlite3.Connection, guild_id: int) -> GuildSettings:
    row = connection.execute(_SETTINGS_OF, (guild_id,)).fetchone()
    return GuildSettings(guild_id=guild_id) if row is None else _to_settings(row)


def _changes(
    before: GuildSettings, after: GuildSettings
) -> tuple[Mapping[str, str], Mapping[str, str]]:
    """Return what is different, before and after, in words."""
    old, new = before.words(), after.words()
    names = [name for name in new if old[name] != new[name]]
    return {name: old[name] for name in names}, {name: new[name] for name in names}


def _settings_columns(settings: GuildSettings) -> Mapping[str, object]:
    return {
        "guild_id": settings.guild_id,
        "channels": json.dumps(sorted(settings.channels)),
        "log_channel_id": settings.log_channel_id,
        "default_provider": settings.default_provider,
        "default_model": settings.default_model,
        "moderator_permission": settings.moderator_permission.value,
        "moderator_roles": json.dumps(sorted(settings.moderator_roles)),
        "retention_days": settings.retention_days,
    }


def _to_settings(row: sqlite3.Row) -> GuildSettings:
    return GuildSettings(
        guild_id=row["guild_id"],
        channels=frozenset(json.loads(row["channels"])),
        log_channel_id=row["log_channel_id"],
        default_provider=_provider(row["default_provider"]),
        default_model=row["default_model"],
        moderator_permission=ModeratorPermission(row["moderator_permission"]),
        moderator_roles=frozenset(json.loads(row["moderator_roles"])),
        retention_days=row["retention_days"],
    )


def _provider(name: str | None) -> ProviderName | None:
    """Read a provider's name; one that Flipbook no longer has is as good as none."""
    with suppress(ValueError):
        return None if name is None else ProviderName(name)
    return None


def _block_columns(block: Block) -> Mapping[str, object]:
    return {
        "guild_id": block.guild_id,
        "user_id": block.user_id,
        "reason": block.reason,
        "by_user_id": block.by_user_id,
        "created_at": to_micros(block.created_at),
        "expires_at": to_micros_or_none(block.expires_at),
    }


def _to_block(row: sqlite3.Row) -> Block:
    return Block(
        guild_id=row["guild_id"],
        user_id=row["user_id"],
        reason=row["reason"],
        by_user_id=row["by_user_id"],
        created_at=from_micros(row["created_at"]),
        expires_at=from_micros_or_none(row["expires_at"]),
    )


def _block_words(block: Block) -> Mapping[str, str]:
    expires_at = block.expires_at
    until = "somebody lifts it" if expires_at is None else f"<t:{int(expires_at.timestamp())}:f>"
    return {"reason": block.reason, "until": until}
