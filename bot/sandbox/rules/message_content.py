"""Leaves out of messages what a bot without the intent MESSAGE_CONTENT cannot read.

Source: Discord's "Gateway", Message Content Intent: the fields stay and are empty, in events and in
REST alike, but for the bot's own messages and those that mention it.
"""

from bot.sandbox.json_types import JsonObject, as_object, objects

NO_CONTENT: JsonObject = {"content": "", "embeds": [], "attachments": [], "components": []}


def readable(message: JsonObject, bot_id: str) -> JsonObject:
    """Return what the bot reads of a message, as payload."""
    is_own = as_object(message.get("author")).get("id") == bot_id
    is_mentioned = any(user.get("id") == bot_id for user in objects(message.get("mentions")))
    return message if is_own or is_mentioned else message | NO_CONTENT
