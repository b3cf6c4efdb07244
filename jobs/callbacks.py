"""Webhooks that Flipbook sends: what is told to whom, and when it is tried again.

Novita, whose protocol is served, promises "up to five retries" (docs, "Webhook"). They are spread
over three quarters of an hour: longer than a receiver's restart takes, and shorter than an hour,
which is how long the link in its message works.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol
from urllib.parse import urlsplit

from jobs.model import JobId

DELAYS_S = (5.0, 30.0, 120.0, 600.0, 1800.0)  # before each retry


@dataclass(frozen=True, slots=True, kw_only=True)
class Callback:
    """One message to one receiver.

    Attributes:
        number: The order in which they were written.
        message_id: The same for every try.
        job_id: Whose end it tells; None for a mock event.
        body: JSON, the same for every try.
        tries: How many were begun.
    """

    number: int
    message_id: str
    job_id: JobId | None
    url: str
    body: str
    tries: int = 0

    @property
    def host(self) -> str:
        """The receiver; one is told one thing at a time."""
        return host_of(self.url)

    @property
    def is_spent(self) -> bool:
        """All tries were begun."""
        return self.tries > len(DELAYS_S)


def host_of(url: str) -> str:
    """Return the host and port of an address as it was written; empty if it is no address."""
    try:
        return urlsplit(url).netloc.rpartition("@")[2].lower()
    except ValueError:
        return ""


class Outbox(Protocol):
    """The table of callbacks."""

    async def add(
        self, url: str, body: str, *, message_id: str, job_id: JobId | None, now: datetime
    ) -> bool:
        """Write down what is to be told.

        Returns:
            False if the end of that job stands there already, or too many mock events do.
        """
        ...

    async def due(self, *, now: datetime, limit: int) -> Sequence[Callback]:
        """Return what is due: of each receiver one, those that waited longest first."""
        ...

    async def next_due_at(self, *, after: datetime) -> datetime | None:
        """Return when something becomes due after a time; None if nothing does."""
        ...

    async def begin(self, callback: Callback, *, due_at: datetime) -> bool:
        """Count a try before it is made; False if somebody else did.

        Args:
            callback: As it was due.
            due_at: When it is due again if nobody ever says how this try ended.
        """
        ...

    async def end(self, callback: Callback, outcome: str, *, due_at: datetime | None) -> None:
        """Note how a try ended; without `due_at` it was the last one."""
        ...
