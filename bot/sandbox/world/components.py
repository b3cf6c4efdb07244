"""Reads message components: what they say, what can be pressed, which files they show.

Source: Discord's "Component Reference" (types, children, "Legacy Message Component Behavior").
"""

from collections.abc import Iterator
from dataclasses import dataclass
from enum import IntEnum

from bot.sandbox.json_types import JsonObject, as_object, objects


class ComponentType(IntEnum):
    """The component types that can stand in a message."""

    ACTION_ROW = 1
    BUTTON = 2
    STRING_SELECT = 3
    USER_SELECT = 5
    ROLE_SELECT = 6
    MENTIONABLE_SELECT = 7
    CHANNEL_SELECT = 8
    SECTION = 9
    TEXT_DISPLAY = 10
    THUMBNAIL = 11
    MEDIA_GALLERY = 12
    FILE = 13
    SEPARATOR = 14
    CONTAINER = 17


class ButtonStyle(IntEnum):
    """Discord's "Button Styles"."""

    PRIMARY = 1
    SECONDARY = 2
    SUCCESS = 3
    DANGER = 4
    LINK = 5
    PREMIUM = 6


SELECTS = frozenset({3, 5, 6, 7, 8})


@dataclass(frozen=True, slots=True, kw_only=True)
class Button:
    """A button as a member sees it."""

    custom_id: str | None
    label: str | None
    url: str | None
    style: int
    disabled: bool


def walk(components: list[JsonObject]) -> Iterator[JsonObject]:
    """Yield every component, parents before children, in reading order."""
    for component in components:
        yield component
        yield from walk(objects(component.get("components")))
        accessory = component.get("accessory")
        if isinstance(accessory, dict):
            yield from walk([as_object(accessory)])


def texts(components: list[JsonObject]) -> list[str]:
    """List what the text displays say, in order."""
    shown = walk(components)
    return [str(c.get("content", "")) for c in shown if c.get("type") == ComponentType.TEXT_DISPLAY]


def buttons(components: list[JsonObject]) -> list[Button]:
    """List the buttons, in order."""
    return [
        Button(
            custom_id=component.get("custom_id"),
            label=component.get("label"),
            url=component.get("url"),
            style=component.get("style", 1),
            disabled=bool(component.get("disabled", False)),
        )
        for component in walk(components)
        if component.get("type") == ComponentType.BUTTON
    ]


def custom_ids(components: list[JsonObject]) -> dict[str, int]:
    """Map each custom id to the type of the component that carries it."""
    return {str(c["custom_id"]): int(c["type"]) for c in walk(components) if c.get("custom_id")}


def media_urls(component: JsonObject) -> list[str]:
    """List the media that one component shows."""
    match component.get("type"):
        case ComponentType.MEDIA_GALLERY:
            media = [as_object(item.get("media")) for item in objects(component.get("items"))]
        case ComponentType.THUMBNAIL:
            media = [as_object(component.get("media"))]
        case ComponentType.FILE:
            media = [as_object(component.get("file"))]
        case _:
            media = []
    return [str(entry.get("url", "")) for entry in media]


def shown_urls(components: list[JsonObject]) -> list[str]:
    """List all media that the components show, in order."""
    return [url for component in walk(components) for url in media_urls(component)]
