"""The keys of callers over HTTP, and single values that outlive the process."""

from collections.abc import Sequence
from datetime import datetime
from typing import Protocol

from jobs.keys import ApiKey


class KeyStore(Protocol):
    """API keys; other processes may add and revoke them while the bot runs."""

    async def add_key(
        self, name: str, digest: str, *, requests_per_minute: int | None, now: datetime
    ) -> ApiKey:
        """Keep a new key.

        Raises:
            RequestError: There is one of that name.
        """
        ...

    async def key_of(self, digest: str) -> ApiKey | None:
        """Return the key of a digest, unless it was revoked."""
        ...

    async def keys(self) -> Sequence[ApiKey]:
        """Return all keys that were ever made, in order."""
        ...

    async def revoke_key(self, name: str, *, now: datetime) -> ApiKey:
        """Close the door to a key for good.

        Raises:
            NotFoundError: There is none of that name.
        """
        ...


class ValueStore(Protocol):
    """Single durable values, such as the hash of the commands last synced."""

    async def get_value(self, name: str) -> str | None:
        """Return a value, or None if it was never set."""
        ...

    async def set_value(self, name: str, value: str) -> None:
        """Set a value."""
        ...
