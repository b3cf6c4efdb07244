"""How moderators look at what was made and spent: as numbers with a picture, and as a file.

Everything is read day by day and page by page, so that nobody else waits for the database.
"""

import asyncio
import logging
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta

from jobs.errors import PlotError, RequestError
from jobs.events import Notices
from jobs.model import Requester
from jobs.moderation.acts import Act, ActKind
from jobs.ports import Clock, Plotter, UsageStore
from jobs.usage.csv_file import UsageFile
from jobs.usage.days import MAX_DAYS, JobRow, Usage, days_until

logger = logging.getLogger(__name__)

PERIODS = (7, 30, 90)
PAGE_ROWS = 500
MAX_OPEN_ROWS = 10_000  # far more than wait anywhere
MAX_FILE_BYTES = 9 * 1024**2  # Discord takes 10 MiB everywhere
DISCORDS_FIRST_YEAR = 2015


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """What a server made and spent.

    Attributes:
        picture: A PNG; None if nothing happened, or none can be drawn.
        trouble: Why there is no picture although something happened; otherwise empty.
    """

    usage: Usage
    picture: bytes | None = None
    trouble: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Export:
    """A list of jobs as a file.

    Attributes:
        left_out: The end of the newest job for which there was no room; None if all are there.
    """

    first: date
    last: date
    content: bytes
    rows: int
    with_prompts: bool
    left_out: datetime | None = None

    @property
    def name(self) -> str:
        """What the file is called."""
        return f"flipbook-{self.first}-to-{self.last}.csv"


class Spending:
    """The moderators' way to the numbers; every call is held to their server."""

    def __init__(
        self, *, store: UsageStore, plotter: Plotter, notices: Notices, clock: Clock
    ) -> None:
        self._store = store
        self._plotter = plotter
        self._notices = notices
        self._clock = clock

    async def report(self, guild_id: int, days: int) -> Report:
        """Return a server's last days with a picture of them; today is the last one.

        Raises:
            RequestError: It is not one of the periods.
        """
        if days not in PERIODS:
            raise RequestError("`days` must be 7, 30 or 90.", field="days")
        found = [await self._store.day(guild_id, day) for day in days_until(self._today(), days)]
        usage = Usage(days=tuple(found), waiting=await self._store.waiting(guild_id))
        if usage.is_empty:
            return Report(usage=usage)
        try:
            return Report(usage=usage, picture=await self._plotter.draw(usage))
        except PlotError as error:
            logger.warning("Nothing drawn: %s", error, extra={"action": "plot_failed"})
            return Report(usage=usage, trouble=error.user_message)

    async def export(
        self, by: Requester, *, days: int, until: str = "", with_prompts: bool = False
    ) -> Export:
        """Return a server's jobs of some days as a file, newest first; it is an act.

        Args:
            by: The moderator.
            days: How many.
            until: The last day, such as `2026-11-30`; empty is today.
            with_prompts: Also what was asked.

        Raises:
            RequestError: It is no number of days, or no day.
        """
        if not 1 <= days <= MAX_DAYS:
            raise RequestError(f"`days` must be between 1 and {MAX_DAYS}.", field="days")
        last = self._read_day(until)
        first = last - timedelta(days=days - 1)
        file = UsageFile(with_prompts=with_prompts, max_bytes=MAX_FILE_BYTES)
        left_out: datetime | None = None
        async with aclosing(
            self._pages(by.guild_id, first, last, with_prompts=with_prompts)
        ) as pages:
            async for page in pages:
                # Cleaning up long prompts takes its time, which the bot has better use for.
                no_room = await asyncio.to_thread(file.add, page)
                if no_room is not None:
                    left_out = no_room.ended_at or self._clock.now()
                    break
        export = Export(
            first=first,
            last=last,
            content=file.content,
            rows=file.rows,
            with_prompts=with_prompts,
            left_out=left_out,
        )
        await self._note(by, export)
        return export

    async def _pages(
        self, guild_id: int, first: date, last: date, *, with_prompts: bool
    ) -> AsyncGenerator[Sequence[JobRow]]:
        """Yield the open jobs, if today is asked for, and then those that ended; each once."""
        is_open: Sequence[JobRow] = []
        if last == self._today():
            is_open = await self._store.open_rows(
                guild_id, limit=MAX_OPEN_ROWS, with_prompts=with_prompts
            )
            yield is_open
        seen = {row.id for row in is_open}  # one of them may end between the two looks
        since = _midnight(first)
        before = (_midnight(last + timedelta(days=1)), -1)
        while page := await self._store.ended_rows(
            guild_id, since=since, before=before, limit=PAGE_ROWS, with_prompts=with_prompts
        ):
            yield [row for row in page if row.id not in seen]
            before = (page[-1].ended_at or since, page[-1].number)

    def _read_day(self, text: str) -> date:
        """Read the last day; one that has not begun is a mistake."""
        if not text:
            return self._today()
        try:
            day = date.fromisoformat(text.strip())
        except ValueError as error:
            raise _no_day() from error
        if day.year < DISCORDS_FIRST_YEAR or day > self._today():
            raise _no_day()
        return day

    async def _note(self, by: Requester, export: Export) -> None:
        act = Act(
            guild_id=by.guild_id,
            actor_id=by.user_id,
            kind=ActKind.USAGE_EXPORT,
            target="server",
            at=self._clock.now(),
        )
        told = {
            "days": f"{export.first} to {export.last}",
            "rows": str(export.rows),
            "prompts": "yes" if export.with_prompts else "no",
        }
        await self._store.note_export(act, told=told)
        self._notices.news_added()

    def _today(self) -> date:
        return self._clock.now().astimezone(UTC).date()


def _midnight(day: date) -> datetime:
    return datetime.combine(day, time(), tzinfo=UTC)


def _no_day() -> RequestError:
    return RequestError(
        "`until` must be a day that has begun, such as `2026-11-30`.", field="until"
    )
