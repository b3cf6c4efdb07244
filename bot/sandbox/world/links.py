"""Signs links to files as Discord's CDN does: they run out, so nobody may keep them.

Source: Discord's reference, "Signed Attachment CDN URLs" (`ex`, `is`, `hm`).
"""

import hashlib
import hmac
import secrets
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from urllib.parse import urlencode

from bot.sandbox.hosts import CDN_HOST
from bot.sandbox.world.clock import SandboxClock

LIFE = timedelta(hours=24)


class CdnLinks:
    """Makes signed links and checks them."""

    def __init__(self, clock: SandboxClock) -> None:
        self._clock = clock
        self._key = secrets.token_bytes(16)

    def sign(self, path: str, host: str = CDN_HOST) -> str:
        """Make a link to `path` that works for a day."""
        issued = self._clock.now()
        ex, is_ = _hex(issued + LIFE), _hex(issued)
        query = urlencode({"ex": ex, "is": is_, "hm": self._signature(path, ex, is_)})
        return f"https://{host}{path}?{query}&"

    def is_valid(self, path: str, query: Mapping[str, str]) -> bool:
        """Tell whether a link is one of ours and has not run out."""
        ex, is_ = query.get("ex", ""), query.get("is", "")
        given = query.get("hm", "").encode()
        if not hmac.compare_digest(given, self._signature(path, ex, is_).encode()):
            return False
        return datetime.fromtimestamp(int(ex, 16), UTC) > self._clock.now()

    def _signature(self, path: str, ex: str, is_: str) -> str:
        message = f"{path}|{ex}|{is_}".encode()
        return hmac.new(self._key, message, hashlib.sha256).hexdigest()


def _hex(moment: datetime) -> str:
    return f"{int(moment.timestamp()):x}"
