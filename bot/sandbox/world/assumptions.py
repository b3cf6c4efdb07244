"""What Discord leaves open and the sandbox had to decide; a test may decide otherwise."""

from dataclasses import dataclass

from bot.sandbox.world.files import MIB
from bot.sandbox.world.limits import Limit

RECKONED = Limit(requests=3, window_s=20)


@dataclass(slots=True, kw_only=True)
class Assumptions:
    """Decisions, each with what is known about it."""

    request_ceiling: int | None = 25 * MIB
    """The bytes of a whole request that posts or edits a message with the bot's token; None lifts
    the ceiling. Discord's "Create Message", Limitations, says 25 MiB. Whether that still holds
    beside limits of 50 and 100 MiB a file is unknown; a bot that keeps to it is right either way.
    That edits have it is ours. Answers to interactions are known to be free of it: 200 MiB went
    through (discord-api-docs#7603)."""

    old_edits: Limit = RECKONED
    """Edits in one channel of messages older than an hour. That there is a limit is documented
    (code 30046); Discord does not tell the numbers (discord-api-docs#4413), these are what an
    author of a bot reckons (CircuitSacul/starboard-4#118)."""

    nonce_life_s: float = 300
    """How long a nonce is remembered: "the past few minutes" ("Create Message", enforce_nonce)."""
