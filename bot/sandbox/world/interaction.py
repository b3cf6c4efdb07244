"""What a member did and what became of it: the life of one interaction.

Source: Discord's "Receiving and Responding to Interactions".
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import IntEnum

from typing_extensions import override

from bot.sandbox.json_types import JsonObject
from bot.sandbox.world.changes import Changes
from bot.sandbox.world.entities import Channel, Member, Message

ACK_TIME = timedelta(seconds=3)
TOKEN_LIFE = timedelta(minutes=15)


class InteractionKind(IntEnum):
    """Discord's "Interaction Type"."""

    COMMAND = 2
    COMPONENT = 3
    AUTOCOMPLETE = 4
    MODAL = 5


class ResponseType(IntEnum):
    """Discord's "Interaction Callback Type", those that a bot in a guild uses.

    Not here, and refused: PONG answers only a PING, which comes over HTTP; PREMIUM_REQUIRED and
    LAUNCH_ACTIVITY are for apps with monetization or an Activity.
    """

    MESSAGE = 4
    DEFERRED_MESSAGE = 5
    DEFERRED_UPDATE = 6
    UPDATE = 7
    AUTOCOMPLETE = 8
    MODAL = 9


@dataclass(slots=True, eq=False, repr=False, kw_only=True)
class Interaction:
    """One use of a command, a button, an autocompleting option or a modal."""

    id: str
    token: str
    kind: InteractionKind
    member: Member
    channel: Channel
    data: JsonObject
    created_at: datetime
    target: Message | None = None
    """The message whose component was used, or on which a message command was; a modal has that
    of the component that opened it."""
    target_member: Member | None = None
    opener: "Interaction | None" = None
    """What opened the modal that this interaction sends."""
    payload: JsonObject = field(default_factory=dict[str, object])
    acked_at: datetime | None = None
    response_type: ResponseType | None = None
    ephemeral: bool = False
    message: Message | None = None
    followups: list[Message] = field(default_factory=list[Message])
    choices: list[JsonObject] | None = None
    modal: JsonObject | None = None
    submitted: "Interaction | None" = None
    """How the modal was last sent."""
    answered_with: Message | None = None
    changes: Changes
    history: Callable[["Interaction"], str]

    @override
    def __repr__(self) -> str:
        return f"<Interaction {self.id} {self.kind.name} of {self.member.name}>"

    def is_too_late(self, now: datetime) -> bool:
        """Whether the three seconds to acknowledge are over and nothing came."""
        return self.acked_at is None and now > self.created_at + ACK_TIME

    def is_expired(self, now: datetime) -> bool:
        """Whether the token's fifteen minutes are over."""
        return now > self.created_at + TOKEN_LIFE

    def failed(self, now: datetime) -> bool:
        """Whether the member has been told "The application did not respond".

        After three seconds without an acknowledgement; after the token's fifteen minutes when a
        deferral still says "thinking" (observed: discordjs/guide#936). Options that do not complete
        themselves fail without a word.
        """
        if self.kind == InteractionKind.AUTOCOMPLETE:
            return False
        return self.is_too_late(now) or (self.original_is_open and self.is_expired(now))

    @property
    def answer(self) -> Message | None:
        """The first answer with content; also a deferral that the bot's token has filled."""
        if self.answered_with is not None:
            return self.answered_with
        was_deferred = self.response_type == ResponseType.DEFERRED_MESSAGE
        is_filled = was_deferred and self.message is not None and not self.message.is_loading
        return self.message if is_filled else None

    @property
    def original_is_open(self) -> bool:
        """Whether a deferral still waits for its content."""
        message = self.message
        is_deferral = self.response_type == ResponseType.DEFERRED_MESSAGE
        return is_deferral and message is not None and message.is_loading and not message.is_deleted

    async def wait_acked(self, timeout_s: float = 10) -> None:
        """Wait until the bot has acknowledged.

        Raises:
            SandboxTimeoutError: It did not.
        """
        await self._wait(lambda: self.acked_at is not None, timeout_s)

    async def wait_answer(self, timeout_s: float = 10) -> Message:
        """Wait for the first answer with content: a message, a filled deferral or a follow-up.

        Raises:
            SandboxTimeoutError: None came; the message lists what did happen.
        """
        await self._wait(lambda: self.answer is not None, timeout_s)
        assert self.answer is not None  # noqa: S101 -- what was just waited for
        return self.answer

    async def wait_choices(self, timeout_s: float = 10) -> list[JsonObject]:
        """Wait for the answer to an autocompletion.

        Raises:
            SandboxTimeoutError: None came.
        """
        await self._wait(lambda: self.choices is not None, timeout_s)
        return self.choices or []

    async def _wait(self, predicate: Callable[[], object], timeout_s: float) -> None:
        await self.changes.wait_for(
            predicate, timeout_s=timeout_s, describe=lambda: self.history(self)
        )
