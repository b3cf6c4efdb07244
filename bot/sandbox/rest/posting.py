"""Turns requests into messages: creates and edits them, with files, after all the checks.

Source: Discord's "Message" resource (create, edit).
"""

from dataclasses import replace

from bot.sandbox.errors import ApiError, Problem
from bot.sandbox.rest.attachments import Attachments, Content
from bot.sandbox.rules.automod import check_words
from bot.sandbox.rules.mentions import AllowedMentions, reached
from bot.sandbox.rules.messages import Draft, check_draft
from bot.sandbox.world.components import texts
from bot.sandbox.world.entities import Channel, Message
from bot.sandbox.world.mentions import Mentions
from bot.sandbox.world.message_kinds import MessageFlags, MessageKind
from bot.sandbox.world.world import World


class Posting:
    """Writes messages into the world."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._attachments = Attachments(world)

    def blank(self, channel: Channel) -> Message:
        """Make a message of the bot's that says nothing and stands nowhere yet."""
        return Message(
            id=self._world.snowflakes.new(),
            channel=channel,
            author=self._world.bot,
            created_at=self._world.clock.now(),
        )

    def create(self, message: Message, content: Content) -> Message:
        """Fill a blank message and post it.

        Raises:
            ApiError: Discord would refuse the content or the size of a file.
        """
        self._fill(message, content, is_new=True)
        may_speak = "send_tts_messages" in message.channel.bot_permissions
        message.is_spoken = bool(content.payload.get("tts")) and may_speak
        self.place(message)
        return message

    def place(self, message: Message) -> None:
        """Post a message; that takes a thread out of the archive, a locked one only for moderators.

        Sources: Discord's "Threads" (sending a message un-archives) and "Channel", Thread Metadata
        (a locked thread is un-archived by those with Manage Threads alone). That the answer to an
        interaction stands in a locked thread all the same is ours.
        """
        thread = message.channel
        is_closed = thread.is_closed_to(thread.bot_permissions)
        if thread.archived and not message.is_ephemeral and not is_closed:
            self._world.revive_thread(message.channel)
        self._world.post(message)

    def edit(self, message: Message, content: Content) -> Message:
        """Change a message; one that says "thinking" stops doing so.

        Raises:
            ApiError: As for `create`; also, the message is in an archived thread (50083).
        """
        if message.channel.archived:
            raise ApiError(Problem.THREAD_ARCHIVED)
        before, was_loading = message.text, message.is_loading
        self._fill(message, content, is_new=False)
        message.flags &= ~MessageFlags.LOADING
        if not was_loading:
            message.edits.append(before)
            message.edited_at = self._world.clock.now()
        self._world.message_changed(message)
        return message

    def _fill(self, message: Message, content: Content, *, is_new: bool) -> None:
        payload = content.payload
        allowed = AllowedMentions.read(payload, content.parse)
        draft = Draft.of(message).changed(payload, is_new=is_new)
        attachments = self._attachments.wanted(message, content, is_new=is_new)
        draft = replace(draft, attachments=attachments)
        check_draft(draft, payload)
        self._check_words(message, draft)
        message.content, message.embeds = draft.content, draft.embeds
        message.components, message.flags = draft.components, draft.flags
        self._world.set_attachments(message, draft.attachments)
        if is_new or ("components" if draft.is_v2 else "content") in payload:
            self._mention(message, allowed)

    def _check_words(self, message: Message, draft: Draft) -> None:
        """Have AutoMod read what others are to see; that it spares whispers is ours."""
        if not message.is_ephemeral:
            check_words(message.channel.guild.bot, draft.text)

    def _mention(self, message: Message, allowed: AllowedMentions) -> None:
        """Decide whom a message mentions.

        An edit does so "from scratch", with the default allowances if it names none ("Edit
        Message"). Embeds mention nobody, and what only one member sees pings nobody.
        """
        text = "\n".join([message.content, *texts(message.components)])
        found = allowed.found(text, message.channel, message.channel.guild.bot)
        message.mentions = _with_replied(message, allowed, found)
        if not message.is_ephemeral:
            message.pings |= reached(message.mentions, message.channel)


def _with_replied(message: Message, allowed: AllowedMentions, found: Mentions) -> Mentions:
    """Add the author of the message that a reply answers; a follow-up is no such reply."""
    is_reply = message.kind == MessageKind.REPLY and message.metadata is None
    if message.reference is None or not is_reply or not allowed.pings_replied_user:
        return found
    return replace(found, users=found.users | {message.reference.author.id})
