"""The drawer "Sandbox": lets time pass and lets Discord fail, to see what the bot makes of it."""

from collections.abc import Awaitable, Callable, Mapping

from bot.sandbox.errors import SandboxError
from bot.sandbox.json_types import JsonObject
from bot.sandbox.rest.faults import Fault, Faults
from bot.sandbox.rest.interactions import CALLBACK, ORIGINAL
from bot.sandbox.rest.messages import CHANNEL_MESSAGES
from bot.sandbox.world.accounts import User
from bot.sandbox.world.world import World

PLACES: Mapping[str, tuple[str, str]] = {
    "post": ("POST", CHANNEL_MESSAGES),
    "edit": ("PATCH", ORIGINAL),
    "acknowledge": ("POST", CALLBACK),
}
FAULTS: Mapping[str, Callable[[], Fault]] = {
    "429": lambda: Fault.rate_limit(2.0),
    "502": lambda: Fault.instead(502),
    "502-after": lambda: Fault.after(502),
}
LONGEST_S = 24 * 3600


class Controls:
    """What the drawer's buttons do."""

    def __init__(
        self, *, world: World, faults: Faults, drop_gateway: Callable[[], Awaitable[None]]
    ) -> None:
        self._world = world
        self._faults = faults
        self._drop_gateway = drop_gateway

    async def advance(self, _: User, asked: JsonObject) -> JsonObject:
        """Let time pass on the sandbox's clock.

        Raises:
            SandboxError: It is no time, or more than a day.
        """
        seconds = asked.get("seconds")
        if not isinstance(seconds, int) or not 0 < seconds <= LONGEST_S:
            raise SandboxError("Time passes by one second to one day.")
        self._world.clock.advance(seconds)
        self._world.changes.notify()
        return {}

    async def drop(self, _: User, __: JsonObject) -> JsonObject:
        """Cut the bot's connection to the gateway; it comes back by itself."""
        await self._drop_gateway()
        return {}

    async def fault(self, _: User, asked: JsonObject) -> JsonObject:
        """Let the next request of a kind fail.

        Raises:
            SandboxError: There is no such kind, or no such trouble.
        """
        place, fault = PLACES.get(str(asked.get("place"))), FAULTS.get(str(asked.get("fault")))
        if place is None or fault is None:
            raise SandboxError("There is no such trouble.")
        self._faults.add(*place, fault())
        return {}
