"""Refuses single components whose fields Discord would refuse.

Source: Discord's "Component Reference", the structure of each type; where that names no limit, the
request schemas of Discord's OpenAPI document.
"""

from collections.abc import Callable

from bot.sandbox.errors import invalid
from bot.sandbox.json_types import JsonObject, as_object, objects
from bot.sandbox.rules.bounds import Path, check_choice, check_length, check_number, required
from bot.sandbox.rules.listed_options import check_emoji, check_listed_options
from bot.sandbox.rules.urls import MAX_URL, MEDIA, WEB, check_url
from bot.sandbox.world.components import THING_SELECTS, ButtonStyle, ComponentType
from bot.sandbox.world.modals import Field

MAX_ID = 2**31 - 1
MAX_COLOR = 0xFFFFFF
MAX_DESCRIPTION = 1024
MAX_LISTED = 25

LINK_SCHEMES = WEB | {"discord"}
"""Of a link button: observed (discordjs/discord.js#6559)."""

BUTTON_FIELDS: dict[ButtonStyle, tuple[frozenset[str], frozenset[str]]] = {
    ButtonStyle.LINK: (frozenset({"url"}), frozenset({"custom_id", "sku_id"})),
    ButtonStyle.PREMIUM: (
        frozenset({"sku_id"}),
        frozenset({"custom_id", "label", "url", "emoji"}),
    ),
}
"""What a button of a style must and cannot have ("Button", structure and styles)."""
STYLES = frozenset(style.value for style in ButtonStyle)
OTHER_BUTTON = (frozenset({"custom_id"}), frozenset({"url", "sku_id"}))

DEFAULT_KINDS: dict[int, frozenset[str]] = {
    ComponentType.USER_SELECT: frozenset({"user"}),
    ComponentType.ROLE_SELECT: frozenset({"role"}),
    ComponentType.MENTIONABLE_SELECT: frozenset({"user", "role"}),
    ComponentType.CHANNEL_SELECT: frozenset({"channel"}),
}


def check_fields(path: Path, component: JsonObject) -> None:
    """Check the fields of one component of a known type, not of those inside of it.

    Raises:
        ApiError: 50035.
    """
    check_number((*path, "id"), component.get("id"), 0, MAX_ID)
    for check in CHECKS.get(ComponentType(component["type"]), ()):
        check(path, component)


def _check_button(path: Path, button: JsonObject) -> None:
    check_choice((*path, "style"), button.get("style"), STYLES)
    style = ButtonStyle(int(button["style"]))
    needed, excluded = BUTTON_FIELDS.get(style, OTHER_BUTTON)
    for name in sorted(needed):
        if not button.get(name):
            raise required((*path, name))
    for name in sorted(excluded):
        if button.get(name):
            code = "BUTTON_COMPONENT_INVALID_FIELD"  # ours; Discord has a code for each case
            raise invalid((*path, name), code, f"A button of style {style} has no {name}")
    check_length((*path, "label"), str(button.get("label") or ""), 0, 80)
    if style != ButtonStyle.PREMIUM and not (button.get("label") or button.get("emoji")):
        raise invalid(path, "BUTTON_COMPONENT_MISSING_LABEL", "A label or an emoji is required")
    if style == ButtonStyle.LINK:
        check_url((*path, "url"), str(button["url"]), 512, LINK_SCHEMES)
    check_emoji((*path, "emoji"), as_object(button.get("emoji")))


def _check_custom_id(path: Path, component: JsonObject) -> None:
    if component.get("custom_id") is not None:
        check_length((*path, "custom_id"), str(component["custom_id"]), 1, 100)


def _check_select(path: Path, select: JsonObject) -> None:
    check_length((*path, "custom_id"), str(select.get("custom_id") or ""), 1, 100)
    check_length((*path, "placeholder"), str(select.get("placeholder") or ""), 0, 150)
    check_number((*path, "min_values"), select.get("min_values"), 0, MAX_LISTED)
    check_number((*path, "max_values"), select.get("max_values"), 1, MAX_LISTED)
    least, most = Field(component=select).bounds
    if least > most:
        code = "SELECT_COMPONENT_MIN_VALUES_LARGER_THAN_MAX_VALUES"  # ours
        raise invalid((*path, "min_values"), code, "min_values is larger than max_values")


def _check_options(path: Path, select: JsonObject) -> None:
    options, most = objects(select.get("options")), Field(component=select).bounds[1]
    check_listed_options((*path, "options"), options, (1, MAX_LISTED), most)


def _check_default_values(path: Path, select: JsonObject) -> None:
    """Check that defaults fit ("in the range defined by min_values and max_values")."""
    values = objects(select.get("default_values"))
    if values:
        check_length((*path, "default_values"), values, *Field(component=select).bounds)
    allowed = DEFAULT_KINDS[int(select["type"])]
    for index, value in enumerate(values):
        check_choice((*path, "default_values", index, "type"), value.get("type"), allowed)


def _check_text(path: Path, text: JsonObject) -> None:
    check_length((*path, "content"), str(text.get("content") or ""), 1, 4000)


def _check_gallery(path: Path, gallery: JsonObject) -> None:
    items = objects(gallery.get("items"))
    check_length((*path, "items"), items, 1, 10)
    for index, item in enumerate(items):
        _check_media((*path, "items", index), item)


def _check_media(path: Path, holder: JsonObject) -> None:
    description = str(holder.get("description") or "")
    check_length((*path, "description"), description, 0, MAX_DESCRIPTION)
    url = str(as_object(holder.get("media")).get("url") or "")
    check_url((*path, "media", "url"), url, MAX_URL, MEDIA)


def _check_file(path: Path, file: JsonObject) -> None:
    url = str(as_object(file.get("file")).get("url") or "")
    if not url.startswith("attachment://"):
        code = "UNFURLED_MEDIA_ITEM_ATTACHMENT_REFERENCE_REQUIRED"
        raise invalid((*path, "file", "url"), code, "Only attachment://<filename> is supported")


def _check_separator(path: Path, separator: JsonObject) -> None:
    if separator.get("spacing") is not None:
        check_choice((*path, "spacing"), separator["spacing"], {1, 2})


def _check_container(path: Path, container: JsonObject) -> None:
    check_number((*path, "accent_color"), container.get("accent_color"), 0, MAX_COLOR)


Check = Callable[[Path, JsonObject], None]
CHECKS: dict[ComponentType, tuple[Check, ...]] = {
    ComponentType.BUTTON: (_check_button, _check_custom_id),
    ComponentType.TEXT_DISPLAY: (_check_text,),
    ComponentType.THUMBNAIL: (_check_media,),
    ComponentType.MEDIA_GALLERY: (_check_gallery,),
    ComponentType.FILE: (_check_file,),
    ComponentType.SEPARATOR: (_check_separator,),
    ComponentType.CONTAINER: (_check_container,),
    ComponentType.STRING_SELECT: (_check_select, _check_options),
} | dict.fromkeys(THING_SELECTS, (_check_select, _check_default_values))
