"""Refuses options of commands that Discord would not register.

Source: Discord's "Application Commands", "Application Command Option Structure" and "Subcommands
and Subcommand Groups".
"""

from collections.abc import Collection

from bot.sandbox.errors import invalid
from bot.sandbox.json_types import JsonObject, as_object, objects
from bot.sandbox.rules.bounds import (
    Path,
    check_choice,
    check_length,
    check_number,
    check_range,
    check_text,
)
from bot.sandbox.rules.command_texts import check_description, check_names, check_slash_name
from bot.sandbox.world.commands import MAX_INTEGER, MAX_LENGTH, MAX_NUMBER, NESTED, OptionType

PARAMETERS = frozenset(OptionType) - NESTED
WITH_CHOICES = frozenset({OptionType.STRING, OptionType.INTEGER, OptionType.NUMBER})
CHANNEL_TYPES = frozenset({0, 1, 2, 3, 4, 5, 10, 11, 12, 13, 14, 15, 16})
"""Discord's "Channel Types"."""

MAX_LISTED = 25

CHOICE_VALUES: dict[int, tuple[type, ...]] = {
    OptionType.STRING: (str,),
    OptionType.INTEGER: (int,),
    OptionType.NUMBER: (int, float),
}

FIELDS: dict[str, Collection[int]] = {
    "choices": WITH_CHOICES,
    "autocomplete": WITH_CHOICES,
    "channel_types": {OptionType.CHANNEL},
    "min_value": {OptionType.INTEGER, OptionType.NUMBER},
    "max_value": {OptionType.INTEGER, OptionType.NUMBER},
    "min_length": {OptionType.STRING},
    "max_length": {OptionType.STRING},
    "options": NESTED,
}
"""The table's column "Valid Option Types"."""


def check_options(
    path: Path, options: list[JsonObject], allowed: Collection[int] = NESTED | PARAMETERS
) -> None:
    """Check the options of a command, a group or a subcommand.

    Raises:
        ApiError: 50035.
    """
    check_length(path, options, 0, MAX_LISTED)
    for index, option in enumerate(options):
        _check_option((*path, index), option, allowed)
    _check_together(path, options)


def _check_together(path: Path, options: list[JsonObject]) -> None:
    _check_distinct(path, [str(option["name"]) for option in options])
    for locale in {locale for option in options for locale in _names(option)}:
        _check_distinct(path, [str(_names(o).get(locale, o["name"])) for o in options])
    required = [bool(option.get("required")) for option in options]
    if required != sorted(required, reverse=True):
        code = "APPLICATION_COMMAND_OPTIONS_REQUIRED_INVALID"
        raise invalid(path, code, "Required options must be placed before non-required options")
    if len({option["type"] in NESTED for option in options}) > 1:
        # "Using subcommands or subcommand groups will make your base command unusable."
        code = "APPLICATION_COMMAND_OPTIONS_TYPE_INVALID"
        raise invalid(path, code, "Subcommands and other options are mutually exclusive")


def _names(option: JsonObject) -> JsonObject:
    return as_object(option.get("name_localizations"))


def _check_distinct(path: Path, names: list[str]) -> None:
    if len(set(names)) != len(names):
        code = "APPLICATION_COMMAND_OPTIONS_NAME_ALREADY_EXISTS"
        raise invalid(path, code, "Option name already exists")


def _check_option(path: Path, option: JsonObject, allowed: Collection[int]) -> None:
    type_ = option.get("type")
    check_choice((*path, "type"), type_, allowed)
    check_names(path, option, check_slash_name)
    check_description(path, option)
    for field, types in FIELDS.items():
        if option.get(field) not in (None, False, []) and type_ not in types:
            code = "APPLICATION_COMMAND_OPTIONS_FIELD_INVALID"
            raise invalid((*path, field), code, f"Not a field of an option of type {type_}")
    if type_ in NESTED:
        # "We support nesting one level deep within a group."
        below = {OptionType.SUBCOMMAND} if type_ == OptionType.GROUP else PARAMETERS
        check_options((*path, "options"), objects(option.get("options")), below)
    else:
        _check_parameter(path, option)


def _check_parameter(path: Path, option: JsonObject) -> None:
    choices = objects(option.get("choices"))
    check_length((*path, "choices"), choices, 0, MAX_LISTED)
    if choices and option.get("autocomplete"):
        code = "APPLICATION_COMMAND_OPTIONS_AUTOCOMPLETE_CHOICES"
        raise invalid(path, code, "Autocomplete cannot be used with choices")
    for index, choice in enumerate(choices):
        check_option_choice((*path, "choices", index), choice, option["type"])
    most = _most(option["type"])
    _check_range(path, option, "value", (-most, -most), most)
    _check_range(path, option, "length", (0, 1), MAX_LENGTH)
    for index, kind in enumerate(option.get("channel_types") or []):
        if kind not in CHANNEL_TYPES:
            place = (*path, "channel_types", index)
            raise invalid(place, "BASE_TYPE_CHOICES", "Not one of Discord's channel types.")


def check_option_choice(path: Path, choice: JsonObject, option_type: int) -> None:
    """Check a choice ("Application Command Option Choice Structure"), also a proposed one.

    Raises:
        ApiError: 50035; the name has not 1 to 100 characters, the value does not fit the option.
    """
    check_names(path, choice, _check_choice_name)
    value, place = choice.get("value"), (*path, "value")
    if not isinstance(value, CHOICE_VALUES.get(option_type, ())) or isinstance(value, bool):
        code = "APPLICATION_COMMAND_OPTIONS_VALUE"
        raise invalid(place, code, "The value does not fit the option.")
    if isinstance(value, str):
        check_length(place, value, 0, 100)
    elif isinstance(value, int | float):
        check_range(place, value, -_most(option_type), _most(option_type))


def _most(option_type: int) -> int:
    return MAX_INTEGER if option_type == OptionType.INTEGER else MAX_NUMBER


def _check_choice_name(path: Path, name: object) -> None:
    check_text(path, name, 1, 100)


def _check_range(
    path: Path, option: JsonObject, kind: str, least: tuple[int, int], most: int
) -> None:
    """Check `min_<kind>` and `max_<kind>`, which have each a least of their own."""
    names = (f"min_{kind}", f"max_{kind}")
    for name, lowest in zip(names, least, strict=True):
        given = option.get(name)
        if given is None:
            continue
        if isinstance(given, float) and option["type"] == OptionType.NUMBER:
            check_range((*path, name), given, lowest, most)
        else:
            check_number((*path, name), given, lowest, most)
    low, high = (option.get(name) for name in names)
    if low is not None and high is not None and low > high:
        code = "APPLICATION_COMMAND_OPTIONS_MIN_GREATER_THAN_MAX"
        raise invalid((*path, names[0]), code, "The minimum is greater than the maximum")
