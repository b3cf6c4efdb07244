"""What members do: use commands, let options complete themselves, press buttons, fill in modals."""

from collections.abc import Mapping, Sequence

from bot.sandbox.client.command_line import CommandPath, find_command, parse_line
from bot.sandbox.client.invocation import Invocations
from bot.sandbox.client.option_values import Upload, check_values, from_text
from bot.sandbox.errors import CommandLineError
from bot.sandbox.json_types import JsonObject, as_object, objects
from bot.sandbox.world.components import buttons, custom_ids
from bot.sandbox.world.entities import Channel, Member, Message
from bot.sandbox.world.interaction import Interaction, InteractionKind
from bot.sandbox.world.permissions import permission_bits
from bot.sandbox.world.world import World

UNKNOWN_COMMAND: JsonObject = {"id": "1", "type": 1}


class Actions:
    """The members' hands."""

    def __init__(self, *, world: World, invocations: Invocations) -> None:
        self.world = world
        self._invocations = invocations

    async def slash(
        self,
        member: Member,
        channel: Channel,
        line: str,
        *,
        files: Mapping[str, Upload] | None = None,
    ) -> Interaction:
        """Send a command as typed, e.g. `/video prompt:"a red circle" seed:7`.

        Args:
            member: Who types.
            channel: Where.
            line: The command; attachments do not stand in it.
            files: Filename and content for each attachment option.

        Raises:
            CommandLineError: A Discord client would not have sent it.
        """
        path, values = self._read(channel, line)
        values |= files or {}
        self._check_allowed(member, path)
        check_values(path.options, values)
        return self._command(member, channel, path, values)

    async def invoke(
        self,
        member: Member,
        channel: Channel,
        name: str,
        options: Mapping[str, object],
        *,
        unchecked: bool = True,
    ) -> Interaction:
        """Send a command with typed values; `unchecked`, as a hostile client would.

        Values may be members, channels, roles, or filename and content of an upload.

        Raises:
            CommandLineError: Not `unchecked`, and a client would not have sent it.
        """
        values = dict(options)
        try:
            path = find_command(name.split(), self.world.commands_in(channel.guild))
        except CommandLineError:
            if not unchecked:
                raise
            path = CommandPath(steps=(UNKNOWN_COMMAND | {"name": name},))
        if not unchecked:
            self._check_allowed(member, path)
            check_values(path.options, values)
        return self._command(member, channel, path, values)

    async def autocomplete(
        self, member: Member, channel: Channel, line: str, *, focused: str, value: str
    ) -> list[JsonObject]:
        """Type `value` into the option `focused` and see what the bot proposes.

        Raises:
            SandboxTimeoutError: It proposes nothing within Discord's three seconds.
        """
        path, values = self._read(channel, line)
        data = self._invocations.command_data(path, values | {focused: value}, channel)
        leaf = data
        for _ in path.steps[1:]:
            leaf = objects(leaf["options"])[0]
        for option in objects(leaf["options"]):
            if option["name"] == focused:
                option["focused"] = True
        sent = self._invocations.send(InteractionKind.AUTOCOMPLETE, member, channel, data)
        return await sent.wait_choices(timeout_s=3)

    async def press(
        self,
        member: Member,
        message: Message,
        custom_id: str,
        *,
        values: Sequence[str] | None = None,
    ) -> Interaction:
        """Press a button of a message, or choose `values` in one of its selects.

        Raises:
            CommandLineError: The message shows no such thing to this member.
        """
        found = custom_ids(message.components)
        disabled = {b.custom_id for b in buttons(message.components) if b.disabled}
        is_visible = message.ephemeral_to in (None, member) and not message.is_deleted
        if custom_id not in found or custom_id in disabled or not is_visible:
            raise CommandLineError(f"nothing to press as {custom_id!r}; there: {list(found)}")
        data: JsonObject = {"custom_id": custom_id, "component_type": found[custom_id], "id": 1}
        if values is not None:
            data["values"] = list(values)
        kind = InteractionKind.COMPONENT
        return self._invocations.send(kind, member, message.channel, data, message)

    async def submit(self, interaction: Interaction, values: Mapping[str, str]) -> Interaction:
        """Fill in and send the modal that answered an interaction.

        Raises:
            CommandLineError: The answer was no modal.
        """
        if interaction.modal is None:
            raise CommandLineError("no modal is open")
        filled = [_filled(entry, values) for entry in objects(interaction.modal["components"])]
        data: JsonObject = {"custom_id": interaction.modal["custom_id"], "components": filled}
        member, channel = interaction.member, interaction.channel
        kind = InteractionKind.MODAL
        return self._invocations.send(kind, member, channel, data, interaction.target)

    async def redeliver(self, interaction: Interaction) -> None:
        """Send the same interaction again: Discord promises "up to N times", not "once"."""
        self.world.announce("INTERACTION_CREATE", interaction.payload)

    def _read(self, channel: Channel, line: str) -> tuple[CommandPath, dict[str, object]]:
        path, texts = parse_line(line, self.world.commands_in(channel.guild))
        schemas = {str(option["name"]): option for option in path.options}
        values = {n: from_text(schemas[n], text, channel.guild) for n, text in texts.items()}
        return path, values

    def _check_allowed(self, member: Member, path: CommandPath) -> None:
        """Refuse what `default_member_permissions` hides; "0" leaves it to administrators."""
        needed = path.command.get("default_member_permissions")
        if needed is None or "administrator" in member.permissions:
            return
        has = permission_bits(member.permissions)
        if not int(needed) or int(needed) & ~has:
            raise CommandLineError(f"/{path.name} is hidden from {member.name}")

    def _command(
        self, member: Member, channel: Channel, path: CommandPath, values: dict[str, object]
    ) -> Interaction:
        data = self._invocations.command_data(path, values, channel)
        return self._invocations.send(InteractionKind.COMMAND, member, channel, data)


def _filled(entry: JsonObject, values: Mapping[str, str]) -> JsonObject:
    """Write one part of a modal as it is sent back: an action row or a label with its input."""
    if "component" in entry:
        return {"type": entry["type"], "id": 1, "component": _input(entry["component"], values)}
    inputs = [_input(one, values) for one in objects(entry.get("components"))]
    return {"type": entry["type"], "id": 1, "components": inputs}


def _input(component: object, values: Mapping[str, str]) -> JsonObject:
    field = as_object(component)
    kept = {"type": field.get("type"), "custom_id": field.get("custom_id"), "id": 1}
    return kept | {"value": values.get(str(field.get("custom_id")), str(field.get("value") or ""))}
