"""Turns option values into what a Discord client sends, and checks them as the client would.

Source: Discord's "Application Commands" (option types, limits). The client's checks are the only
ones there are: a hostile client leaves them out, and so can the sandbox.
"""

from collections.abc import Callable, Iterable
from typing import TypeAlias

from bot.sandbox.errors import CommandLineError
from bot.sandbox.json_types import JsonObject, objects
from bot.sandbox.world.entities import Channel, Guild, Member, Role

STRING, INTEGER, BOOLEAN, USER, CHANNEL, ROLE, MENTIONABLE, NUMBER, ATTACHMENT = range(3, 12)
MAX_NUMBER = 2**53
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
        INTEGER: int,
        NUMBER: float,
        BOOLEAN: lambda word: TRUTHS[word.lower()],
        USER: lambda word: _named(members, word),
        CHANNEL: lambda word: _named(guild.channels.values(), word),
        ROLE: lambda word: _named(roles, word),
        MENTIONABLE: lambda word: _named([*members, *roles], word),
    }


def _named(things: Iterable[Thing], word: str) -> Thing:
    plain = word.strip("<@!#&>")
    for thing in things:
        if plain in (thing.id, thing.name):
            return thing
    raise KeyError(word)


def guess_type(value: object) -> int:
    """Find the option type that a bare Python value would have; a hostile client need not know."""
    known: list[tuple[type, int]] = [
        (bool, BOOLEAN),
        (int, INTEGER),
        (float, NUMBER),
        (Member, USER),
        (Channel, CHANNEL),
        (Role, ROLE),
        (tuple, ATTACHMENT),
    ]
    return next((number for type_, number in known if isinstance(value, type_)), STRING)


def check_values(options: list[JsonObject], values: dict[str, object]) -> None:
    """Check values against a command's options, as a Discord client does before it sends.

    Raises:
        CommandLineError: One is missing, unknown, too long, out of range or no choice.
    """
    schemas = {str(option["name"]): option for option in options}
    for name in values:
        if name not in schemas:
            raise CommandLineError(f"no option {name!r}; there: {', '.join(schemas)}")
    for name, option in schemas.items():
        if name in values:
            _check_value(option, values[name])
        elif option.get("required"):
            raise CommandLineError(f"option {name!r} is required")


def _check_value(option: JsonObject, value: object) -> None:
    match value:
        case str():
            _check_range(option, "length", len(value), 6000)
        case bool():
            pass
        case int() | float():
            _check_range(option, "value", value, MAX_NUMBER)
        case _:
            pass
    choices = [choice["value"] for choice in objects(option.get("choices"))]
    if choices and value not in choices:
        raise CommandLineError(f"{option['name']}: {value!r} is not one of {choices}")


def _check_range(option: JsonObject, kind: str, measured: float, most_of_all: int) -> None:
    least = option.get(f"min_{kind}")
    most = option.get(f"max_{kind}")
    lower = (0 if kind == "length" else -most_of_all) if least is None else least
    upper = most_of_all if most is None else most
    if not lower <= measured <= upper:
        raise CommandLineError(f"{option['name']}: {kind} {measured} not in {lower}..{upper}")
