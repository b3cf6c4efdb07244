"""What a server made and spent, and a picture of it."""

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from typing import Protocol

from jobs.moderation.acts import Act
from jobs.usage.days import DayOfUse, JobRow, Usage


class UsageStore(Protocol):
    """What a server made and spent; each call reads one day or one page, so nobody waits long."""

    async def day(self, guild_id: int, day: date) -> DayOfUse:
        """Return what ended in a server on a day in UTC."""
        ...

    async def waiting(self, guild_id: int) -> int:
        """Return how many jobs of a server are open."""
        ...

    async def open_rows(
        self, guild_id: int, *, limit: int, with_prompts: bool = False
    ) -> Sequence[JobRow]:
        """Return a server's open jobs, newest first."""
        ...

    async def ended_rows(
        self,
        guild_id: int,
        *,
        since: datetime,
        before: tuple[datetime, int],
        limit: int,
        with_prompts: bool = False,
    ) -> Sequence[JobRow]:
        """Return a server's jobs by their end, newest first.

        Args:
            guild_id: The server.
            since: Only those that ended then or later.
            before: Only those before this end and number, to page on.
            limit: At most so many.
            with_prompts: Also what was asked.
        """
        ...

    async def note_export(self, act: Act, *, told: Mapping[str, str]) -> None:
        """Keep in the audit that a moderator took a list of jobs along.

        Args:
            act: Who did it, and when.
            told: What the list holds, by name, in words.
        """
        ...


class Plotter(Protocol):
    """Draws what was made and spent."""

    async def draw(self, usage: Usage) -> bytes:
        """Return a PNG.

        Raises:
            PlotError: It cannot be drawn here.
        """
        ...
