"""What is said in a world: messages come, change and go, with their files."""

from collections.abc import Iterable

from bot.sandbox.world.entities import Channel, Member, Message
from bot.sandbox.world.files import Attachment
from bot.sandbox.world.mentions import NOBODY, Mentions
from bot.sandbox.world.state import State


class Talk(State):
    """A world's messages."""

    def say(
        self,
        member: Member,
        channel: Channel,
        content: str,
        *,
        mentions: Mentions = NOBODY,
        pings: Iterable[str] = (),
    ) -> Message:
        """Post a member's ordinary message, whatever the rules say (`client/speech.py` obeys)."""
        message = Message(
            id=self.snowflakes.new(),
            channel=channel,
            author=member.user,
            content=content,
            mentions=mentions,
            pings=set(pings),
            created_at=self.clock.now(),
        )
        self.post(message)
        return message

    def post(self, message: Message) -> None:
        """Put a message where it belongs; an ephemeral one does not stand in the channel."""
        self.messages[message.id] = message
        if message.is_ephemeral:
            self.changes.notify()
            return
        message.channel.messages[message.id] = message
        self._announce_message("MESSAGE_CREATE", message)

    def message_changed(self, message: Message) -> None:
        """Tell that a message has new content."""
        if message.is_ephemeral:
            self.changes.notify()
        else:
            self._announce_message("MESSAGE_UPDATE", message)

    def _announce_message(self, event: str, message: Message) -> None:
        """Tell of a message; ours: nobody has the intent DIRECT_MESSAGES."""
        if message.channel.recipient is not None:
            self.changes.notify()
            return
        payload = self.payloads.message(message) | {"guild_id": message.channel.guild.id}
        self.announce(event, payload)

    def delete_message(self, message: Message) -> None:
        """Delete a message."""
        self._drop(message)
        place = {"channel_id": message.channel.id, "guild_id": message.channel.guild.id}
        if message.is_ephemeral or message.channel.recipient is not None:
            self.changes.notify()
        else:
            self.announce("MESSAGE_DELETE", {"id": message.id, **place})

    def _drop(self, message: Message) -> None:
        message.is_deleted = True
        self.messages.pop(message.id, None)
        message.channel.messages.pop(message.id, None)
        for attachment in message.attachments:
            self.files.pop(attachment.id, None)

    def set_attachments(self, message: Message, attachments: list[Attachment]) -> None:
        """Give a message its files; those that it had before and has no more are gone."""
        for attachment in message.attachments:
            self.files.pop(attachment.id, None)
        message.attachments = attachments
        self.files.update({attachment.id: attachment for attachment in attachments})
