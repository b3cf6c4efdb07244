"""API keys: who may use the HTTP door, and how often.

A key is shown once, when it is made; what is kept is its SHA-256. It is 256 random bits, so no
slower hash is needed: there is nothing to guess.
"""

import hashlib
import re
from dataclasses import dataclass
from datetime import datetime

PREFIX = "fb_"
KEY = re.compile(PREFIX + r"[A-Za-z0-9_-]{43}")  # 32 bytes in URL-safe base64
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")


@dataclass(frozen=True, slots=True, kw_only=True)
class ApiKey:
    """What is known of a key.

    Attributes:
        name: The operator's word for it.
        requests_per_minute: How often it may ask for anything; None is as often as the operator
            lets keys ask that have no number of their own.
        revoked_at: Since when it opens nothing any more.
    """

    id: int
    name: str
    created_at: datetime
    requests_per_minute: int | None = None
    revoked_at: datetime | None = None


def digest_of(key: str) -> str:
    """Return what is kept of a key."""
    return hashlib.sha256(key.encode()).hexdigest()
