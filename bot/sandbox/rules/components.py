"""Refuses components that Discord would refuse: where they stand, how many, what they share.

Source: Discord's "Component Reference": legacy messages hold up to five action rows; with
Components V2 a message holds up to 40 components in all and 4000 characters of text.
"""

from collections.abc import Collection

from bot.sandbox.errors import invalid
from bot.sandbox.json_types import JsonObject, as_object, objects
from bot.sandbox.rules.bounds import Path, check_distinct, check_kind, check_length, required
from bot.sandbox.rules.component_fields import check_fields
from bot.sandbox.world.components import SELECTS, ComponentType, shown_urls, texts, walk

MAX_COMPONENTS = 40
MAX_TEXT = 4000
MAX_ROWS = 5

IN_CONTAINERS = frozenset(
    {
        ComponentType.ACTION_ROW,
        ComponentType.SECTION,
        ComponentType.TEXT_DISPLAY,
        ComponentType.MEDIA_GALLERY,
        ComponentType.FILE,
        ComponentType.SEPARATOR,
    }
)
TOP_LEVEL = IN_CONTAINERS | {ComponentType.CONTAINER}
CHILDREN: dict[int, frozenset[ComponentType]] = {
    ComponentType.ACTION_ROW: SELECTS | {ComponentType.BUTTON},
    ComponentType.SECTION: frozenset({ComponentType.TEXT_DISPLAY}),
    ComponentType.CONTAINER: IN_CONTAINERS,
}
MOST_CHILDREN: dict[int, int] = {
    ComponentType.ACTION_ROW: 5,
    ComponentType.SECTION: 3,
    ComponentType.CONTAINER: MAX_COMPONENTS,
}
ACCESSORIES = frozenset({ComponentType.BUTTON, ComponentType.THUMBNAIL})


def check_components(
    components: list[JsonObject], *, is_v2: bool, filenames: Collection[str]
) -> None:
    """Check a message's components; `filenames` are the message's files.

    Raises:
        ApiError: 50035, pointing at the first component that is wrong.
    """
    if is_v2:
        _check_v2(components, filenames)
    else:
        check_length(("components",), components, 0, MAX_ROWS)
    allowed = TOP_LEVEL if is_v2 else {ComponentType.ACTION_ROW}
    _check_children(("components",), components, allowed)
    _check_unique(components, "custom_id", "COMPONENT_CUSTOM_ID_DUPLICATED")
    # An id of 0 is as good as none ("Anatomy of a Component").
    _check_unique(components, "id", "COMPONENT_ID_DUPLICATED")


def _check_v2(components: list[JsonObject], filenames: Collection[str]) -> None:
    if len(list(walk(components))) > MAX_COMPONENTS:
        raise invalid(("components",), "COMPONENT_MAX_TOTAL_COMPONENTS_EXCEEDED", "More than 40")
    if sum(len(text) for text in texts(components)) > MAX_TEXT:
        code = "COMPONENT_DISPLAYABLE_TEXT_SIZE_EXCEEDED"
        raise invalid(("components",), code, "Total displayable text size exceeds 4000")
    for url in shown_urls(components):
        if url.startswith("attachment://") and url.removeprefix("attachment://") not in filenames:
            code = "UNFURLED_MEDIA_ITEM_REFERENCED_ATTACHMENT_NOT_FOUND"
            raise invalid(("components",), code, f"The referenced attachment {url} was not found")


def _check_children(path: Path, children: list[JsonObject], allowed: Collection[int]) -> None:
    for index, child in enumerate(children):
        _check_one((*path, index), child, allowed)


def _check_one(path: Path, component: JsonObject, allowed: Collection[int]) -> None:
    check_kind(path, component.get("type"), allowed)
    kind = int(component["type"])
    check_fields(path, component)
    if kind in CHILDREN:
        nested = objects(component.get("components"))
        check_length((*path, "components"), nested, 1, MOST_CHILDREN[kind])
        _check_children((*path, "components"), nested, CHILDREN[kind])
    if kind == ComponentType.ACTION_ROW:
        _check_width(path, component)
    if kind == ComponentType.SECTION:
        _check_accessory((*path, "accessory"), as_object(component.get("accessory")))


def _check_width(path: Path, row: JsonObject) -> None:
    """A row holds five buttons or one select."""
    children = objects(row.get("components"))
    if any(child.get("type") in SELECTS for child in children) and len(children) > 1:
        code = "COMPONENT_LAYOUT_WIDTH_EXCEEDED"
        raise invalid((*path, "components"), code, "The specified component exceeds the width")


def _check_accessory(path: Path, accessory: JsonObject) -> None:
    if not accessory:
        raise required(path)
    _check_one(path, accessory, ACCESSORIES)


def _check_unique(components: list[JsonObject], name: str, code: str) -> None:
    values = (component.get(name) for component in walk(components))
    check_distinct(("components",), (value for value in values if value), code)
