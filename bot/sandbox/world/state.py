"""What the stand-in Discord remembers, and how others hear that it has changed.

Every change that Discord would announce on the gateway goes out through `announce`; every change at
all wakes those who wait.
"""

from collections.abc import Callable

from bot.sandbox.json_types import JsonObject
from bot.sandbox.world.accounts import User
from bot.sandbox.world.assumptions import Assumptions
from bot.sandbox.world.changes import Changes
from bot.sandbox.world.clock import SandboxClock
from bot.sandbox.world.entities import Channel, Guild, Message
from bot.sandbox.world.files import Attachment
from bot.sandbox.world.interaction import Interaction
from bot.sandbox.world.links import CdnLinks
from bot.sandbox.world.payloads import Payloads
from bot.sandbox.world.snowflakes import Snowflakes

Announce = Callable[[str, JsonObject], None]


class State:
    """Everything that persists while bots come and go; changes are announced."""

    def __init__(self, *, clock: SandboxClock) -> None:
        self.clock = clock
        self.assumptions = Assumptions()
        self.changes = Changes()
        self.snowflakes = Snowflakes(clock)
        self.links = CdnLinks(clock)
        self.bot = User(id=self.snowflakes.new(), name="flipbook", is_bot=True)
        self.owner = User(id=self.snowflakes.new(), name="operator")
        self.payloads = Payloads(bot=self.bot, links=self.links)
        self.users: dict[str, User] = {self.bot.id: self.bot, self.owner.id: self.owner}
        self.guilds: dict[str, Guild] = {}
        self.left_guilds: dict[str, Guild] = {}
        self.direct_channels: dict[str, Channel] = {}
        self.channels: dict[str, Channel] = {}
        self.messages: dict[str, Message] = {}
        self.files: dict[str, Attachment] = {}
        self.interactions: dict[str, Interaction] = {}
        self.commands: dict[str | None, dict[str, JsonObject]] = {}
        self._listeners: list[Announce] = []

    def listen(self, listener: Announce) -> None:
        """Have every gateway event handed to `listener` as name and payload."""
        self._listeners.append(listener)

    def announce(self, event: str, payload: JsonObject) -> None:
        """Send a gateway event and wake those who wait."""
        for listener in self._listeners:
            listener(event, payload)
        self.changes.notify()
