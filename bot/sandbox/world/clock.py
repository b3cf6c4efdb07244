"""The sandbox's own time, because tests must be able to let fifteen minutes pass at once."""

from datetime import UTC, datetime, timedelta


class SandboxClock:
    """Real UTC time plus an offset; the sandbox's only reader of real time."""

    def __init__(self) -> None:
        self._offset = timedelta()

    def now(self) -> datetime:
        """Tell the sandbox's present moment, in UTC."""
        real = datetime.now(UTC)  # noqa: TID251 -- the sandbox is a world of its own with one clock
        return real + self._offset

    def advance(self, seconds: float) -> None:
        """Let time pass without waiting for it."""
        self._offset += timedelta(seconds=seconds)
