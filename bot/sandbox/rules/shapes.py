"""Reads a request's JSON into the types that an endpoint works with, or says what does not fit.

A shape takes a value and returns it as it is to be used: keys that nobody knows are left out, ids
become texts. Discord converts before it checks anything else, and answers 50035 with a code for
each type. Observed are DICT_TYPE_CONVERT (dolfies/discord.py-self#271), the words of
STRING_TYPE_CONVERT (Androz2091/discord-backup#525) and, in many reports, those of
NUMBER_TYPE_COERCE, BOOLEAN_TYPE_CONVERT, LIST_TYPE_CONVERT and DATE_TIME_TYPE_PARSE. Ours is to be
as strict as Discord's OpenAPI document: where Discord may turn "1" into 1, the sandbox refuses.
"""

import re
from collections.abc import Callable, Collection, Mapping
from datetime import datetime
from typing import TypeAlias, cast

from bot.sandbox.errors import ApiError, invalid
from bot.sandbox.json_types import JsonObject
from bot.sandbox.rules.bounds import Path, check_number
from bot.sandbox.rules.urls import MAX_URL, check_url

Shape: TypeAlias = Callable[[Path, object], object]

SNOWFLAKE = re.compile("[0-9]{1,20}")
SHOWN = 100
"""So many characters of a wrong value are told."""


def anything(_: Path, value: object) -> object:
    """Take a value as it comes."""
    return value


def text(path: Path, value: object) -> str:
    """Take a text.

    Raises:
        ApiError: 50035.
    """
    if not isinstance(value, str):
        told = f'Could not interpret "{_shown(value)}" as string.'
        raise invalid(path, "STRING_TYPE_CONVERT", told)
    return value


def integer(path: Path, value: object) -> int:
    """Take a whole number.

    Raises:
        ApiError: 50035.
    """
    if not isinstance(value, int) or isinstance(value, bool):
        raise _not(path, value, "int")
    return value


def number(path: Path, value: object) -> float:
    """Take a number.

    Raises:
        ApiError: 50035.
    """
    if not isinstance(value, int | float) or isinstance(value, bool):
        raise _not(path, value, "float")
    return value


def boolean(path: Path, value: object) -> bool:
    """Take true or false.

    Raises:
        ApiError: 50035.
    """
    if not isinstance(value, bool):
        raise invalid(path, "BOOLEAN_TYPE_CONVERT", "Must be either true or false.")
    return value


def snowflake(path: Path, value: object) -> str:
    """Take an id, which may be a text or a number ("API Reference", Snowflakes).

    Raises:
        ApiError: 50035.
    """
    is_id = isinstance(value, int | str) and not isinstance(value, bool)
    if not is_id or not SNOWFLAKE.fullmatch(str(value)):
        raise _not(path, value, "snowflake")
    return str(value)


def bit_set(path: Path, value: object) -> str:
    """Take bits: a text by Discord's pages, a number by its OpenAPI document.

    Raises:
        ApiError: 50035.
    """
    return snowflake(path, value)


def text_or_integer(path: Path, value: object) -> str | int:
    """Take a text or a whole number.

    Raises:
        ApiError: 50035.
    """
    return value if isinstance(value, str) else integer(path, value)


def text_or_number(path: Path, value: object) -> str | float:
    """Take a text or a number.

    Raises:
        ApiError: 50035.
    """
    return value if isinstance(value, str) else number(path, value)


def color(path: Path, value: object) -> int:
    """Take a colour.

    Raises:
        ApiError: 50035.
    """
    check_number(path, value, 0, 0xFFFFFF)
    return integer(path, value)


def timestamp(path: Path, value: object) -> str:
    """Take an ISO 8601 timestamp ("API Reference", ISO8601 Date/Time).

    Raises:
        ApiError: 50035.
    """
    written = text(path, value)
    try:
        datetime.fromisoformat(written)
    except ValueError as error:
        told = f"Could not parse {_shown(written)}. Should be ISO8601."
        raise invalid(path, "DATE_TIME_TYPE_PARSE", told) from error
    return written


def link_of(schemes: Collection[str]) -> Shape:
    """Make the shape of an address."""

    def read(path: Path, value: object) -> str:
        url = text(path, value)
        check_url(path, url, MAX_URL, schemes)
        return url

    return read


def list_of(shape: Shape) -> Shape:
    """Make the shape of a list, all of whose entries have one shape."""

    def read(path: Path, value: object) -> list[object]:
        if not isinstance(value, list):
            told = "Only iterables may be used in a ListType"
            raise invalid(path, "LIST_TYPE_CONVERT", told)
        entries = cast("list[object]", value)
        return [shape((*path, index), entry) for index, entry in enumerate(entries)]

    return read


def map_of(shape: Shape) -> Shape:
    """Make the shape of an object with any keys, all of whose values have one shape."""

    def read(path: Path, value: object) -> JsonObject:
        return {key: shape((*path, key), entry) for key, entry in _object(path, value).items()}

    return read


def object_of(fields: Mapping[str, Shape], *, keeps_null: bool = False) -> Shape:
    """Make the shape of an object with known keys; null is as good as absent.

    Args:
        fields: The shape of each key.
        keeps_null: Whether null says something, as in an edit, where it takes something away.
    """

    def read(path: Path, value: object) -> JsonObject:
        return read_fields(path, value, fields, keeps_null=keeps_null)

    return read


def read_fields(
    path: Path, value: object, fields: Mapping[str, Shape], *, keeps_null: bool = False
) -> JsonObject:
    """Take an object with known keys.

    Raises:
        ApiError: 50035.
    """
    found: JsonObject = {}
    for key, entry in _object(path, value).items():
        if key in fields and entry is not None:
            found[key] = fields[key]((*path, key), entry)
        elif key in fields and keeps_null:
            found[key] = None
    return found


def _object(path: Path, value: object) -> JsonObject:
    if not isinstance(value, dict):
        told = "Only dictionaries may be used in a DictType"
        raise invalid(path, "DICT_TYPE_CONVERT", told)
    return cast("JsonObject", value)


def _not(path: Path, value: object, name: str) -> ApiError:
    return invalid(path, "NUMBER_TYPE_COERCE", f'Value "{_shown(value)}" is not {name}.')


def _shown(value: object) -> str:
    return str(value)[:SHOWN]
