"""Names the shape of JSON objects once: Discord's payloads enter and leave as such."""

from typing import Any, TypeAlias, cast

JsonObject: TypeAlias = dict[str, Any]


def objects(value: object) -> list[JsonObject]:
    """Take the JSON objects out of what may be a list; anything else is left out."""
    if not isinstance(value, list):
        return []
    entries = cast("list[object]", value)
    return [cast("JsonObject", entry) for entry in entries if isinstance(entry, dict)]


def as_object(value: object) -> JsonObject:
    """Take a JSON object for what it is and anything else for an empty one."""
    return cast("JsonObject", value) if isinstance(value, dict) else {}
