"""Refuses names and descriptions of commands and options, with their translations.

Sources: Discord's "Application Commands" (naming, "Localization"); the locales are those of
`AvailableLocalesEnum` in Discord's OpenAPI document, which has two more than its "Locales" table.
"""

import re
from collections.abc import Callable

from bot.sandbox.errors import invalid
from bot.sandbox.json_types import JsonObject, as_object
from bot.sandbox.rules.bounds import Path, check_text

Check = Callable[[Path, object], None]

NAME = re.compile(r"[-_'\w\u0900-\u0963\u0966-\u097F\uA8E0-\uA8FF\u0E01-\u0E3A\u0E40-\u0E5B]{1,32}")
r"""`^[-_'\p{L}\p{N}\p{sc=Deva}\p{sc=Thai}]{1,32}$`; `\w` is letters, numbers and "_", and the two
scripts have signs besides."""

LOCALES = frozenset(
    {
        *("ar", "bg", "cs", "da", "de", "el", "en-GB", "en-US", "es-419", "es-ES", "fi", "fr"),
        *("he", "hi", "hr", "hu", "id", "it", "ja", "ko", "lt", "nl", "no", "pl", "pt-BR"),
        *("ro", "ru", "sv-SE", "th", "tr", "uk", "vi", "zh-CN", "zh-TW"),
    }
)


def check_names(path: Path, entry: JsonObject, check: Check) -> None:
    """Check a name and its translations, which "follow the same restrictions".

    Raises:
        ApiError: 50035.
    """
    check((*path, "name"), entry.get("name"))
    _check_localised((*path, "name_localizations"), entry.get("name_localizations"), check)


def check_description(path: Path, entry: JsonObject) -> None:
    """Check a description and its translations: 1 to 100 characters.

    Raises:
        ApiError: 50035.
    """
    _check_text((*path, "description"), entry.get("description"))
    place = (*path, "description_localizations")
    _check_localised(place, entry.get("description_localizations"), _check_text)


def check_slash_name(path: Path, name: object) -> None:
    """Check the name of a slash command or an option: lower case wherever there is one.

    Raises:
        ApiError: 50035.
    """
    check_text(path, name, 1, 32)
    if not NAME.fullmatch(str(name)) or name != str(name).lower():
        raise invalid(path, "APPLICATION_COMMAND_INVALID_NAME", "Command name is invalid")


def _check_text(path: Path, text: object) -> None:
    check_text(path, text, 1, 100)


def _check_localised(path: Path, localised: object, check: Check) -> None:
    for locale, text in as_object(localised).items():
        if locale not in LOCALES:
            raise invalid((*path, locale), "BASE_TYPE_CHOICES", "Not one of Discord's locales.")
        check((*path, locale), text)
