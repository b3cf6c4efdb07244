"""What members do: use commands, press buttons, choose in selects, fill in modals.

Sources: Discord's "Receiving and Responding to Interactions" and "Component Reference".
"""

from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager

from bot.sandbox.client.command_use import CommandUse
from bot.sandbox.client.forms import choose, fill_form
from bot.sandbox.client.invocation import Deed
from bot.sandbox.client.rights import check_visible
from bot.sandbox.errors import CommandLineError
from bot.sandbox.json_types import JsonObject, objects
from bot.sandbox.world.components import SELECTS, walk
from bot.sandbox.world.entities import Member, Message
from bot.sandbox.world.interaction import Interaction, InteractionKind
from bot.sandbox.world.modals import Field


class Actions(CommandUse):
    """The members' hands."""

    async def press(
        self,
        member: Member,
        message: Message,
        custom_id: str,
        *,
        values: Sequence[object] | None = None,
    ) -> Interaction:
        """Press a button of a message, or choose `values` in one of its selects.

        Values are texts, or members, roles, channels or their ids. Buttons that link or sell have
        no custom id: pressing them sends nothing.

        Raises:
            CommandLineError: The message shows no such thing to this member, it is disabled, or
                the select does not take these values.
        """
        component = self._component(member, message, custom_id)
        kind = component["type"]
        data: JsonObject = {"custom_id": custom_id, "component_type": kind, "id": component["id"]}
        if kind in SELECTS:
            resolver = self._invocations.resolver(member, message.channel)
            # "`required` ... is ignored in messages".
            field = Field(component=component | {"required": True})
            data |= {"values": choose(field, list(values or ()), resolver)} | resolver.data
        elif values:
            raise CommandLineError(f"{custom_id!r} is a button and takes no values")
        return self._invocations.send(
            Deed(
                kind=InteractionKind.COMPONENT,
                member=member,
                channel=message.channel,
                data=data,
                target=message,
            )
        )

    def _component(self, member: Member, message: Message, custom_id: str) -> JsonObject:
        """Find what can be used in a message, complete as Discord's answers have it."""
        check_visible(member, message.channel)
        shown = self.world.payloads.message(message)["components"]
        usable = {
            str(component["custom_id"]): component
            for component in walk(objects(shown))
            if component.get("custom_id") and not component.get("disabled")
        }
        if custom_id not in usable or not message.is_for(member.id) or message.is_deleted:
            raise CommandLineError(f"nothing to press as {custom_id!r}; there: {list(usable)}")
        return usable[custom_id]

    async def submit(self, interaction: Interaction, values: Mapping[str, object]) -> Interaction:
        """Fill in and send the modal that answered an interaction.

        Args:
            interaction: What opened the modal.
            values: By custom id, see `fill_form`: text; a radio group's value; a checkbox's state;
                lists of values, things or their ids, uploads. The rest stays as the bot set it.

        Raises:
            CommandLineError: No modal is open, or a client would not send these values.
        """
        modal = self._open_modal(interaction)
        member, channel = interaction.member, interaction.channel
        resolver = self._invocations.resolver(member, channel)
        filled = fill_form(objects(modal["components"]), values, resolver)
        data = {"custom_id": modal["custom_id"], "components": filled} | resolver.data
        was_component = interaction.kind == InteractionKind.COMPONENT
        interaction.submitted = self._invocations.send(
            Deed(
                kind=InteractionKind.MODAL,
                member=member,
                channel=channel,
                data=data,
                target=interaction.target if was_component else None,
                opener=interaction,
            )
        )
        return interaction.submitted

    def _open_modal(self, interaction: Interaction) -> JsonObject:
        """Find a modal that can be sent: one that failed stays open, an answered one closes.

        How long a modal may stay open is not documented; here it is the fifteen minutes of the
        token of what opened it.
        """
        now, sent = self.world.clock.now(), interaction.submitted
        if interaction.modal is None:
            raise CommandLineError("no modal is open")
        if interaction.is_expired(now):
            raise CommandLineError("the modal has been open for too long")
        if sent is not None and not sent.failed(now):
            raise CommandLineError("the modal has been sent")
        return interaction.modal

    # How interactions reach the bot

    async def redeliver(self, interaction: Interaction) -> None:
        """Send the same interaction again: Discord promises "up to N times", not "once"."""
        self._invocations.deliver(interaction)

    def delivered_backwards(self) -> AbstractContextManager[None]:
        """Hold back what is sent inside, then deliver the last first: no order is promised."""
        return self._invocations.delivered_backwards()
