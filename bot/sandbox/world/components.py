"""Reads components: which there are, what they say, what can be pressed, which files they show.

Source: Discord's "Component Reference" (types, children, "Legacy Message Component Behavior").
"""

from collections.abc import Iterator
from dataclasses import dataclass
from enum import IntEnum
from itertools import count

from bot.sandbox.json_types import JsonObject, as_object, objects


class ComponentType(IntEnum):
    """Discord's "Component Types", those that can stand in a message or in a modal."""

    ACTION_ROW = 1
    BUTTON = 2
    STRING_SELECT = 3
    TEXT_INPUT = 4
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
    LABEL = 18
    FILE_UPLOAD = 19
    RADIO_GROUP = 21
    CHECKBOX_GROUP = 22
    CHECKBOX = 23


class ButtonStyle(IntEnum):
    """Discord's "Button Styles"."""

    PRIMARY = 1
    SECONDARY = 2
    SUCCESS = 3
    DANGER = 4
    LINK = 5
    PREMIUM = 6


THING_SELECTS = frozenset(
    {
        ComponentType.USER_SELECT,
        ComponentType.ROLE_SELECT,
        ComponentType.MENTIONABLE_SELECT,
        ComponentType.CHANNEL_SELECT,
    }
)
"""Selects whose options are the server's people, roles or channels."""

SELECTS = THING_SELECTS | {ComponentType.STRING_SELECT}


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
        # A section has one beside its texts, a label of a modal has one below it.
        yield from walk(objects([component.get("accessory"), component.get("component")]))


def free_ids(components: list[JsonObject]) -> Iterator[int]:
    """Yield ids for components that have none, or 0, which is as good as none.

    They are "generated sequentially if left empty", and none "will use another id that exists in
    the message" ("Anatomy of a Component").
    """
    taken = {component.get("id") for component in walk(components)}
    return (number for number in count(1) if number not in taken)


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
