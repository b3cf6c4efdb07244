"""What waits to be told in servers' log channels, kept in the transaction of what it tells of."""

import sqlite3
from collections.abc import Sequence
from datetime import datetime

from jobs.moderation.guilds import News
from storage.times import to_micros

# The first of each server only: one whose channel takes nothing just now holds up no other.
_UNSENT = """
SELECT guild_news.number, guild_news.guild_id, guild_news.text, guild_news.key,
    guild.log_channel_id
FROM guild_news JOIN guild ON guild.guild_id = guild_news.guild_id
WHERE guild.log_channel_id IS NOT NULL AND guild_news.number IN (
    SELECT MIN(number) FROM guild_news INDEXED BY guild_news_unsent
    WHERE sent_at IS NULL GROUP BY guild_id
)
ORDER BY guild_news.number LIMIT ?
"""


def news_into(
    connection: sqlite3.Connection, guild_id: int, key: str, text: str, *, at: datetime
) -> bool:
    """Keep news for a server's log channel.

    Args:
        connection: In the transaction of what the news tell of.
        guild_id: The server.
        key: What they are about; the same is never told twice.
        text: In Discord's markdown; what people wrote is made harmless before.
        at: When it happened.

    Returns:
        False if the server has no log channel, or knows that key.
    """
    inserted = connection.execute(
        """
        INSERT INTO guild_news (guild_id, at, key, text)
        SELECT guild_id, :at, :key, :text FROM guild
        WHERE guild_id = :guild_id AND log_channel_id IS NOT NULL
        ON CONFLICT (guild_id, key) DO NOTHING
        """,
        {"guild_id": guild_id, "at": to_micros(at), "key": key, "text": text},
    )
    return inserted.rowcount == 1


def unsent(connection: sqlite3.Connection, *, limit: int) -> Sequence[News]:
    """Return of each server the first news that its log channel has not seen, oldest first."""
    return [
        News(
            number=row["number"],
            guild_id=row["guild_id"],
            channel_id=row["log_channel_id"],
            text=row["text"],
            key=row["key"],
        )
        for row in connection.execute(_UNSENT, (limit,))
    ]


def mark_sent(connection: sqlite3.Connection, number: int, *, at: datetime) -> None:
    """Note that news are posted."""
    connection.execute(
        "UPDATE guild_news SET sent_at = ? WHERE number = ? AND sent_at IS NULL",
        (to_micros(at), number),
    )


def drop_unsent(connection: sqlite3.Connection, guild_id: int, *, at: datetime) -> None:
    """Give up what a server has not seen: a log channel that is set later starts afresh."""
    connection.execute(
        "UPDATE guild_news SET sent_at = ? WHERE guild_id = ? AND sent_at IS NULL",
        (to_micros(at), guild_id),
    )
