"""Knows what a bot hears: intents mask only what they list, everything else always comes.

Source: Discord's "Gateway": List of Intents, Caveats, Privileged Intents, Message Content Intent.
"""

from bot.sandbox.json_types import JsonObject, as_object, objects
from bot.sandbox.rules.message_content import readable

GUILDS = 1 << 0
GUILD_MEMBERS = 1 << 1
GUILD_PRESENCES = 1 << 8
GUILD_MESSAGES = 1 << 9
MESSAGE_CONTENT = 1 << 15

PRIVILEGED = GUILD_MEMBERS | GUILD_PRESENCES | MESSAGE_CONTENT
ALL_INTENTS = sum(1 << bit for bit in (*range(17), 20, 21, 24, 25))

INTENT_OF_EVENT = {
    "GUILD_CREATE": GUILDS,
    "GUILD_UPDATE": GUILDS,
    "GUILD_DELETE": GUILDS,
    "GUILD_ROLE_CREATE": GUILDS,
    "GUILD_ROLE_UPDATE": GUILDS,
    "GUILD_ROLE_DELETE": GUILDS,
    "CHANNEL_CREATE": GUILDS,
    "CHANNEL_UPDATE": GUILDS,
    "CHANNEL_DELETE": GUILDS,
    "THREAD_CREATE": GUILDS,
    "THREAD_UPDATE": GUILDS,
    "THREAD_DELETE": GUILDS,
    "THREAD_MEMBERS_UPDATE": GUILDS,  # for the bot itself; of others it is not told here
    "GUILD_MEMBER_ADD": GUILD_MEMBERS,
    "GUILD_MEMBER_UPDATE": GUILD_MEMBERS,
    "GUILD_MEMBER_REMOVE": GUILD_MEMBERS,
    "MESSAGE_CREATE": GUILD_MESSAGES,
    "MESSAGE_UPDATE": GUILD_MESSAGES,
    "MESSAGE_DELETE": GUILD_MESSAGES,
}

WITH_CONTENT = frozenset({"MESSAGE_CREATE", "MESSAGE_UPDATE"})


def is_wanted(event: str, data: JsonObject, intents: int, bot_id: str) -> bool:
    """Whether a session with these intents hears the event."""
    if event == "GUILD_MEMBER_UPDATE" and _user_id(data) == bot_id:
        return True  # "sent for current-user updates regardless" (Caveats)
    needed = INTENT_OF_EVENT.get(event)
    return needed is None or bool(intents & needed)


def limited(event: str, data: JsonObject, intents: int, bot_id: str) -> JsonObject:
    """Leave out of an event what its hearer's intents do not cover."""
    if event in WITH_CONTENT and not intents & MESSAGE_CONTENT:
        return readable(data, bot_id)
    if event == "GUILD_CREATE" and not intents & GUILD_PRESENCES:
        # Then only the bot itself and who is in a voice channel ("Gateway Events", Guild Create).
        return data | {
            "members": [one for one in objects(data.get("members")) if _user_id(one) == bot_id],
            "presences": [],
        }
    return data


def _user_id(member: JsonObject) -> object:
    return as_object(member.get("user")).get("id")
