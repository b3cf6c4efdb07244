"""What a server made and spent, read in small pieces by the reader's connection.

A day, or a page of a list, is one short read of the partial index of ended jobs, so moderators of
a large server keep nobody waiting for the database.
"""

import sqlite3
from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

from pydantic import TypeAdapter

from jobs.moderation.acts import Act
from jobs.prompts import write_prompt
from jobs.request import Segment
from jobs.states import JobState
from jobs.usage.days import DayOfUse, JobRow
from storage.database import Database
from storage.moderation.audit import append_act
from storage.times import from_micros, from_micros_or_none, to_micros

_MICROS_PER_S = 1_000_000
_SEGMENTS = TypeAdapter(tuple[Segment, ...])

ENDED = """
FROM job INDEXED BY job_ended_guild
WHERE ended_at IS NOT NULL AND guild_id = :guild_id AND ended_at >= :start AND ended_at < :end
"""

# The books know what counts; what a provider made may have cost money although it does not.
_COUNTED = "EXISTS (SELECT 1 FROM reservation WHERE job_id = job.id AND state = 'commit')"

TOTALS = f"""
SELECT backend, currency, SUM(state = 'done') AS videos, SUM(state = 'cancelled') AS cancelled,
    SUM(CASE WHEN state = 'done' THEN json_extract(artifact, '$.duration_s') END) AS seconds,
    SUM(CASE WHEN price_micros > 0 AND (rendered_at IS NOT NULL OR {_COUNTED})
        THEN price_micros ELSE 0 END) AS spent
{ENDED} GROUP BY backend, currency
"""

WAITS = f"""
SELECT max(started_at - created_at, 0) / {_MICROS_PER_S} AS waited_s, COUNT(*) AS videos
{ENDED} AND started_at IS NOT NULL GROUP BY waited_s
"""

FAILURES = f"""
SELECT coalesce(json_extract(failure, '$.code'), '') AS code, COUNT(*) AS videos
{ENDED} AND state IN ('failed', 'undelivered') GROUP BY code
"""

MEMBERS = f"""
SELECT user_id, COUNT(*) AS videos {ENDED} AND state = 'done' GROUP BY user_id
"""

WAITING = """
SELECT COUNT(*) AS waiting FROM job INDEXED BY job_open
WHERE ended_at IS NULL AND guild_id = :guild_id
"""

_COLUMNS = f"""
SELECT number, id, created_at, user_id, backend, state, started_at, rendered_at, ended_at,
    price_micros, currency, {_COUNTED} AS counted,
    json_extract(request, '$.model') AS model, json_extract(request, '$.frames') AS frames,
    json_extract(request, '$.width') AS width, json_extract(request, '$.height') AS height,
    json_extract(request, '$.steps') AS steps, json_extract(artifact, '$.duration_s') AS seconds,
    CASE WHEN :with_prompts THEN json_extract(asked, '$.segments') END AS segments
"""

OPEN_ROWS = f"""
{_COLUMNS} FROM job INDEXED BY job_open
WHERE ended_at IS NULL AND guild_id = :guild_id ORDER BY number DESC LIMIT :limit
"""

ENDED_ROWS = f"""
{_COLUMNS} FROM job INDEXED BY job_ended_guild
WHERE ended_at IS NOT NULL AND guild_id = :guild_id AND ended_at >= :since
    AND (ended_at, number) < (:end, :number)
ORDER BY ended_at DESC, number DESC LIMIT :limit
"""


class SqliteUsageStore:
    """The `UsageStore` of the SQLite file; each method is told in `jobs.ports`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def day(self, guild_id: int, day: date) -> DayOfUse:
        """Return what ended in a server on a day in UTC."""
        start = datetime.combine(day, time(), tzinfo=UTC)
        values = {
            "guild_id": guild_id,
            "start": to_micros(start),
            "end": to_micros(start + timedelta(days=1)),
        }
        return await self._database.read(lambda connection: _day(connection, day, values))

    async def waiting(self, guild_id: int) -> int:
        """Return how many jobs of a server are open."""

        def work(connection: sqlite3.Connection) -> int:
            return connection.execute(WAITING, {"guild_id": guild_id}).fetchone()["waiting"]

        return await self._database.read(work)

    async def open_rows(
        self, guild_id: int, *, limit: int, with_prompts: bool = False
    ) -> Sequence[JobRow]:
        """Return a server's open jobs, newest first."""
        values = {"guild_id": guild_id, "limit": limit, "with_prompts": with_prompts}
        return await self._rows(OPEN_ROWS, values)

    async def ended_rows(
        self,
        guild_id: int,
        *,
        since: datetime,
        before: tuple[datetime, int],
        limit: int,
        with_prompts: bool = False,
    ) -> Sequence[JobRow]:
        """Return a server's jobs by their end, newest first."""
        end, number = before
        values = {
            "guild_id": guild_id,
            "since": to_micros(since),
            "end": to_micros(end),
            "number": number,
            "limit": limit,
            "with_prompts": with_prompts,
        }
        return await self._rows(ENDED_ROWS, values)

    async def note_export(self, act: Act, *, told: Mapping[str, str]) -> None:
        """Keep in the audit that a moderator took a list of jobs along."""
        await self._database.write(
            lambda connection: append_act(connection, act, before={}, after=told)
        )

    async def _rows(self, query: str, values: Mapping[str, object]) -> Sequence[JobRow]:
        return await self._database.read(
            lambda connection: [_to_row(row) for row in connection.execute(query, values)]
        )


def _day(connection: sqlite3.Connection, day: date, values: Mapping[str, object]) -> DayOfUse:
    totals = connection.execute(TOTALS, values).fetchall()

    def counted(query: str, key: str) -> dict[Any, int]:  # an id, a code or a number of seconds
        return {row[key]: row["videos"] for row in connection.execute(query, values)}

    return DayOfUse(
        day=day,
        videos=sum(row["videos"] for row in totals),
        video_ms=round(1000 * sum(row["seconds"] or 0 for row in totals)),
        money={(row["backend"], row["currency"]): row["spent"] for row in totals if row["spent"]},
        waits=counted(WAITS, "waited_s"),
        failures=counted(FAILURES, "code"),
        cancelled=sum(row["cancelled"] for row in totals),
        members=counted(MEMBERS, "user_id"),
    )


def _to_row(row: sqlite3.Row) -> JobRow:
    created, started, rendered = row["created_at"], row["started_at"], row["rendered_at"]
    return JobRow(
        number=row["number"],
        id=row["id"],
        asked_at=from_micros(created),
        ended_at=from_micros_or_none(row["ended_at"]),
        member_id=row["user_id"],
        provider=row["backend"],
        model=row["model"],
        state=JobState(row["state"]),
        video_ms=None if row["seconds"] is None else round(1000 * row["seconds"]),
        frames=row["frames"],
        width=row["width"],
        height=row["height"],
        steps=row["steps"],
        price_micros=row["price_micros"],
        currency=row["currency"],
        waited_s=_span_s(created, started),
        rendered_s=_span_s(started, rendered),
        counted=None if row["ended_at"] is None else bool(row["counted"]),
        prompt=None if row["segments"] is None else _prompt(row["segments"]),
    )


def _span_s(start: int | None, end: int | None) -> float | None:
    return None if start is None or end is None else max(end - start, 0) / _MICROS_PER_S


def _prompt(segments: str) -> str:
    return write_prompt(_SEGMENTS.validate_json(segments))
