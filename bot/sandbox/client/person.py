"""One member at one place: what she does there, and all that she can see.

This is what end-to-end tests are written with (docs/sandbox.md):

    ana = sandbox.member("ana")
    use = await ana.slash("video", prompt="a red circle")
    video = await ana.sees(lambda message: message.attachments)
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from typing_extensions import override

from bot.sandbox.client.actions import Actions
from bot.sandbox.client.option_values import Upload
from bot.sandbox.client.speech import speak
from bot.sandbox.errors import CommandLineError
from bot.sandbox.world.entities import Channel, Member, Message
from bot.sandbox.world.interaction import Interaction, ResponseType
from bot.sandbox.world.journal import Journal

Sought = str | Callable[[Message], object]


@dataclass(frozen=True, slots=True, kw_only=True)
class Use:
    """Something that a person used, after the bot has answered."""

    person: "Person"
    interaction: Interaction

    @property
    def messages(self) -> list[Message]:
        """What came of it and the person can see: the answer, follow-ups, and replies to them."""
        answer, followups = self.interaction.answer, self.interaction.followups
        return [
            message
            for message in self.person.messages
            if message in (answer, *followups)
            or (answer is not None and message.reference is answer)
        ]

    @property
    def answer(self) -> Message:
        """The first answer.

        Raises:
            CommandLineError: It was no message.
        """
        if self.interaction.answer is None:
            raise CommandLineError("the answer was no message")
        return self.interaction.answer

    async def fill(self, values: Mapping[str, object]) -> "Use":
        """Fill in the modal that was the answer, by custom id, and send it.

        Args:
            values: Text, the values of a select, or filenames and contents for an upload.

        Raises:
            CommandLineError: The answer was no modal, or a client would not send this.
            SandboxTimeoutError: The bot does not answer.
        """
        sent = await self.person.actions.submit(self.interaction, values)
        return await self.person.answered(sent)


class Person:
    """A member in a channel."""

    def __init__(
        self, *, member: Member, channel: Channel, actions: Actions, journal: Journal
    ) -> None:
        self.member = member
        self.channel = channel
        self.actions = actions
        self._journal = journal

    @override
    def __repr__(self) -> str:
        return f"<Person {self.member.name} in #{self.channel.name}>"

    @property
    def id(self) -> str:
        """The id of the person's account, as in `message.pings`."""
        return self.member.id

    @property
    def name(self) -> str:
        """The person's name."""
        return self.member.name

    def at(self, channel: Channel | str) -> "Person":
        """Return the same person in another channel or thread of the server, e.g. by name.

        Raises:
            SandboxError: There is no such channel.
        """
        place = self.member.guild.channel(channel) if isinstance(channel, str) else channel
        return Person(
            member=self.member, channel=place, actions=self.actions, journal=self._journal
        )

    # Seeing

    @property
    def messages(self) -> list[Message]:
        """All that the person can see here, oldest first."""
        if not self.member.sees(self.channel):
            return []
        everything = self.actions.world.messages.values()
        return [m for m in everything if m.channel is self.channel and m.is_for(self.id)]

    @property
    def pings(self) -> list[Message]:
        """The messages here that ping the person."""
        return [message for message in self.messages if self.id in message.pings]

    async def sees(self, sought: Sought, *, timeout_s: float = 30) -> Message:
        """Wait until the person can see a message that says `sought`, or for which it is true.

        Raises:
            SandboxTimeoutError: None came; the message lists what the bot requested meanwhile.
        """
        await self.actions.world.changes.wait_for(
            lambda: self._matching(sought), timeout_s=timeout_s, describe=self._described
        )
        return self._matching(sought)[0]

    def _matching(self, sought: Sought) -> list[Message]:
        if isinstance(sought, str):
            return [message for message in self.messages if sought in message.text]
        return [message for message in self.messages if sought(message)]

    def _described(self) -> str:
        seen = "\n".join(f"  {message.text[:200]!r}" for message in self.messages)
        return f"{self.name} sees in #{self.channel.name}:\n{seen}\n{self._journal.tail()}"

    # Doing

    def say(self, content: str) -> Message:
        """Post an ordinary message.

        Raises:
            RefusedError: Discord would not let the person, e.g. for the channel's slow mode.
        """
        return speak(self.actions.world, self.member, self.channel, content)

    async def slash(self, command: str, /, **options: object) -> Use:
        """Use a command, e.g. `slash("job info", id="abc")`, and wait for the bot's answer.

        Args:
            command: Its full name.
            options: Values by name: text, numbers, booleans; members, channels, roles; filename
                and content of an upload. They are checked as a Discord client checks them.

        Raises:
            CommandLineError: A client would not have sent it.
            SandboxTimeoutError: The bot does not answer.
        """
        sent = await self.actions.invoke(
            self.member, self.channel, command, options, unchecked=False
        )
        return await self.answered(sent)

    async def type(self, line: str, *, files: Mapping[str, Upload] | None = None) -> Use:
        """Type a whole line, e.g. `/video prompt: a red circle`, and wait for the bot's answer.

        Raises:
            CommandLineError: A client would not have sent it.
            SandboxTimeoutError: The bot does not answer.
        """
        return await self.answered(
            await self.actions.slash(self.member, self.channel, line, files=files)
        )

    async def press(
        self, message: Message, button: str, *, values: Sequence[object] | None = None
    ) -> Use:
        """Press a button by its label or custom id, or choose `values` in a select.

        Raises:
            CommandLineError: The message shows no such thing to this person.
            SandboxTimeoutError: The bot does not answer.
        """
        labels = {b.label: b.custom_id for b in message.buttons if b.label and b.custom_id}
        custom_id = labels.get(button, button)
        return await self.answered(
            await self.actions.press(self.member, message, custom_id, values=values)
        )

    async def use_on(self, target: Message | Member, command: str) -> Use:
        """Use a command of the context menu of a message or a member ("Apps").

        Raises:
            CommandLineError: A client would not show it there.
            SandboxTimeoutError: The bot does not answer.
        """
        if isinstance(target, Message):
            sent = await self.actions.use_on_message(self.member, target, command)
        else:
            sent = await self.actions.use_on_member(self.member, target, self.channel, command)
        return await self.answered(sent)

    async def answered(self, interaction: Interaction, *, timeout_s: float = 30) -> Use:
        """Wait until the bot has answered: with a message, a modal or a silent update.

        Raises:
            SandboxTimeoutError: It has not.
        """
        await self.actions.world.changes.wait_for(
            lambda: _is_answered(interaction),
            timeout_s=timeout_s,
            describe=lambda: interaction.history(interaction),
        )
        return Use(person=self, interaction=interaction)


def _is_answered(interaction: Interaction) -> bool:
    is_silent = interaction.response_type == ResponseType.DEFERRED_UPDATE
    return interaction.answer is not None or interaction.modal is not None or is_silent
