"""Turns option values into what a Discord client sends, and checks them as the client would.

Source: Discord's "Application Commands" (option types, limits). The client's checks are the only
ones there are: a hostile client leaves them out, and so can the sandbox.
"""

from collections.abc import Callable, Iterable
from typing import TypeAlias

from bot.sandbox.errors import CommandLineError
from bot.sandbox.json_types import JsonObject, objects
from bot.sandbox.world.accounts import Role, User
from bot.sandbox.world.commands import MAX_INTEGER, MAX_LENGTH, MAX_NUMBER, OptionType
from bot.sandbox.world.entities import Channel, Guild, Member

TRUTHS = {"true": True, "false": False}

Thing: TypeAlias = Member | Channel | Role
Upload: TypeAlias = tuple[str, bytes]


def from_text(option: JsonObject, text: str, guild: Guild) -> object:
    """Read a typed value.

    Raises:
        CommandLineError: The text does not fit the option's type.
    """
    for choice in objects(option.get("choices")):
        if text == choice["name"]:
            return choice["value"]
    try:
        return _readers(guild).get(int(option["type"]), str)(text)
    except (ValueError, KeyError) as error:
        raise CommandLineError(f"{option['name']}: {text!r} is not of its type") from error


def _readers(guild: Guild) -> dict[int, Callable[[str], object]]:
    members, roles = guild.members.values(), guild.roles.values()
    return {
        OptionType.INTEGER: int,
        OptionType.NUMBER: float,
        OptionType.BOOLEAN: lambda word: TRUTHS[word.lower()],
        OptionType.USER: lambda word: _find(members, word),
        OptionType.CHANNEL: lambda word: _find(guild.channels.values(), word),
        OptionType.ROLE: lambda word: _find(roles, word),
        OptionType.MENTIONABLE: lambda word: _find([*members, *roles], word),
    }


def _find(things: Iterable[Thing], word: str) -> Thing:
    plain = word.strip("<@!#&>")
    for thing in things:
        if plain in (thing.id, thing.name):
            return thing
    raise KeyError(word)


def guess_type(value: object) -> int:
    """Find the option type that a bare Python value would have; a hostile client need not know."""
    known: list[tuple[type, int]] = [
        (bool, OptionType.BOOLEAN),
        (int, OptionType.INTEGER),
        (float, OptionType.NUMBER),
        (Member, OptionType.USER),
        (User, OptionType.USER),
        (Channel, OptionType.CHANNEL),
        (Role, OptionType.ROLE),
        (tuple, OptionType.ATTACHMENT),
    ]
    return next((number for type_, number in known if isinstance(value, type_)), OptionType.STRING)


def check_values(options: list[JsonObject], values: dict[str, object], member: Member) -> None:
    """Check values against a command's options, as a Discord client does before it sends.

    Raises:
        CommandLineError: One is missing, unknown, of another type, too long, out of range, no
            choice, or a file that is too large for the member.
    """
    schemas = {str(option["name"]): option for option in options}
    for name in values:
        if name not in schemas:
            raise CommandLineError(f"no option {name!r}; there: {', '.join(schemas) or 'none'}")
    for name, option in schemas.items():
        if name in values:
            _check_value(option, values[name], member)
        elif option.get("required"):
            raise CommandLineError(f"{name} is required")


def check_focused(options: list[JsonObject], focused: str, value: object) -> None:
    """Check what is being typed: "you may receive partial strings, but not invalid numbers".

    Raises:
        CommandLineError: The option does not complete itself, or this is no number.
    """
    option = next((o for o in options if o["name"] == focused and o.get("autocomplete")), None)
    if option is None:
        raise CommandLineError(f"the option {focused!r} does not complete itself")
    readers: dict[int, Callable[[str], object]] = {
        OptionType.INTEGER: int,
        OptionType.NUMBER: float,
    }
    read = readers.get(int(option["type"]), str)
    try:
        read(str(value) or "0")
    except ValueError as error:
        raise CommandLineError(f"{focused}: {value!r} is no number") from error


def _check_value(option: JsonObject, value: object, member: Member) -> None:
    if not _is_of_type(option, value):
        raise CommandLineError(f"{option['name']}: {value!r} is not of its type")
    match value:
        case str():
            _check_range(option, "length", len(value), (1, MAX_LENGTH))
        case bool():
            pass
        case int() if option["type"] == OptionType.INTEGER:
            _check_range(option, "value", value, (-MAX_INTEGER, MAX_INTEGER))
        case int() | float():
            _check_range(option, "value", value, (-MAX_NUMBER, MAX_NUMBER))
        case (str() as filename, bytes() as content):
            check_upload((filename, content), member)
        case _:
            pass
    choices = [choice["value"] for choice in objects(option.get("choices"))]
    if choices and value not in choices:
        raise CommandLineError(f"{option['name']}: {value!r} is not one of {choices}")


def _is_of_type(option: JsonObject, value: object) -> bool:
    if isinstance(value, bool):
        return option["type"] == OptionType.BOOLEAN
    if isinstance(value, Channel):
        types = option.get("channel_types")
        return option["type"] == OptionType.CHANNEL and (not types or int(value.kind) in types)
    return isinstance(value, TYPES.get(int(option["type"]), ()))


def check_upload(upload: Upload, member: Member) -> None:
    """Check a file's size: "based on the user's upload limit in that channel".

    Raises:
        CommandLineError: It is larger than the member's Nitro and the server's boosts allow.
    """
    filename, content = upload
    if len(content) > member.largest_file:
        raise CommandLineError(f"{filename} is larger than {member.largest_file} bytes")


def _check_range(
    option: JsonObject, kind: str, measured: float, bounds: tuple[float, float]
) -> None:
    """Check a number or a length; nobody sends an empty text: the option is left out then."""
    least, most = option.get(f"min_{kind}"), option.get(f"max_{kind}")
    lower = bounds[0] if least is None else max(bounds[0], least)
    upper = bounds[1] if most is None else most
    if not lower <= measured <= upper:
        unit = " characters" if kind == "length" else ""
        raise CommandLineError(f"{option['name']} takes {lower} to {upper}{unit}, not {measured}")


TYPES: dict[int, tuple[type, ...]] = {
    OptionType.STRING: (str,),
    OptionType.INTEGER: (int,),
    OptionType.NUMBER: (int, float),
    OptionType.USER: (Member, User),
    OptionType.ROLE: (Role,),
    OptionType.MENTIONABLE: (Member, Role),
    OptionType.ATTACHMENT: (tuple,),
}
"""What a value is in Python, by the option's type; booleans and channels have more to them."""
