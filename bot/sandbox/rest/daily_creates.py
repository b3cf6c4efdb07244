"""Counts the commands that are new: Discord takes 200 a day for each guild, and for the global set.

Source: Discord's "Application Commands": "There is a global rate limit of 200 application command
creates per day, per guild". The status of the refusal is observed (Rapptz/discord.py#9439), and so
that a new name counts, not a changed command (documented for the bulk overwrite only).
"""

from datetime import datetime, timedelta

from bot.sandbox.errors import ApiError, Problem
from bot.sandbox.world.clock import SandboxClock

DAILY_CREATES = 200
DAY = timedelta(hours=24)
"""Which hours make a day is not documented; here it is the last 24."""


class DailyCreates:
    """The creations of each set of commands: a guild's, or (None) the global one."""

    def __init__(self, clock: SandboxClock) -> None:
        self._clock = clock
        self._created: dict[str | None, list[datetime]] = {}

    def add(self, scope: str | None, number: int) -> None:
        """Count commands that are about to be created.

        Raises:
            ApiError: 30034; they would be too many, and none of them counts.
        """
        now = self._clock.now()
        recent = [moment for moment in self._created.get(scope, []) if moment > now - DAY]
        if number and len(recent) + number > DAILY_CREATES:
            raise ApiError(Problem.TOO_MANY_COMMAND_CREATES)
        self._created[scope] = recent + [now] * number
