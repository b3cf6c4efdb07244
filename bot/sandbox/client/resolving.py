"""Turns what a member chooses into ids, and describes what the ids stand for.

Source: Discord's "Receiving and Responding to Interactions", "Resolved Data Structure".
"""

from bot.sandbox.json_types import JsonObject
from bot.sandbox.world.accounts import Role, User
from bot.sandbox.world.entities import Channel, Member, Message
from bot.sandbox.world.files import Attachment
from bot.sandbox.world.media import content_type, safe_filename
from bot.sandbox.world.permissions import permission_bits
from bot.sandbox.world.world import World

LEFT_OUT_OF_MEMBERS = frozenset({"user", "deaf", "mute"})
CHANNEL_FIELDS = frozenset(
    {
        *("id", "name", "type", "last_message_id", "nsfw", "parent_id", "guild_id", "flags"),
        *("rate_limit_per_user", "topic", "position", "thread_metadata"),
        # Of threads, not in the docs' list; discord.py 2.7.1 cannot do without them.
        *("owner_id", "member_count", "message_count", "total_message_sent"),
    }
)


class Resolver:
    """Collects the `resolved` of one interaction of a member in a channel."""

    def __init__(self, *, world: World, member: Member, channel: Channel) -> None:
        self.member = member
        self.channel = channel
        self.resolved: dict[str, JsonObject] = {}
        self._world = world

    @property
    def data(self) -> JsonObject:
        """What belongs into an interaction's data: `resolved`, if there is something."""
        return {"resolved": self.resolved} if self.resolved else {}

    def send(self, value: object) -> object:
        """Turn a value into JSON; things are sent as ids."""
        match value:
            case Member():
                self._add_member(value)
            case User():  # who is not in the guild has no place in `members`
                self._add("users", value.id, self._world.payloads.user(value))
            case Channel():
                self._add("channels", value.id, self._channel(value))
            case Role():
                self._add("roles", value.id, self._world.payloads.role(value))
            case Message():
                self._add("messages", value.id, self._world.payloads.message(value))
            case (str() as filename, bytes() as content):
                return self._upload(filename, content)
            case _:
                return value
        return value.id

    def _add(self, kind: str, id_: str, payload: JsonObject) -> None:
        self.resolved.setdefault(kind, {})[id_] = payload

    def _add_member(self, member: Member) -> None:
        payloads = self._world.payloads
        self._add("users", member.id, payloads.user(member.user))
        whole = payloads.member(member) | {"permissions": bits(member.permissions_in(self.channel))}
        partial = {name: v for name, v in whole.items() if name not in LEFT_OUT_OF_MEMBERS}
        self._add("members", member.id, partial)

    def _channel(self, channel: Channel) -> JsonObject:
        """Describe a channel with what the member, not the bot, may do in it."""
        whole = self._world.payloads.channel(channel)
        partial = {name: v for name, v in whole.items() if name in CHANNEL_FIELDS}
        return partial | {"permissions": bits(self.member.permissions_in(channel))}

    def _upload(self, filename: str, content: bytes) -> str:
        id_, name = self._world.snowflakes.new(), safe_filename(filename)
        path = f"/ephemeral-attachments/{self.channel.id}/{id_}/{name}"
        attachment = Attachment(
            id=id_,
            channel_id=self.channel.id,
            filename=name,
            content=content,
            content_type=content_type(name),
            is_ephemeral=True,
            path=path,
            url=self._world.links.sign(path),
        )
        self._world.files[id_] = attachment
        self._add("attachments", id_, self._world.payloads.attachment(attachment))
        return id_


def bits(names: set[str]) -> str:
    """Write permissions as Discord's JSON has them."""
    return str(permission_bits(names))
