"""Refuses slash commands that Discord would not register.

Source: Discord's "Application Commands": naming pattern, 25 options and choices, 100 characters of
description, required options first, 8000 characters in all.
"""

import re
from collections.abc import Iterator

from bot.sandbox.errors import ApiError, invalid
from bot.sandbox.json_types import JsonObject, objects

Path = tuple[str | int, ...]

NAME = re.compile(r"[-_'\w]{1,32}")
CHAT_INPUT = 1
SUBCOMMANDS = frozenset({1, 2})
MAX_COMMANDS = 100
MAX_LISTED = 25
MAX_TEXT = 8000


def check_commands(commands: list[JsonObject]) -> None:
    """Check a whole set of commands, as a bulk overwrite brings it.

    Raises:
        ApiError: 50035.
    """
    inputs = [command for command in commands if command.get("type", CHAT_INPUT) == CHAT_INPUT]
    if len(inputs) > MAX_COMMANDS:
        raise _too_long((), MAX_COMMANDS)
    names = [str(command.get("name")) for command in inputs]
    if len(set(names)) != len(names):
        raise invalid((), "APPLICATION_COMMANDS_DUPLICATE_NAME", "Names must be unique")
    for index, command in enumerate(inputs):
        check_command((index,), command)


def check_command(path: Path, command: JsonObject) -> None:
    """Check one slash command.

    Raises:
        ApiError: 50035.
    """
    _check_named(path, command)
    _check_options((*path, "options"), objects(command.get("options")))
    if sum(_lengths(command)) > MAX_TEXT:
        code = "APPLICATION_COMMAND_TOO_LARGE"
        raise invalid(path, code, f"Command exceeds maximum size ({MAX_TEXT})")


def _check_named(path: Path, entry: JsonObject) -> None:
    name, description = str(entry.get("name", "")), str(entry.get("description", ""))
    if not NAME.fullmatch(name) or name != name.lower():
        raise invalid((*path, "name"), "APPLICATION_COMMAND_INVALID_NAME", "Name is invalid")
    if not 1 <= len(description) <= 100:
        message = "Must be between 1 and 100 in length."
        raise invalid((*path, "description"), "BASE_TYPE_BAD_LENGTH", message)


def _check_options(path: Path, options: list[JsonObject]) -> None:
    if len(options) > MAX_LISTED:
        raise _too_long(path, MAX_LISTED)
    names = [option.get("name") for option in options]
    if len(set(names)) != len(names):
        code = "APPLICATION_COMMAND_OPTIONS_NAME_ALREADY_EXISTS"
        raise invalid(path, code, "Option name already exists")
    required = [bool(option.get("required")) for option in options]
    if required != sorted(required, reverse=True):
        code = "APPLICATION_COMMAND_OPTIONS_REQUIRED_INVALID"
        raise invalid(path, code, "Required options must be placed before non-required options")
    for index, option in enumerate(options):
        _check_option((*path, index), option)


def _check_option(path: Path, option: JsonObject) -> None:
    _check_named(path, option)
    choices = objects(option.get("choices"))
    if len(choices) > MAX_LISTED:
        raise _too_long((*path, "choices"), MAX_LISTED)
    if choices and option.get("autocomplete"):
        code = "APPLICATION_COMMAND_OPTIONS_AUTOCOMPLETE_CHOICES"
        raise invalid(path, code, "Autocomplete cannot be used with choices")
    for index, choice in enumerate(choices):
        if not 1 <= len(str(choice.get("name", ""))) <= 100:
            message = "Must be between 1 and 100 in length."
            place = (*path, "choices", index, "name")
            raise invalid(place, "BASE_TYPE_BAD_LENGTH", message)
    if option.get("type") in SUBCOMMANDS:
        _check_options((*path, "options"), objects(option.get("options")))


def _lengths(entry: JsonObject) -> Iterator[int]:
    """Count names, descriptions and values; the longest localisation counts for its field."""
    for field in ("name", "description"):
        localised = entry.get(f"{field}_localizations") or {}
        yield max(len(str(text)) for text in [entry.get(field, ""), *localised.values()])
    for choice in objects(entry.get("choices")):
        yield len(str(choice.get("name", ""))) + len(str(choice.get("value", "")))
    for option in objects(entry.get("options")):
        yield from _lengths(option)


def _too_long(path: Path, most: int) -> ApiError:
    return invalid(path, "BASE_TYPE_MAX_LENGTH", f"Must be {most} or fewer in length.")
