"""The only real clock; everything else is given one, so that tests can turn it."""

import asyncio
from datetime import UTC, datetime


class SystemClock:
    """Time as the machine tells it (the `Clock` port)."""

    def now(self) -> datetime:
        """Return the time, aware and in UTC."""
        return datetime.now(UTC)  # noqa: TID251 - this is the one place

    async def sleep(self, seconds: float) -> None:
        """Wait for real."""
        await asyncio.sleep(max(0.0, seconds))
