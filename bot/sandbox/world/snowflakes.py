"""Makes Discord ids, because clients read the time of creation back out of them.

Source: Discord's reference, "Snowflakes": 42 bits of milliseconds since the first second of 2015.
"""

from datetime import UTC, datetime, timedelta

from bot.sandbox.world.clock import SandboxClock

DISCORD_EPOCH = datetime(2015, 1, 1, tzinfo=UTC)


class Snowflakes:
    """Hands out ids that grow and that carry the sandbox's time."""

    def __init__(self, clock: SandboxClock) -> None:
        self._clock = clock
        self._last = 0

    def new(self) -> str:
        """Make an id that is larger than every one before it."""
        elapsed_ms = (self._clock.now() - DISCORD_EPOCH) // timedelta(milliseconds=1)
        self._last = max(elapsed_ms << 22, self._last + 1)
        return str(self._last)
