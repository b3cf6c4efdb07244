"""What somebody does on the page, as this account and with its rights.

Each act takes the account and what the page asks for, and answers with JSON.
"""

from collections.abc import Awaitable, Callable, Mapping
from typing import cast

from bot.sandbox.client.actions import Actions
from bot.sandbox.client.command_line import find_command
from bot.sandbox.client.option_values import Upload
from bot.sandbox.client.speech import speak
from bot.sandbox.errors import SandboxError
from bot.sandbox.json_types import JsonObject, as_object, objects
from bot.sandbox.page.uploads import Uploads
from bot.sandbox.page.values import read_values
from bot.sandbox.page.view import View
from bot.sandbox.world.accounts import User
from bot.sandbox.world.components import ComponentType
from bot.sandbox.world.entities import Channel, Member, Message
from bot.sandbox.world.files import MIB
from bot.sandbox.world.interaction import Interaction
from bot.sandbox.world.modals import form_fields
from bot.sandbox.world.world import World

Act = Callable[[User, JsonObject], Awaitable[JsonObject]]


class Acts:
    """The hands of whoever sits before the page."""

    def __init__(self, *, world: World, actions: Actions, view: View) -> None:
        self._world = world
        self._actions = actions
        self._view = view
        self._uploads = Uploads()

    def by_name(self) -> Mapping[str, Act]:
        """List the acts by the names under which the page asks for them."""
        return {
            "say": self._say,
            "line": self._line,
            "command": self._command,
            "autocomplete": self._autocomplete,
            "press": self._press,
            "context": self._use_on,
            "context-person": self._use_on_person,
            "modal": self._submit,
            "delete": self._delete,
            "put-away": self._put_away,
        }

    async def upload(self, viewer: User, channel_id: str, upload: Upload) -> JsonObject:
        """Keep a file for the command that will send it.

        Raises:
            SandboxError: It is larger than a Discord client would take here.
        """
        member, channel = self._place(viewer, {"channel": channel_id})
        if len(upload[1]) > member.largest_file:
            mib = member.largest_file / MIB
            about = f"{channel.guild.name} takes {mib:g} MiB"
            raise SandboxError(f"The file {upload[0]} is too large: {about}.")
        return {"upload": self._uploads.add(upload)}

    # Speaking

    async def _say(self, viewer: User, asked: JsonObject) -> JsonObject:
        member, channel = self._place(viewer, asked)
        text = str(asked.get("text", "")).strip()
        return {"message": speak(self._world, member, channel, text).id}

    async def _delete(self, viewer: User, asked: JsonObject) -> JsonObject:
        message = self._message(viewer, asked)
        member = message.channel.guild.members[viewer.id]
        is_own = message.author is viewer
        if not is_own and "manage_messages" not in member.permissions_in(message.channel):
            raise SandboxError("Only its author, or a moderator, deletes a message.")
        self._world.delete_message(message)
        return {}

    async def _put_away(self, viewer: User, asked: JsonObject) -> JsonObject:
        """Dismiss what only this account sees: nothing that others see is put away."""
        id_ = str(asked.get("id"))
        message, used = self._world.messages.get(id_), self._world.interactions.get(id_)
        is_own_message = message is not None and _id(message.ephemeral_to) == viewer.id
        if not is_own_message and _id(used.member if used else None) != viewer.id:
            raise SandboxError("Only you can put away what only you see.")
        self._view.put_away(id_)
        return {}

    # Using the bot

    async def _line(self, viewer: User, asked: JsonObject) -> JsonObject:
        member, channel = self._place(viewer, asked)
        sent = await self._actions.slash(member, channel, str(asked.get("line", "")).strip())
        return {"interaction": sent.id}

    async def _command(self, viewer: User, asked: JsonObject) -> JsonObject:
        member, channel = self._place(viewer, asked)
        name, values = self._values(channel, asked)
        sent = await self._actions.invoke(member, channel, name, values, unchecked=False)
        self._uploads.remove([str(id_) for id_ in as_object(asked.get("options")).values()])
        return {"interaction": sent.id}

    async def _autocomplete(self, viewer: User, asked: JsonObject) -> JsonObject:
        member, channel = self._place(viewer, asked)
        name, values = self._values(channel, asked)
        focused = str(asked.get("focused"))
        values[focused] = str(asked.get("value", ""))
        choices = await self._actions.complete(member, channel, name, values, focused=focused)
        return {"choices": choices}

    def _values(self, channel: Channel, asked: JsonObject) -> tuple[str, dict[str, object]]:
        name, given = str(asked.get("name", "")), as_object(asked.get("options"))
        path = find_command(name.split(), self._world.commands_in(channel.guild))
        return name, read_values(path.options, given, channel.guild, self._uploads)

    async def _press(self, viewer: User, asked: JsonObject) -> JsonObject:
        message = self._message(viewer, asked)
        member = message.channel.guild.members[viewer.id]
        values = _words(asked["values"]) if "values" in asked else None
        custom_id = str(asked.get("custom_id"))
        sent = await self._actions.press(member, message, custom_id, values=values)
        return {"interaction": sent.id}

    async def _use_on(self, viewer: User, asked: JsonObject) -> JsonObject:
        message = self._message(viewer, asked)
        member = message.channel.guild.members[viewer.id]
        sent = await self._actions.use_on_message(member, message, str(asked.get("name")))
        return {"interaction": sent.id}

    async def _use_on_person(self, viewer: User, asked: JsonObject) -> JsonObject:
        member, channel = self._place(viewer, asked)
        person = channel.guild.members.get(str(asked.get("person")))
        if person is None:
            raise SandboxError("They are not in this server any more.")
        name = str(asked.get("name"))
        sent = await self._actions.use_on_member(member, person, channel, name)
        return {"interaction": sent.id}

    async def _submit(self, viewer: User, asked: JsonObject) -> JsonObject:
        opened = self._interaction(viewer, asked)
        given = as_object(asked.get("values"))
        values = self._form_values(opened, given)
        sent = await self._actions.submit(opened, values)
        self._uploads.remove([id_ for value in given.values() for id_ in _words(value)])
        return {"interaction": sent.id}

    def _form_values(self, opened: Interaction, given: JsonObject) -> dict[str, object]:
        """Put the files themselves where the page names them by id."""
        fields = form_fields(objects((opened.modal or {}).get("components")))
        uploads = {field.custom_id for field in fields if field.type is ComponentType.FILE_UPLOAD}
        return {
            custom_id: [self._uploads.get(id_) for id_ in _words(value)]
            if custom_id in uploads
            else value
            for custom_id, value in given.items()
        }

    # Finding

    def _place(self, viewer: User, asked: JsonObject) -> tuple[Member, Channel]:
        channel = self._world.channels.get(str(asked.get("channel")))
        if channel is None or channel not in self._view.channels(viewer):
            raise SandboxError("There is no such channel.")
        return channel.guild.members[viewer.id], channel

    def _message(self, viewer: User, asked: JsonObject) -> Message:
        message = self._world.messages.get(str(asked.get("message")))
        if message is None or not self._view.sees(viewer, message):
            raise SandboxError("The message is not there any more.")
        return message

    def _interaction(self, viewer: User, asked: JsonObject) -> Interaction:
        interaction = self._world.interactions.get(str(asked.get("interaction")))
        if interaction is None or interaction.member.id != viewer.id:
            raise SandboxError("There is no such form.")
        return interaction


def _id(member: Member | None) -> str | None:
    return member.id if member else None


def _words(value: object) -> list[str]:
    return [str(word) for word in cast("list[object]", value)] if isinstance(value, list) else []
