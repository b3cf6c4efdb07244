"""What outlives a connection: the numbered events of one session, to be replayed on RESUME.

Source: Discord's "Gateway", Resuming and Sharding.
"""

import json
from collections import deque
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import islice

from bot.sandbox.gateway.connection import Connection
from bot.sandbox.gateway.handshake import Identity
from bot.sandbox.gateway.intents import is_wanted, limited
from bot.sandbox.gateway.opcodes import Op
from bot.sandbox.json_types import JsonObject

LIFE = timedelta(minutes=3)
"""How long a session without a connection can be resumed: Discord says "a few minutes"."""

KEPT = 10_000
"""How many events are kept for a RESUME; ours, Discord does not tell its number."""

ABOUT_GUILDS = frozenset({"GUILD_CREATE", "GUILD_UPDATE", "GUILD_DELETE"})


@dataclass(slots=True, eq=False, kw_only=True)
class Session:
    """The events that one identified client is told, heard or not."""

    id: str
    identity: Identity
    bot_id: str
    connection: Connection | None
    left_at: datetime | None = None
    sequence: int = 0
    frames: deque[str] = field(default_factory=lambda: deque(maxlen=KEPT))

    def offer(self, event: str, data: JsonObject) -> None:
        """Dispatch an event if it concerns this session's shard and intents."""
        is_ours = self.identity.holds(_guild_of(event, data))
        if is_ours and is_wanted(event, data, self.identity.intents, self.bot_id):
            self.dispatch(event, limited(event, data, self.identity.intents, self.bot_id))

    def dispatch(self, event: str, data: JsonObject) -> None:
        """Number an event, keep it, and send it if somebody listens."""
        self.sequence += 1
        frame = json.dumps({"op": int(Op.DISPATCH), "d": data, "s": self.sequence, "t": event})
        self.frames.append(frame)
        if self.connection is not None:
            self.connection.send_text(frame)

    def resume(self, connection: Connection, seq: int) -> None:
        """Send what came after `seq` on a new connection, then RESUMED."""
        self.connection, self.left_at = connection, None
        for frame in islice(self.frames, seq - self._forgotten, None):
            connection.send_text(frame)
        self.dispatch("RESUMED", {})

    @property
    def _forgotten(self) -> int:
        return self.sequence - len(self.frames)

    def can_replay(self, seq: int) -> bool:
        """Whether all that came after `seq` is still there."""
        return seq >= self._forgotten

    def is_over(self, now: datetime) -> bool:
        """Whether it was left for too long to be resumed."""
        return self.left_at is not None and now > self.left_at + LIFE


def _guild_of(event: str, data: JsonObject) -> str | None:
    return data.get("id") if event in ABOUT_GUILDS else data.get("guild_id")
