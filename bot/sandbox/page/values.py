"""Turns what the page sends for a command's options into the things that they mean.

People, places, roles and files come as ids; which kind an id is of, the option's type tells.
"""

from bot.sandbox.client.option_values import Thing
from bot.sandbox.errors import SandboxError
from bot.sandbox.json_types import JsonObject
from bot.sandbox.page.uploads import Uploads
from bot.sandbox.world.commands import OptionType
from bot.sandbox.world.entities import Guild


def read_values(
    options: list[JsonObject], given: JsonObject, guild: Guild, uploads: Uploads
) -> dict[str, object]:
    """Read values by option name.

    Raises:
        SandboxError: An id means nothing.
    """
    types = {str(option["name"]): int(option["type"]) for option in options}
    return {
        name: _read_value(types.get(name, 0), value, guild, uploads)
        for name, value in given.items()
    }


def _read_value(type_: int, value: object, guild: Guild, uploads: Uploads) -> object:
    if type_ == OptionType.ATTACHMENT:
        return uploads.get(str(value))
    if type_ in {OptionType.USER, OptionType.CHANNEL, OptionType.ROLE, OptionType.MENTIONABLE}:
        return find_thing(type_, str(value), guild)
    return value


def find_thing(type_: int, id_: str, guild: Guild) -> Thing:
    """Find a member, channel or role by id.

    Raises:
        SandboxError: There is none.
    """
    things: dict[int, dict[str, Thing]] = {
        OptionType.USER: {**guild.members},
        OptionType.CHANNEL: {**guild.channels},
        OptionType.ROLE: {**guild.roles},
        OptionType.MENTIONABLE: {**guild.members, **guild.roles},
    }
    if id_ not in things[type_]:
        raise SandboxError(f"There is nothing with the id {id_}.")
    return things[type_][id_]
