"""The endpoints that register slash commands, globally and for one guild.

Source: Discord's "Application Commands": a bulk overwrite replaces everything, and a command that
keeps its name keeps its id.
"""

from bot.sandbox.errors import ApiError, Problem
from bot.sandbox.json_types import JsonObject
from bot.sandbox.rest.call import Call, Reply, Route
from bot.sandbox.rules.access import Access
from bot.sandbox.rules.commands import CHAT_INPUT, check_command, check_commands
from bot.sandbox.world.world import World

GLOBAL_COMMANDS = "/applications/{application_id}/commands"
GUILD_COMMANDS = "/applications/{application_id}/guilds/{guild_id}/commands"

DEFAULTS: JsonObject = {
    "name_localizations": None,
    "description_localizations": None,
    "default_member_permissions": None,
    "dm_permission": True,
    "contexts": None,
    "integration_types": [0],
    "nsfw": False,
    "type": CHAT_INPUT,
    "description": "",
}


class CommandRoutes:
    """Read and write the sets of commands."""

    def __init__(self, *, world: World, access: Access) -> None:
        self._world = world
        self._access = access

    def routes(self) -> list[Route]:
        """List the routes."""
        routes: list[Route] = []
        for template in (GLOBAL_COMMANDS, GUILD_COMMANDS):
            one = f"{template}/{{command_id}}"
            routes += [
                Route(method="GET", template=template, endpoint=self._list),
                Route(method="PUT", template=template, endpoint=self._overwrite),
                Route(method="POST", template=template, endpoint=self._upsert),
                Route(method="GET", template=one, endpoint=self._read),
                Route(method="DELETE", template=one, endpoint=self._delete),
            ]
        return routes

    def _list(self, call: Call) -> Reply:
        commands = self._world.commands.get(self._scope(call), {})
        return Reply(body=list(commands.values()))

    def _overwrite(self, call: Call) -> Reply:
        scope = self._scope(call)
        check_commands(call.items)
        stored = [self._stored(scope, command) for command in call.items]
        self._world.commands[scope] = {_key(command): command for command in stored}
        self._world.changes.notify()
        return Reply(body=stored)

    def _upsert(self, call: Call) -> Reply:
        scope = self._scope(call)
        check_command((), call.payload)
        command = self._stored(scope, call.payload)
        known = self._world.commands.setdefault(scope, {})
        status = 200 if _key(command) in known else 201
        known[_key(command)] = command
        self._world.changes.notify()
        return Reply(status=status, body=command)

    def _read(self, call: Call) -> Reply:
        return Reply(body=self._find(call))

    def _delete(self, call: Call) -> Reply:
        command = self._find(call)
        del self._world.commands[self._scope(call)][_key(command)]
        self._world.changes.notify()
        return Reply()

    def _find(self, call: Call) -> JsonObject:
        for command in self._world.commands.get(self._scope(call), {}).values():
            if command["id"] == call.params["command_id"]:
                return command
        raise ApiError(Problem.UNKNOWN_COMMAND)

    def _scope(self, call: Call) -> str | None:
        """Name the set of commands: a guild's id, or None for the global one."""
        if call.params["application_id"] != self._world.bot.id:
            raise ApiError(Problem.MISSING_ACCESS)
        if "guild_id" not in call.params:
            return None
        return self._access.guild(call.params["guild_id"]).id

    def _stored(self, scope: str | None, command: JsonObject) -> JsonObject:
        """Complete a command; what was known by that name keeps its id."""
        whole = DEFAULTS | {name: value for name, value in command.items() if value is not None}
        if whole["default_member_permissions"] is not None:
            whole["default_member_permissions"] = str(whole["default_member_permissions"])
        known = self._world.commands.get(scope, {}).get(_key(whole))
        whole |= {
            "id": known["id"] if known else self._world.snowflakes.new(),
            "application_id": self._world.bot.id,
            "version": self._world.snowflakes.new(),
        }
        return whole if scope is None else whole | {"guild_id": scope}


def _key(command: JsonObject) -> str:
    return f"{command['type']} {command['name']}"
