"""How members use commands: typed, with options that complete themselves, or from a menu."""

from collections.abc import Mapping

from bot.sandbox.client.command_line import CommandPath, find_command, parse_line
from bot.sandbox.client.invocation import Deed, Invocations
from bot.sandbox.client.option_values import Upload, check_focused, check_values, from_text
from bot.sandbox.client.rights import check_usable, is_listed, is_usable
from bot.sandbox.errors import CommandLineError
from bot.sandbox.json_types import JsonObject, objects
from bot.sandbox.world.commands import CommandKind
from bot.sandbox.world.entities import Channel, Guild, Member, Message
from bot.sandbox.world.interaction import Interaction, InteractionKind
from bot.sandbox.world.world import World

STALE_ID = "1"
"""What a client sends that still knows a command which is no more."""


class CommandUse:
    """The members' hands at the keyboard and on the context menus."""

    def __init__(self, *, world: World, invocations: Invocations) -> None:
        self.world = world
        self._invocations = invocations

    def can_see(self, member: Member, command: JsonObject, channel: Channel | None = None) -> bool:
        """Whether a member's client lists a command, in general or in a channel."""
        if channel is None:
            return is_listed(member, command)
        return is_usable(member, command, channel)

    # Slash commands

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
        check_usable(member, path.command, channel)
        check_values(path.options, values, member)
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
            path = self._find(channel.guild, name)
        except CommandLineError:
            if not unchecked:
                raise
            path = CommandPath(
                steps=({"id": STALE_ID, "type": CommandKind.CHAT_INPUT, "name": name},)
            )
        if not unchecked:
            check_usable(member, path.command, channel)
            check_values(path.options, values, member)
        return self._command(member, channel, path, values)

    def _read(self, channel: Channel, line: str) -> tuple[CommandPath, dict[str, object]]:
        path, texts = parse_line(line, self.world.commands_in(channel.guild))
        schemas = {str(option["name"]): option for option in path.options}
        values = {n: from_text(schemas[n], text, channel.guild) for n, text in texts.items()}
        return path, values

    def _find(self, guild: Guild, name: str) -> CommandPath:
        return find_command(name.split(), self.world.commands_in(guild))

    def _command(
        self, member: Member, channel: Channel, path: CommandPath, values: dict[str, object]
    ) -> Interaction:
        resolver = self._invocations.resolver(member, channel)
        data = self._invocations.command_data(path, values, resolver)
        kind = InteractionKind.COMMAND
        return self._invocations.send(Deed(kind=kind, member=member, channel=channel, data=data))

    # Options that complete themselves

    async def autocomplete(
        self, member: Member, channel: Channel, line: str, *, focused: str, value: str
    ) -> list[JsonObject]:
        """Type `value` into the option `focused` and see what the bot proposes.

        Raises:
            CommandLineError: A client would not ask the bot for this.
            SandboxTimeoutError: It proposes nothing within Discord's three seconds.
        """
        path, values = self._read(channel, line)
        asked = self._ask(member, channel, path, values | {focused: value}, focused)
        return await asked.wait_choices(timeout_s=3)

    async def complete(
        self,
        member: Member,
        channel: Channel,
        name: str,
        options: Mapping[str, object],
        *,
        focused: str,
    ) -> list[JsonObject]:
        """Ask for proposals as `autocomplete` does, with typed values.

        Raises:
            CommandLineError: A client would not ask the bot for this.
            SandboxTimeoutError: It proposes nothing within Discord's three seconds.
        """
        asked = await self.ask_choices(member, channel, name, options, focused=focused)
        return await asked.wait_choices(timeout_s=3)

    async def ask_choices(
        self,
        member: Member,
        channel: Channel,
        name: str,
        options: Mapping[str, object],
        *,
        focused: str,
    ) -> Interaction:
        """Ask as `complete` does and do not wait for the proposals.

        Raises:
            CommandLineError: A client would not ask the bot for this.
        """
        return self._ask(member, channel, self._find(channel.guild, name), options, focused)

    def _ask(
        self,
        member: Member,
        channel: Channel,
        path: CommandPath,
        values: Mapping[str, object],
        focused: str,
    ) -> Interaction:
        """Send what is filled in so far: required options may be missing."""
        check_usable(member, path.command, channel)
        check_focused(path.options, focused, values.get(focused))
        resolver = self._invocations.resolver(member, channel)
        data = self._invocations.command_data(path, dict(values), resolver)
        leaf = data
        for _ in path.steps[1:]:
            leaf = objects(leaf["options"])[0]
        for option in objects(leaf["options"]):
            if option["name"] == focused:
                option["focused"] = True
        kind = InteractionKind.AUTOCOMPLETE
        return self._invocations.send(Deed(kind=kind, member=member, channel=channel, data=data))

    # Context menus

    async def use_on_message(
        self, member: Member, message: Message, name: str, *, unchecked: bool = False
    ) -> Interaction:
        """Choose a message command in a message's context menu.

        Raises:
            CommandLineError: Not `unchecked`, and the menu does not offer it to this member. That
                ephemeral messages offer none is observed.
        """
        is_offered = not message.is_deleted and not message.is_ephemeral
        if not is_offered and not unchecked:
            raise CommandLineError("the message has no menu of apps")
        command = self._menu_command(
            member, message.channel, CommandKind.MESSAGE, name, unchecked=unchecked
        )
        return self._use_menu(command, member, message.channel, message)

    async def use_on_member(
        self,
        member: Member,
        target: Member,
        channel: Channel,
        name: str,
        *,
        unchecked: bool = False,
    ) -> Interaction:
        """Choose a user command in the context menu of somebody's name in a channel.

        Raises:
            CommandLineError: Not `unchecked`, and the menu does not offer it to this member.
        """
        command = self._menu_command(member, channel, CommandKind.USER, name, unchecked=unchecked)
        return self._use_menu(command, member, channel, target)

    def _menu_command(
        self,
        member: Member,
        channel: Channel,
        kind: CommandKind,
        name: str,
        *,
        unchecked: bool,
    ) -> JsonObject:
        everything = self.world.commands_in(channel.guild)
        known = [command for command in everything if command["type"] == kind]
        found = next((command for command in known if command["name"] == name), None)
        if unchecked:
            return found or {"id": STALE_ID, "type": kind, "name": name}
        if found is None:
            names = [command["name"] for command in known]
            raise CommandLineError(f"no command {name!r} in the menu; there: {names}")
        check_usable(member, found, channel)
        return found

    def _use_menu(
        self, command: JsonObject, member: Member, channel: Channel, target: Message | Member
    ) -> Interaction:
        resolver = self._invocations.resolver(member, channel)
        data = self._invocations.data_head(command) | {"target_id": resolver.send(target)}
        return self._invocations.send(
            Deed(
                kind=InteractionKind.COMMAND,
                member=member,
                channel=channel,
                data=data | resolver.data,
                target=target if isinstance(target, Message) else None,
                target_member=target if isinstance(target, Member) else None,
            )
        )
