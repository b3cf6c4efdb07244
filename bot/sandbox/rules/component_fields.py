"""Refuses single components whose fields Discord would refuse.

Source: Discord's "Component Reference", the structure of each type; where that names no limit, the
request schemas of Discord's OpenAPI document.
"""

from collections.abc import Callable
from urllib.parse import urlsplit

from bot.sandbox.errors import invalid
from bot.sandbox.json_types import JsonObject, as_object, objects
from bot.sandbox.rules.bounds import Path, check_choice, check_length, check_number, required
from bot.sandbox.world.components import SELECTS, ButtonStyle, ComponentType

MAX_ID = 2**31 - 1
MAX_COLOR = 0xFFFFFF
MAX_DESCRIPTION = 1024
MAX_MEDIA_URL = 2048
MAX_LISTED = 25

LINK_SCHEMES = frozenset({"http", "https", "discord"})
"""Of a link button: observed (discordjs/discord.js#6559)."""
MEDIA_SCHEMES = frozenset({"http", "https", "attachment"})

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
    """Check the fields of one component, not of those inside of it.

    Raises:
        ApiError: 50035.
    """
    check_number((*path, "id"), component.get("id"), 0, MAX_ID)
    for check in CHECKS.get(int(component.get("type", 0)), ()):
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
        _check_url((*path, "url"), str(button["url"]), 512, LINK_SCHEMES)
    _check_emoji((*path, "emoji"), as_object(button.get("emoji")))


def _check_emoji(path: Path, emoji: JsonObject) -> None:
    if emoji and not (emoji.get("id") or emoji.get("name")):
        raise invalid(path, "COMPONENT_INVALID_EMOJI", "Invalid emoji")
    check_length((*path, "name"), str(emoji.get("name") or ""), 0, 32)


def _check_custom_id(path: Path, component: JsonObject) -> None:
    if component.get("custom_id") is not None:
        check_length((*path, "custom_id"), str(component["custom_id"]), 1, 100)


def _check_select(path: Path, select: JsonObject) -> None:
    check_length((*path, "custom_id"), str(select.get("custom_id") or ""), 1, 100)
    check_length((*path, "placeholder"), str(select.get("placeholder") or ""), 0, 150)
    check_number((*path, "min_values"), select.get("min_values"), 0, MAX_LISTED)
    check_number((*path, "max_values"), select.get("max_values"), 1, MAX_LISTED)
    least, most = _bounds(select)
    if least > most:
        code = "SELECT_COMPONENT_MIN_VALUES_LARGER_THAN_MAX_VALUES"  # ours
        raise invalid((*path, "min_values"), code, "min_values is larger than max_values")


def _bounds(select: JsonObject) -> tuple[int, int]:
    least, most = select.get("min_values"), select.get("max_values")
    return (1 if least is None else int(least)), (1 if most is None else int(most))


def _check_options(path: Path, select: JsonObject) -> None:
    options = objects(select.get("options"))
    check_length((*path, "options"), options, 1, MAX_LISTED)
    for index, option in enumerate(options):
        place = (*path, "options", index)
        for name, least in (("label", 1), ("value", 1), ("description", 0)):
            check_length((*place, name), str(option.get(name) or ""), least, 100)
        _check_emoji((*place, "emoji"), as_object(option.get("emoji")))
    values = [option.get("value") for option in options]
    if len(set(values)) != len(values):
        code = "SELECT_COMPONENT_OPTION_VALUE_DUPLICATED"
        message = "The specified option value is already used"
        raise invalid((*path, "options"), code, message)
    chosen = [option for option in options if option.get("default")]
    check_length((*path, "options"), chosen, 0, _bounds(select)[1])


def _check_default_values(path: Path, select: JsonObject) -> None:
    """Check that defaults fit ("in the range defined by min_values and max_values")."""
    values = objects(select.get("default_values"))
    if values:
        check_length((*path, "default_values"), values, *_bounds(select))
    allowed = DEFAULT_KINDS[int(select["type"])]
    for index, value in enumerate(values):
        check_choice((*path, "default_values", index, "type"), value.get("type"), allowed)


def _check_text(path: Path, text: JsonObject) -> None:
    check_length((*path, "content"), str(text.get("content") or ""), 1, 4000)


def _check_thumbnail(path: Path, thumbnail: JsonObject) -> None:
    _check_media(path, thumbnail)


def _check_gallery(path: Path, gallery: JsonObject) -> None:
    items = objects(gallery.get("items"))
    check_length((*path, "items"), items, 1, 10)
    for index, item in enumerate(items):
        _check_media((*path, "items", index), item)


def _check_media(path: Path, holder: JsonObject) -> None:
    description = str(holder.get("description") or "")
    check_length((*path, "description"), description, 0, MAX_DESCRIPTION)
    url = str(as_object(holder.get("media")).get("url") or "")
    _check_url((*path, "media", "url"), url, MAX_MEDIA_URL, MEDIA_SCHEMES)


def _check_file(path: Path, file: JsonObject) -> None:
    url = str(as_object(file.get("file")).get("url") or "")
    if not url.startswith("attachment://"):
        code = "UNFURLED_MEDIA_ITEM_ATTACHMENT_REFERENCE_REQUIRED"
        raise invalid((*path, "file", "url"), code, "Only attachment://<filename> is supported")


def _check_url(path: Path, url: str, most: int, schemes: frozenset[str]) -> None:
    check_length(path, url, 1, most)
    if urlsplit(url).scheme not in schemes:
        listed = ", ".join(f"'{scheme}'" for scheme in sorted(schemes))
        scheme = urlsplit(url).scheme
        message = f'Scheme "{scheme}" is not supported. Scheme must be one of ({listed}).'
        raise invalid(path, "URL_TYPE_INVALID_SCHEME", message)


def _check_separator(path: Path, separator: JsonObject) -> None:
    if separator.get("spacing") is not None:
        check_choice((*path, "spacing"), separator["spacing"], {1, 2})


def _check_container(path: Path, container: JsonObject) -> None:
    check_number((*path, "accent_color"), container.get("accent_color"), 0, MAX_COLOR)


Check = Callable[[Path, JsonObject], None]
CHECKS: dict[int, tuple[Check, ...]] = {
    ComponentType.BUTTON: (_check_button, _check_custom_id),
    ComponentType.TEXT_DISPLAY: (_check_text,),
    ComponentType.THUMBNAIL: (_check_thumbnail,),
    ComponentType.MEDIA_GALLERY: (_check_gallery,),
    ComponentType.FILE: (_check_file,),
    ComponentType.SEPARATOR: (_check_separator,),
    ComponentType.CONTAINER: (_check_container,),
    ComponentType.STRING_SELECT: (_check_select, _check_options),
} | dict.fromkeys(SELECTS - {ComponentType.STRING_SELECT}, (_check_select, _check_default_values))
