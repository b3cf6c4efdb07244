"""Answers a request for a guild's members in one chunk; the sandbox's guilds are small.

Source: Discord's "Gateway Events", Request Guild Members.
"""

from bot.sandbox.gateway.intents import GUILD_MEMBERS
from bot.sandbox.gateway.opcodes import CloseCode, GatewayCloseError
from bot.sandbox.json_types import JsonObject
from bot.sandbox.world.entities import Member
from bot.sandbox.world.world import World

TYPES: dict[str, tuple[type, ...]] = {
    "guild_id": (str, int),
    "query": (str,),
    "limit": (int,),
    "presences": (bool,),
    "user_ids": (str, int, list),
    "nonce": (str,),
}


def members_chunk(world: World, data: JsonObject, intents: int) -> JsonObject | None:
    """Write a GUILD_MEMBERS_CHUNK; None if the bot may not ask for that.

    The list of all members takes the intent for them. Ours: without it nothing comes; Discord does
    not say what does.

    Raises:
        GatewayCloseError: It holds something of a wrong type.
    """
    _check_types(data)
    guild = world.guilds.get(str(data.get("guild_id")))
    if guild is None:
        return None
    members, asked = list(guild.members.values()), data.get("user_ids")
    chunk: JsonObject = {"guild_id": guild.id, "chunk_index": 0, "chunk_count": 1}
    if asked is not None:
        ids = [str(id_) for id_ in asked] if isinstance(asked, list) else [str(asked)]
        found = [member for member in members if member.id in ids]
        chunk["not_found"] = [id_ for id_ in ids if id_ not in guild.members]
    else:
        query, limit = str(data.get("query") or ""), int(data.get("limit") or 0)
        if not query and not limit and not intents & GUILD_MEMBERS:
            return None
        found = [member for member in members if _matches(member, query)][: limit or None]
    if data.get("nonce"):
        chunk["nonce"] = data["nonce"]
    return chunk | {"members": [world.payloads.member(member) for member in found]}


def _check_types(data: JsonObject) -> None:
    """Refuse fields of another type than "Request Guild Members Structure" gives (code: ours)."""
    given = {name: value for name, value in data.items() if value is not None}
    for name, types in TYPES.items():
        if name in given and not _is_one(given[name], types):
            raise GatewayCloseError(CloseCode.DECODE_ERROR)


def _is_one(value: object, types: tuple[type, ...]) -> bool:
    return isinstance(value, types) and (bool in types or not isinstance(value, bool))


def _matches(member: Member, query: str) -> bool:
    return member.name.lower().startswith(query.lower())
