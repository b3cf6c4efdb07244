"""What the `format` words in Discord's document mean; the library knows only the usual ones."""

from datetime import datetime
from urllib.parse import urlsplit

from jsonschema import FormatChecker

INT32 = range(-(2**31), 2**31)
INT64 = range(-(2**63), 2**63)
UINT64 = range(2**64)


def is_date_time(value: object) -> bool:
    """RFC 3339: ISO 8601 with an offset."""
    return not isinstance(value, str) or datetime.fromisoformat(value).tzinfo is not None


def is_snowflake(value: object) -> bool:
    """Discord's "API Reference", Snowflakes: an unsigned 64-bit number in decimal digits."""
    return not isinstance(value, str) or int(value) in UINT64


def is_uri(value: object) -> bool:
    return not isinstance(value, str) or bool(urlsplit(value).scheme)


def is_int32(value: object) -> bool:
    return not isinstance(value, int) or value in INT32


def is_int64(value: object) -> bool:
    return not isinstance(value, int) or value in INT64


def new_formats() -> FormatChecker:
    checker = FormatChecker(formats=())
    checker.checks("date-time", raises=ValueError)(is_date_time)
    checker.checks("snowflake", raises=ValueError)(is_snowflake)
    checker.checks("uri", raises=ValueError)(is_uri)
    checker.checks("int32")(is_int32)
    checker.checks("int64")(is_int64)
    return checker


FORMATS = new_formats()
