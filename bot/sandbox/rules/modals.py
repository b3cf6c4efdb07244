"""Refuses modals that Discord would refuse.

Sources: Discord's "Receiving and Responding to Interactions" (title of 45 characters, one to five
components) and "Component Reference" for each component that can stand in a modal.
"""

from collections.abc import Callable, Iterable

from bot.sandbox.errors import invalid
from bot.sandbox.json_types import JsonObject, as_object, objects
from bot.sandbox.rules.bounds import (
    Path,
    check_choice,
    check_distinct,
    check_kind,
    check_length,
    check_number,
    check_text,
    required,
)
from bot.sandbox.rules.component_fields import MAX_ID
from bot.sandbox.rules.listed_options import check_listed_options
from bot.sandbox.world.components import SELECTS, ComponentType, walk
from bot.sandbox.world.modals import MOST_TEXT, Field, form_fields

TOP_LEVEL = frozenset({ComponentType.ACTION_ROW, ComponentType.TEXT_DISPLAY, ComponentType.LABEL})
LABELLED = SELECTS | {
    ComponentType.TEXT_INPUT,
    ComponentType.FILE_UPLOAD,
    ComponentType.RADIO_GROUP,
    ComponentType.CHECKBOX_GROUP,
    ComponentType.CHECKBOX,
}
STYLES = (1, 2)

OPTIONAL_TEXTS = {"value": MOST_TEXT, "placeholder": 150}
"""A text input's placeholder has less, 100: see `_check_text_input`."""

NUMBERS: dict[ComponentType, tuple[int, str, str]] = {
    ComponentType.TEXT_INPUT: (MOST_TEXT, "min_length", "max_length"),
    ComponentType.FILE_UPLOAD: (10, "min_values", "max_values"),
    ComponentType.CHECKBOX_GROUP: (10, "min_values", "max_values"),
} | dict.fromkeys(SELECTS, (25, "min_values", "max_values"))

OPTIONS = {
    ComponentType.STRING_SELECT: (1, 25),
    ComponentType.RADIO_GROUP: (2, 10),
    ComponentType.CHECKBOX_GROUP: (1, 10),
}


def check_modal(data: JsonObject) -> None:
    """Check the data of a callback that opens a modal.

    Raises:
        ApiError: 50035, pointing at the first thing that is wrong.
    """
    check_text(("data", "title"), data.get("title"), 1, 45)
    check_text(("data", "custom_id"), data.get("custom_id"), 1, 100)
    components, path = objects(data.get("components")), ("data", "components")
    check_length(path, components, 1, 5)
    for index, component in enumerate(components):
        _check_one((*path, index), component, TOP_LEVEL)
    names = (field.custom_id for field in form_fields(components))
    check_distinct(path, names, "COMPONENT_CUSTOM_ID_DUPLICATED")
    ids = (component.get("id") for component in walk(components))
    check_distinct(path, (id_ for id_ in ids if id_), "COMPONENT_ID_DUPLICATED")


def _check_one(path: Path, component: JsonObject, allowed: Iterable[ComponentType]) -> None:
    check_kind(path, component.get("type"), allowed)
    check_number((*path, "id"), component.get("id"), 0, MAX_ID)
    match component["type"]:
        case ComponentType.ACTION_ROW:
            _check_row(path, component)
        case ComponentType.LABEL:
            _check_label(path, component)
        case ComponentType.TEXT_DISPLAY:
            check_text((*path, "content"), component.get("content"), 1, MOST_TEXT)
        case _:
            _check_field(path, component)


def _check_row(path: Path, row: JsonObject) -> None:
    """Check a row, which modals of old have: one text input (observed), with a label of its own."""
    inputs = objects(row.get("components"))
    check_length((*path, "components"), inputs, 1, 1)
    _check_one((*path, "components", 0), inputs[0], {ComponentType.TEXT_INPUT})
    check_text((*path, "components", 0, "label"), inputs[0].get("label"), 1, 45)


def _check_label(path: Path, label: JsonObject) -> None:
    check_text((*path, "label"), label.get("label"), 1, 45)
    if label.get("description") is not None:
        check_text((*path, "description"), label["description"], 1, 100)
    if not isinstance(label.get("component"), dict):
        raise required((*path, "component"))
    _check_one((*path, "component"), as_object(label["component"]), LABELLED)


def _check_field(path: Path, component: JsonObject) -> None:
    check_text((*path, "custom_id"), component.get("custom_id"), 1, 100)
    for name, most in OPTIONAL_TEXTS.items():
        if component.get(name) is not None:
            check_text((*path, name), component[name], 0, most)
    field = Field(component=component)
    _check_numbers(path, field)
    if field.type in OPTIONS:
        _check_options(path, field)
    for check in CHECKS.get(field.type, ()):
        check(path, field)


def _check_numbers(path: Path, field: Field) -> None:
    if field.type not in NUMBERS:
        return
    most, lower, upper = NUMBERS[field.type]
    for name, least in ((lower, 0), (upper, 1)):
        if field.component.get(name) is not None:
            check_number((*path, name), field.component[name], least, most)
    fewest, most_wanted = field.bounds
    if fewest > most_wanted:
        message = f"{lower} must not be greater than {upper}."
        raise invalid((*path, lower), "BASE_TYPE_MIN_GREATER_THAN_MAX", message)
    if lower == "min_values" and field.is_required and not fewest:
        # "must be either omitted or at least 1 if `required` is omitted or true".
        check_number((*path, lower), fewest, 1, most)


def _check_options(path: Path, field: Field) -> None:
    options = objects(field.component.get("options"))
    check_listed_options((*path, "options"), options, OPTIONS[field.type], field.bounds[1])


def _check_text_input(path: Path, field: Field) -> None:
    check_choice((*path, "style"), field.component.get("style"), STYLES)
    check_text((*path, "placeholder"), field.component.get("placeholder") or "", 0, 100)


def _check_select(path: Path, field: Field) -> None:
    """Refuse `disabled`: "will result in an error" in a modal; check the things chosen at first."""
    if field.component.get("disabled"):
        raise invalid((*path, "disabled"), "COMPONENT_DISABLED_IN_MODAL", "Cannot be disabled")
    chosen = objects(field.component.get("default_values"))
    if chosen:
        check_length((*path, "default_values"), chosen, *field.bounds)


CHECKS: dict[ComponentType, tuple[Callable[[Path, Field], None], ...]] = {
    ComponentType.TEXT_INPUT: (_check_text_input,),
} | dict.fromkeys(SELECTS, (_check_select,))
