"""Refuses components that Discord would refuse.

Source: Discord's "Component Reference": legacy messages hold up to five action rows; with
Components V2 a message holds up to 40 components in all and 4000 characters of text.
"""

from collections.abc import Callable, Collection

from bot.sandbox.errors import ApiError, invalid
from bot.sandbox.json_types import JsonObject, as_object, objects
from bot.sandbox.world.components import LINK_STYLE, SELECTS, ComponentType, shown_urls, texts, walk

Path = tuple[str | int, ...]

MAX_COMPONENTS = 40
MAX_TEXT = 4000
MAX_ROWS = 5

TOP_LEVEL = frozenset({1, 9, 10, 12, 13, 14, 17})
CHILDREN: dict[int, frozenset[int]] = {
    ComponentType.ACTION_ROW: frozenset({2}) | SELECTS,
    ComponentType.SECTION: frozenset({10}),
    ComponentType.CONTAINER: frozenset({1, 9, 10, 12, 13, 14}),
}
ACCESSORIES = frozenset({2, 11})


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
        _at_most(("components",), components, MAX_ROWS)
    allowed = TOP_LEVEL if is_v2 else frozenset({1})
    _check_children(("components",), components, allowed)
    _check_custom_ids(components)


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
    kind = int(component.get("type", 0))
    if kind not in allowed:
        choices = ", ".join(str(choice) for choice in sorted(allowed))
        message = f'Value of field "type" must be one of ({choices}).'
        raise invalid((*path, "type"), "UNION_TYPE_CHOICES", message)
    for check in CHECKS.get(kind, ()):
        check(path, component)
    if kind in CHILDREN:
        nested = objects(component.get("components"))
        _check_children((*path, "components"), nested, CHILDREN[kind])


def _check_row(path: Path, row: JsonObject) -> None:
    children = objects(row.get("components"))
    _between((*path, "components"), children, 1, 5)
    if any(child.get("type") in SELECTS for child in children) and len(children) > 1:
        code = "COMPONENT_LAYOUT_WIDTH_EXCEEDED"
        raise invalid((*path, "components"), code, "The specified component exceeds the width")


def _check_button(path: Path, button: JsonObject) -> None:
    label = str(button.get("label") or "")
    if len(label) > 80:
        raise _too_long((*path, "label"), 80)
    is_link = button.get("style") == LINK_STYLE
    if is_link != ("url" in button) or is_link == ("custom_id" in button):
        code = "BUTTON_COMPONENT_CUSTOM_ID_OR_URL"
        raise invalid(path, code, "A link has a url, any other button a custom_id")
    if not label and not button.get("emoji"):
        raise invalid(path, "BUTTON_COMPONENT_MISSING_LABEL", "A label or an emoji is required")


def _check_custom_id(path: Path, component: JsonObject) -> None:
    custom_id = str(component.get("custom_id", ""))
    if len(custom_id) > 100:
        raise _too_long((*path, "custom_id"), 100)


def _check_select(path: Path, select: JsonObject) -> None:
    if not select.get("custom_id"):
        raise _required((*path, "custom_id"))
    if select.get("type") == ComponentType.STRING_SELECT:
        _between((*path, "options"), objects(select.get("options")), 1, 25)


def _check_section(path: Path, section: JsonObject) -> None:
    _between((*path, "components"), objects(section.get("components")), 1, 3)
    if "accessory" not in section:
        raise _required((*path, "accessory"))
    _check_one((*path, "accessory"), as_object(section["accessory"]), ACCESSORIES)


def _check_text(path: Path, text: JsonObject) -> None:
    if not text.get("content"):
        raise _required((*path, "content"))


def _check_gallery(path: Path, gallery: JsonObject) -> None:
    items = objects(gallery.get("items"))
    _between((*path, "items"), items, 1, 10)
    for index, item in enumerate(items):
        if len(str(item.get("description") or "")) > 1024:
            raise _too_long((*path, "items", index, "description"), 1024)


def _check_file(path: Path, file: JsonObject) -> None:
    url = str(as_object(file.get("file")).get("url", ""))
    if not url.startswith("attachment://"):
        code = "UNFURLED_MEDIA_ITEM_ATTACHMENT_REFERENCE_REQUIRED"
        raise invalid((*path, "file", "url"), code, "Only attachment://<filename> is supported")


def _check_custom_ids(components: list[JsonObject]) -> None:
    seen: set[str] = set()
    for component in walk(components):
        custom_id = str(component.get("custom_id") or "")
        if custom_id in seen:
            code = "COMPONENT_CUSTOM_ID_DUPLICATED"
            raise invalid(("components",), code, "Component custom id cannot be duplicated")
        seen |= {custom_id} - {""}


def _between(path: Path, entries: list[JsonObject], least: int, most: int) -> None:
    if not least <= len(entries) <= most:
        message = f"Must be between {least} and {most} in length."
        raise invalid(path, "BASE_TYPE_BAD_LENGTH", message)


def _at_most(path: Path, entries: list[JsonObject], most: int) -> None:
    if len(entries) > most:
        raise _too_long(path, most)


def _too_long(path: Path, most: int) -> ApiError:
    return invalid(path, "BASE_TYPE_MAX_LENGTH", f"Must be {most} or fewer in length.")


def _required(path: Path) -> ApiError:
    return invalid(path, "BASE_TYPE_REQUIRED", "This field is required")


CHECKS: dict[int, tuple[Callable[[Path, JsonObject], None], ...]] = {
    ComponentType.ACTION_ROW: (_check_row,),
    ComponentType.BUTTON: (_check_button, _check_custom_id),
    ComponentType.SECTION: (_check_section,),
    ComponentType.TEXT_DISPLAY: (_check_text,),
    ComponentType.MEDIA_GALLERY: (_check_gallery,),
    ComponentType.FILE: (_check_file,),
} | dict.fromkeys(SELECTS, (_check_select, _check_custom_id))
