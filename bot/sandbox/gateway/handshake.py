"""Reads what a client says of itself when it connects, and refuses what Discord refuses.

Source: Discord's "Gateway" (Connecting, Identifying, Gateway Intents, Sharding), "Gateway Events"
(Identify Structure), and the close codes in "Opcodes and Status Codes".
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import cast

from bot.sandbox.gateway.intents import ALL_INTENTS, PRIVILEGED
from bot.sandbox.gateway.opcodes import CloseCode, GatewayCloseError
from bot.sandbox.json_types import JsonObject

API_VERSION = "10"


@dataclass(frozen=True, slots=True, kw_only=True)
class Identity:
    """What an IDENTIFY asks for; `shard` is None where it names none."""

    intents: int
    shard: tuple[int, int] | None = None

    @property
    def shard_id(self) -> int:
        """The number of the shard; a client without shards is shard 0 of 1."""
        return self.shard[0] if self.shard else 0

    def holds(self, guild_id: str | None) -> bool:
        """Whether a guild's events come here ("Sharding Formula"); those of none go to shard 0."""
        number, count = self.shard or (0, 1)
        return number == 0 if guild_id is None else (int(guild_id) >> 22) % count == number


def check_query(query: Mapping[str, str]) -> None:
    """Check the URL that a client connects to.

    Ours: the sandbox speaks version 10 and JSON only, and takes a URL without either for that.

    Raises:
        GatewayCloseError: It asks for another version or encoding.
    """
    if query.get("v", API_VERSION) != API_VERSION:
        raise GatewayCloseError(CloseCode.INVALID_API_VERSION)
    if query.get("encoding", "json") != "json":
        raise GatewayCloseError(CloseCode.DECODE_ERROR)


def read_identify(data: JsonObject, *, enabled_intents: int) -> Identity:
    """Read the payload of an IDENTIFY whose token is right.

    Args:
        data: The payload.
        enabled_intents: The privileged intents that the application has been given.

    Raises:
        GatewayCloseError: It lacks `properties`, which Identify Structure requires (the code is
            ours), or its intents or its shard are none that Discord accepts.
    """
    if not isinstance(data.get("properties"), dict):
        raise GatewayCloseError(CloseCode.DECODE_ERROR)
    intents = data.get("intents")
    if not isinstance(intents, int) or isinstance(intents, bool) or intents & ~ALL_INTENTS:
        raise GatewayCloseError(CloseCode.INVALID_INTENTS)  # a negative number has other bits, too
    if intents & PRIVILEGED & ~enabled_intents:
        raise GatewayCloseError(CloseCode.DISALLOWED_INTENTS)
    return Identity(intents=intents, shard=_shard(data.get("shard")))


def _shard(value: object) -> tuple[int, int] | None:
    if value is None:
        return None
    match value:
        case [int() as number, int() as count] if _are_numbers(value) and 0 <= number < count:
            return number, count
        case _:
            raise GatewayCloseError(CloseCode.INVALID_SHARD)


def _are_numbers(values: object) -> bool:
    """Whether there is no true or false among what Python takes for numbers."""
    return not any(isinstance(value, bool) for value in cast("list[object]", values))


def read_resume(data: JsonObject) -> tuple[str, int]:
    """Read session id and sequence of a RESUME.

    Raises:
        GatewayCloseError: They are not of the right types.
    """
    session_id, seq = data.get("session_id"), data.get("seq")
    if not isinstance(session_id, str) or not isinstance(seq, int) or isinstance(seq, bool):
        raise GatewayCloseError(CloseCode.DECODE_ERROR)
    return session_id, seq


def read_object(value: object) -> JsonObject:
    """Read the `d` of a payload that must be an object.

    Raises:
        GatewayCloseError: It is something else.
    """
    if not isinstance(value, dict):
        raise GatewayCloseError(CloseCode.DECODE_ERROR)
    return cast("JsonObject", value)
