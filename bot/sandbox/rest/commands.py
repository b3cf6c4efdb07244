"""The endpoints that register commands, globally and for one guild.

Source: Discord's "Application Commands": a bulk overwrite replaces commands of every type, a POST
with a known name is an update, and a command that keeps its type and name keeps its id.
"""

from bot.sandbox.errors import ApiError, Problem
from bot.sandbox.json_types import JsonObject, objects
from bot.sandbox.rest.call import Call, Reply, Route
from bot.sandbox.rest.daily_creates import DailyCreates
from bot.sandbox.rules.access import Access
from bot.sandbox.rules.commands import (
    check_command,
    check_commands,
    check_set,
    kind_of,
)
from bot.sandbox.rules.request_shapes import COMMAND, COMMANDS
from bot.sandbox.world.commands import CommandKind
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
    "type": CommandKind.CHAT_INPUT,
    "description": "",
}
GLOBAL_ONLY = ("dm_permission", "contexts", "integration_types")
LOCALISATIONS = ("name_localizations", "description_localizations")
MADE_HERE = ("id", "application_id", "guild_id", "version")


class CommandRoutes:
    """Read and write the sets of commands."""

    def __init__(self, *, world: World, access: Access) -> None:
        self._world = world
        self._access = access
        self._creates = DailyCreates(world.clock)

    def routes(self) -> list[Route]:
        """List the routes."""
        routes: list[Route] = []
        for template in (GLOBAL_COMMANDS, GUILD_COMMANDS):
            one = f"{template}/{{command_id}}"
            routes += [
                Route(method="GET", template=template, endpoint=self._list),
                Route(method="PUT", template=template, endpoint=self._overwrite, takes=COMMANDS),
                Route(method="POST", template=template, endpoint=self._upsert, takes=COMMAND),
                Route(method="GET", template=one, endpoint=self._read),
                Route(method="PATCH", template=one, endpoint=self._change, takes=COMMAND),
                Route(method="DELETE", template=one, endpoint=self._delete),
            ]
        return routes

    def _list(self, call: Call) -> Reply:
        commands = list(self._known(self._scope(call)).values())
        if call.flag("with_localizations"):
            return Reply(body=commands)
        return Reply(body=[_without_localisations(command) for command in commands])

    def _overwrite(self, call: Call) -> Reply:
        scope = self._scope(call)
        check_commands(call.items)
        known = self._known(scope)
        self._creates.add(scope, sum(_key(command) not in known for command in call.items))
        stored = [self._stored(scope, command) for command in call.items]
        self._keep(scope, {_key(command): command for command in stored})
        return Reply(body=stored)

    def _upsert(self, call: Call) -> Reply:
        scope = self._scope(call)
        check_command((), call.payload)
        known, key = self._known(scope), _key(call.payload)
        others = [command for other, command in known.items() if other != key]
        check_set([*others, call.payload])
        self._creates.add(scope, int(key not in known))
        command = self._stored(scope, call.payload)
        self._keep(scope, known | {key: command})
        return Reply(status=200 if key in known else 201, body=command)

    def _change(self, call: Call) -> Reply:
        """Edit one command: what the request does not name stays as it is."""
        scope, old = self._scope(call), self._find(call)
        changed = {n: v for n, v in old.items() if n not in MADE_HERE} | call.payload
        check_command((), changed)
        known = self._known(scope)
        others = [command for command in known.values() if command is not old]
        check_set([*others, changed])
        command = self._completed(scope, changed, old)
        kept = [command if other is old else other for other in known.values()]
        self._keep(scope, {_key(one): one for one in kept})
        return Reply(body=command)

    def _read(self, call: Call) -> Reply:
        return Reply(body=self._find(call))

    def _delete(self, call: Call) -> Reply:
        scope, command = self._scope(call), self._find(call)
        kept = {key: other for key, other in self._known(scope).items() if other is not command}
        self._keep(scope, kept)
        return Reply()

    def _find(self, call: Call) -> JsonObject:
        for command in self._known(self._scope(call)).values():
            if command["id"] == call.params["command_id"]:
                return command
        raise ApiError(Problem.UNKNOWN_COMMAND)

    def _known(self, scope: str | None) -> dict[str, JsonObject]:
        return self._world.commands.get(scope, {})

    def _keep(self, scope: str | None, commands: dict[str, JsonObject]) -> None:
        self._world.commands[scope] = commands
        self._world.changes.notify()

    def _scope(self, call: Call) -> str | None:
        """Name the set of commands: a guild's id, or None for the global one."""
        if call.params["application_id"] != self._world.bot.id:
            raise ApiError(Problem.MISSING_ACCESS)
        if "guild_id" not in call.params:
            return None
        return self._access.guild(call.params["guild_id"]).id

    def _stored(self, scope: str | None, command: JsonObject) -> JsonObject:
        return self._completed(scope, command, self._known(scope).get(_key(command)))

    def _completed(
        self, scope: str | None, command: JsonObject, known: JsonObject | None
    ) -> JsonObject:
        """Complete a command; one that was known keeps its id, and unchanged also its version."""
        whole = DEFAULTS | {name: value for name, value in command.items() if value is not None}
        if whole["default_member_permissions"] is not None:
            whole["default_member_permissions"] = str(whole["default_member_permissions"])
        whole |= {
            "id": known["id"] if known else self._world.snowflakes.new(),
            "application_id": self._world.bot.id,
            "version": known["version"] if known else self._world.snowflakes.new(),
        }
        if scope is not None:
            # "Only for globally-scoped commands": a guild's command is used in the guild.
            whole |= {"guild_id": scope} | {name: DEFAULTS[name] for name in GLOBAL_ONLY}
        if known is not None and whole != known:
            # A version is "updated during substantial record changes".
            whole["version"] = self._world.snowflakes.new()
        return whole


def _key(command: JsonObject) -> str:
    return f"{kind_of(command)} {command['name']}"


def _without_localisations(entry: JsonObject) -> JsonObject:
    """Leave the translations out, as lists do unless they are asked for."""
    kept = {name: value for name, value in entry.items() if name not in LOCALISATIONS}
    for nested in ("options", "choices"):
        if nested in kept:
            kept[nested] = [_without_localisations(one) for one in objects(kept[nested])]
    return kept
