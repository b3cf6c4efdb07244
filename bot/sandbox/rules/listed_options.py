"""Refuses options of selects, radio groups and checkbox groups that Discord would refuse.

Source: Discord's "Component Reference": Select Option Structure, Radio Group Option Structure,
Checkbox Group Option Structure, which are alike but for the emoji of a select's.
"""

from bot.sandbox.errors import invalid
from bot.sandbox.json_types import JsonObject, as_object
from bot.sandbox.rules.bounds import Path, check_distinct, check_length, check_text

MAX_TEXT = 100


def check_listed_options(
    path: Path, options: list[JsonObject], number: tuple[int, int], most_chosen: int
) -> None:
    """Check the options that a bot lists.

    Args:
        path: Where they stand.
        options: The options.
        number: How few and how many there may be.
        most_chosen: How many may be chosen from the start.

    Raises:
        ApiError: 50035.
    """
    check_length(path, options, *number)
    for index, option in enumerate(options):
        _check_option((*path, index), option)
    values = (str(option["value"]) for option in options)
    check_distinct(path, values, "SELECT_COMPONENT_OPTION_VALUE_DUPLICATED")
    check_length(path, [option for option in options if option.get("default")], 0, most_chosen)


def _check_option(path: Path, option: JsonObject) -> None:
    for name, least in (("label", 1), ("value", 1), ("description", 0)):
        check_text((*path, name), option.get(name), least, MAX_TEXT)
    check_emoji((*path, "emoji"), as_object(option.get("emoji")))


def check_emoji(path: Path, emoji: JsonObject) -> None:
    """Check a partial emoji, of an option or of a button.

    Raises:
        ApiError: 50035.
    """
    if emoji and not (emoji.get("id") or emoji.get("name")):
        raise invalid(path, "COMPONENT_INVALID_EMOJI", "Invalid emoji")
    check_length((*path, "name"), str(emoji.get("name") or ""), 0, 32)
