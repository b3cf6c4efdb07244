"""Builds interactions: what Discord sends to the bot when a member uses something of it.

Source: Discord's "Receiving and Responding to Interactions" (interaction object, data, resolved).
"""

import secrets
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass

from bot.sandbox.client.command_line import CommandPath
from bot.sandbox.client.option_values import guess_type
from bot.sandbox.client.resolving import Resolver, bits
from bot.sandbox.json_types import JsonObject, objects
from bot.sandbox.world.entities import Channel, Member, Message
from bot.sandbox.world.interaction import Interaction, InteractionKind
from bot.sandbox.world.journal import Journal
from bot.sandbox.world.world import World


@dataclass(frozen=True, slots=True, kw_only=True)
class Deed:
    """What a member does: the parts of an interaction that are the member's own."""

    kind: InteractionKind
    member: Member
    channel: Channel
    data: JsonObject
    target: Message | None = None
    target_member: Member | None = None
    opener: Interaction | None = None


class Invocations:
    """Makes interactions and hands them to the gateway."""

    def __init__(self, *, world: World, journal: Journal) -> None:
        self._world = world
        self._journal = journal
        self._held: list[Interaction] | None = None

    def resolver(self, member: Member, channel: Channel) -> Resolver:
        """Make what collects the `resolved` of an interaction."""
        return Resolver(world=self._world, member=member, channel=channel)

    def command_data(
        self, path: CommandPath, values: dict[str, object], resolver: Resolver
    ) -> JsonObject:
        """Write the data of a slash command with its subcommands and options."""
        types = {str(option["name"]): int(option["type"]) for option in path.options}
        options: list[JsonObject] = []
        for name, value in values.items():
            type_ = types.get(name, guess_type(value))
            options.append({"name": name, "type": type_, "value": resolver.send(value)})
        for step in reversed(path.steps[1:]):
            options = [{"name": step["name"], "type": step["type"], "options": options}]
        return self.data_head(path.command) | {"options": options} | resolver.data

    def data_head(self, command: JsonObject) -> JsonObject:
        """Write what the data of a command of any type begins with."""
        head = {name: command[name] for name in ("id", "name", "type")}
        return head | ({"guild_id": command["guild_id"]} if "guild_id" in command else {})

    # The interaction itself

    def send(self, deed: Deed) -> Interaction:
        """Make an interaction and send it to the bot; if nobody listens it is lost."""
        interaction = Interaction(
            id=self._world.snowflakes.new(),
            token=secrets.token_urlsafe(96),
            kind=deed.kind,
            member=deed.member,
            channel=deed.channel,
            data=deed.data,
            created_at=self._world.clock.now(),
            target=deed.target,
            target_member=deed.target_member,
            opener=deed.opener,
            changes=self._world.changes,
            history=self._history,
        )
        interaction.payload = self._payload(interaction)
        self._world.interactions[interaction.id] = interaction
        if self._held is None:
            self.deliver(interaction)
        else:
            self._held.append(interaction)
        return interaction

    def deliver(self, interaction: Interaction) -> None:
        """Send an interaction to the bot, for the first time or once more."""
        self._world.announce("INTERACTION_CREATE", interaction.payload)

    @contextmanager
    def delivered_backwards(self) -> Generator[None]:
        """Hold back what is sent meanwhile; afterwards the last is delivered first."""
        self._held = held = []
        try:
            yield
        finally:
            self._held = None
            for interaction in reversed(held):
                self.deliver(interaction)

    def _payload(self, interaction: Interaction) -> JsonObject:
        payloads, member = self._world.payloads, interaction.member
        channel, guild = interaction.channel, interaction.channel.guild
        announced = guild.announced_limit or guild.upload_limit
        permissions = {"permissions": bits(member.permissions_in(channel))}
        shown: JsonObject = {}
        if interaction.target is not None and interaction.kind != InteractionKind.COMMAND:
            # "For components or modals triggered by components".
            shown["message"] = payloads.message(interaction.target)
        return shown | {
            "id": interaction.id,
            "application_id": self._world.bot.id,
            "type": int(interaction.kind),
            "token": interaction.token,
            "version": 1,
            "data": interaction.data,
            "guild_id": guild.id,
            "guild": {"id": guild.id, "locale": guild.locale, "features": []},
            "guild_locale": guild.locale,
            "channel_id": channel.id,
            "channel": payloads.channel(channel) | permissions,
            "member": payloads.member(member) | permissions,
            "locale": member.locale,
            "app_permissions": bits(channel.bot_permissions),
            "entitlements": [],
            "authorizing_integration_owners": {"0": guild.id},
            "context": 0,
            "attachment_size_limit": max(announced, member.upload_limit),
        }

    def _history(self, interaction: Interaction) -> str:
        """Tell what became of an interaction, for whoever waited in vain."""
        acked = interaction.acked_at
        after = f" after {acked - interaction.created_at}" if acked else ""
        response = interaction.response_type.name if interaction.response_type else "nothing"
        return (
            f"{interaction.kind.name} {_name(interaction.data)} by {interaction.member.name}: "
            f"answered with {response}{after}; original: {_brief(interaction.message)}; "
            f"{len(interaction.followups)} follow-ups. Requests:\n{self._journal.tail()}"
        )


def _name(data: JsonObject) -> str:
    subcommands = [o["name"] for o in objects(data.get("options")) if "options" in o]
    return " ".join([str(data.get("name") or data.get("custom_id")), *subcommands])


def _brief(message: Message | None) -> str:
    if message is None:
        return "none"
    return "thinking" if message.is_loading else repr(message.text[:200])
