"""Builds interactions: what Discord sends to the bot when a member uses something of it.

Source: Discord's "Receiving and Responding to Interactions" (interaction object, data, resolved).
"""

import secrets

from bot.sandbox.client.command_line import CommandPath
from bot.sandbox.client.option_values import guess_type
from bot.sandbox.json_types import JsonObject, objects
from bot.sandbox.world.entities import Attachment, Channel, Member, Message, Role
from bot.sandbox.world.interaction import Interaction, InteractionKind
from bot.sandbox.world.journal import Journal
from bot.sandbox.world.media import content_type, safe_filename
from bot.sandbox.world.permissions import permission_bits
from bot.sandbox.world.world import World


class Invocations:
    """Makes interactions and hands them to the gateway."""

    def __init__(self, *, world: World, journal: Journal) -> None:
        self._world = world
        self._journal = journal

    # Data of a command

    def command_data(
        self, path: CommandPath, values: dict[str, object], channel: Channel
    ) -> JsonObject:
        """Write the data of a slash command with its subcommands and options."""
        resolved: dict[str, JsonObject] = {}
        types = {str(option["name"]): int(option["type"]) for option in path.options}
        options: list[JsonObject] = []
        for name, value in values.items():
            type_ = types.get(name, guess_type(value))
            sent = self._sent(value, channel, resolved)
            options.append({"name": name, "type": type_, "value": sent})
        for step in reversed(path.steps[1:]):
            options = [{"name": step["name"], "type": step["type"], "options": options}]
        command = path.command
        data: JsonObject = {"id": command["id"], "name": command["name"], "type": command["type"]}
        if "guild_id" in command:
            data["guild_id"] = command["guild_id"]
        return data | {"options": options} | ({"resolved": resolved} if resolved else {})

    def _sent(self, value: object, channel: Channel, resolved: dict[str, JsonObject]) -> object:
        """Turn a value into JSON; things are sent as ids and described in `resolved`."""
        payloads = self._world.payloads
        match value:
            case Member():
                resolved.setdefault("users", {})[value.id] = payloads.user(value.user)
                permissions = _bits(value.permissions_in(channel))
                whole = payloads.member(value) | {"permissions": permissions}
                del whole["user"]
                resolved.setdefault("members", {})[value.id] = whole
            case Channel():
                resolved.setdefault("channels", {})[value.id] = payloads.channel(value)
            case Role():
                resolved.setdefault("roles", {})[value.id] = payloads.role(value)
            case (str() as filename, bytes() as content):
                attachment = self._upload(channel, filename, content)
                described = payloads.attachment(attachment)
                resolved.setdefault("attachments", {})[attachment.id] = described
                return attachment.id
            case _:
                return value
        return value.id

    def _upload(self, channel: Channel, filename: str, content: bytes) -> Attachment:
        id_, name = self._world.snowflakes.new(), safe_filename(filename)
        path = f"/ephemeral-attachments/{channel.id}/{id_}/{name}"
        attachment = Attachment(
            id=id_,
            channel_id=channel.id,
            filename=name,
            content=content,
            content_type=content_type(name),
            is_ephemeral=True,
            path=path,
            url=self._world.links.sign(path),
        )
        self._world.files[id_] = attachment
        return attachment

    # The interaction itself

    def send(
        self,
        kind: InteractionKind,
        member: Member,
        channel: Channel,
        data: JsonObject,
        target: Message | None = None,
    ) -> Interaction:
        """Make an interaction and send it to the bot; if nobody listens it is lost."""
        interaction = Interaction(
            id=self._world.snowflakes.new(),
            token=secrets.token_urlsafe(96),
            kind=kind,
            member=member,
            channel=channel,
            data=data,
            created_at=self._world.clock.now(),
            target=target,
            changes=self._world.changes,
            history=self._history,
        )
        interaction.payload = self._payload(interaction)
        self._world.interactions[interaction.id] = interaction
        self._world.announce("INTERACTION_CREATE", interaction.payload)
        return interaction

    def _payload(self, interaction: Interaction) -> JsonObject:
        payloads, member = self._world.payloads, interaction.member
        channel, guild = interaction.channel, interaction.channel.guild
        announced = guild.announced_limit or guild.upload_limit
        permissions = {"permissions": _bits(member.permissions_in(channel))}
        target: JsonObject = {}
        if interaction.target is not None:
            target["message"] = payloads.message(interaction.target)
        return target | {
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
            "app_permissions": _bits(channel.bot_permissions),
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


def _bits(names: set[str]) -> str:
    return str(permission_bits(names))


def _name(data: JsonObject) -> str:
    subcommands = [o["name"] for o in objects(data.get("options")) if "options" in o]
    return " ".join([str(data.get("name") or data.get("custom_id")), *subcommands])


def _brief(message: Message | None) -> str:
    if message is None:
        return "none"
    return "thinking" if message.is_loading else repr(message.text[:200])
