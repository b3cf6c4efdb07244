"""Refuses commands that Discord would not register.

Source: Discord's "Application Commands": naming, kinds and how many there may be of each, 8000
characters in all, contexts. Their options are in `command_options.py`.
"""

import re
from collections import Counter
from collections.abc import Collection, Iterator

from bot.sandbox.errors import invalid
from bot.sandbox.json_types import JsonObject, as_object, objects
from bot.sandbox.rules.bounds import Path, check_choice, check_length, check_text
from bot.sandbox.rules.command_options import check_options
from bot.sandbox.rules.command_texts import check_description, check_names, check_slash_name
from bot.sandbox.world.commands import CommandKind

MAX_COMMANDS: dict[int, int] = {
    CommandKind.CHAT_INPUT: 100,
    CommandKind.USER: 15,
    CommandKind.MESSAGE: 15,
}
"""15 of each context menu: Discord's change log of 2026-03-03."""

MAX_TEXT = 8000
CONTEXTS = frozenset({0, 1, 2})
INTEGRATION_TYPES = frozenset({0, 1})


def check_commands(commands: list[JsonObject]) -> None:
    """Check a whole set of commands, as a bulk overwrite brings it.

    Raises:
        ApiError: 50035.
    """
    for index, command in enumerate(commands):
        check_command((index,), command)
    check_set(commands)


def check_set(commands: Collection[JsonObject]) -> None:
    """Check that commands can stand together: unique by kind and name, not too many of a kind.

    Raises:
        ApiError: 50035.
    """
    keys = [(kind_of(command), command["name"]) for command in commands]
    if len(set(keys)) != len(keys):
        raise invalid((), "APPLICATION_COMMANDS_DUPLICATE_NAME", "Names must be unique")
    for kind, number in Counter(kind for kind, _ in keys).items():
        check_length((), range(number), 0, MAX_COMMANDS[kind])


def check_command(path: Path, command: JsonObject) -> None:
    """Check one command.

    Raises:
        ApiError: 50035.
    """
    kind = kind_of(command)
    # Type 4 is the Entry Point of an Activity, which the sandbox's bot has not.
    check_choice((*path, "type"), kind, MAX_COMMANDS)
    if kind == CommandKind.CHAT_INPUT:
        _check_slash(path, command)
    else:
        _check_menu(path, command)
    _check_permissions(path, command)
    _check_places((*path, "contexts"), command.get("contexts"), CONTEXTS)
    _check_places((*path, "integration_types"), command.get("integration_types"), INTEGRATION_TYPES)


def _check_slash(path: Path, command: JsonObject) -> None:
    check_names(path, command, check_slash_name)
    check_description(path, command)
    check_options((*path, "options"), objects(command.get("options")))
    if sum(_lengths(command)) > MAX_TEXT:
        code = "APPLICATION_COMMAND_TOO_LARGE"
        raise invalid(path, code, f"Command exceeds maximum size ({MAX_TEXT})")


def _check_menu(path: Path, command: JsonObject) -> None:
    """Check a user or message command: any case, spaces; neither description nor options."""
    check_names(path, command, _check_menu_name)
    for field in ("description", "description_localizations", "options"):
        if command.get(field):
            code = "APPLICATION_COMMAND_MENU_FIELD"
            raise invalid((*path, field), code, f"A context menu command has no {field}")


def _check_menu_name(path: Path, name: object) -> None:
    check_text(path, name, 1, 32)


def _check_permissions(path: Path, command: JsonObject) -> None:
    """Check the bit set; a string by the docs, a number by the OpenAPI document: both are taken."""
    given = command.get("default_member_permissions")
    if given is not None and not re.fullmatch(r"\d+", str(given)):
        place = (*path, "default_member_permissions")
        raise invalid(place, "NUMBER_TYPE_COERCE", f'Value "{given}" is not a bit set.')


def _check_places(path: Path, given: object, known: Collection[int]) -> None:
    if given is None:
        return
    listed = list(given) if isinstance(given, list) else []
    if not listed or len(set(listed)) != len(listed) or not set(listed) <= set(known):
        choices = ", ".join(str(place) for place in sorted(known))
        raise invalid(path, "BASE_TYPE_CHOICES", f"Values must be unique and of {{{choices}}}.")


def kind_of(command: JsonObject) -> int:
    """Tell a command's type; a slash command need not say."""
    return int(command.get("type") or CommandKind.CHAT_INPUT)


def _lengths(entry: JsonObject) -> Iterator[int]:
    """Count names, descriptions and values; the longest localisation counts for its field."""
    for field in ("name", "description"):
        localised = as_object(entry.get(f"{field}_localizations"))
        texts = [entry.get(field) or "", *localised.values()]
        yield max(len(str(text)) for text in texts)
    yield len(str(entry.get("value", "")))
    for nested in ("choices", "options"):
        for one in objects(entry.get(nested)):
            yield from _lengths(one)
