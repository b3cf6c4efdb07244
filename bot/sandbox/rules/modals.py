"""Refuses modals that Discord would refuse.

Sources: Discord's "Receiving and Responding to Interactions" (title of 45 characters, one to five
components) and "Component Reference" for each component that can stand in a modal.
"""

from collections.abc import Callable, Iterable

from bot.sandbox.errors import invalid
from bot.sandbox.json_types import JsonObject, as_object, objects
from bot.sandbox.rules.bounds import Path, check_length, check_number, check_text, required
from bot.sandbox.world.modals import (
    MOST_TEXT,
    THING_SELECTS,
    Field,
    FormType,
    form_components,
    form_fields,
)

TOP_LEVEL = frozenset({FormType.ACTION_ROW, FormType.TEXT_DISPLAY, FormType.LABEL})
LABELLED = frozenset(FormType) - TOP_LEVEL
SELECTS = THING_SELECTS | {FormType.STRING_SELECT}
STYLES = (1, 2)

OPTIONAL_TEXTS = {"value": MOST_TEXT, "placeholder": 150}
"""A text input's placeholder has less, 100: see `_check_text_input`."""

NUMBERS: dict[FormType, tuple[int, str, str]] = {
    FormType.TEXT_INPUT: (MOST_TEXT, "min_length", "max_length"),
    FormType.FILE_UPLOAD: (10, "min_values", "max_values"),
    FormType.CHECKBOX_GROUP: (10, "min_values", "max_values"),
} | dict.fromkeys(SELECTS, (25, "min_values", "max_values"))

OPTIONS = {
    FormType.STRING_SELECT: (1, 25),
    FormType.RADIO_GROUP: (2, 10),
    FormType.CHECKBOX_GROUP: (1, 10),
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
    _check_distinct(
        path, (f.custom_id for f in form_fields(components)), "COMPONENT_CUSTOM_ID_DUPLICATED"
    )
    ids = (component.get("id") for component in form_components(components))
    _check_distinct(path, (id_ for id_ in ids if id_), "COMPONENT_ID_DUPLICATED")


def _check_distinct(path: Path, values: Iterable[object], code: str) -> None:
    listed = list(values)
    if len(set(listed)) != len(listed):
        raise invalid(path, code, "Components of a modal cannot share an id")


def _check_one(path: Path, component: JsonObject, allowed: Iterable[FormType]) -> None:
    found = next((type_ for type_ in allowed if type_ == component.get("type")), None)
    if found is None:
        choices = ", ".join(str(int(type_)) for type_ in sorted(allowed))
        message = f'Value of field "type" must be one of ({choices}).'
        raise invalid((*path, "type"), "UNION_TYPE_CHOICES", message)
    match found:
        case FormType.ACTION_ROW:
            _check_row(path, component)
        case FormType.LABEL:
            _check_label(path, component)
        case FormType.TEXT_DISPLAY:
            check_text((*path, "content"), component.get("content"), 1, MOST_TEXT)
        case _:
            _check_field(path, component)


def _check_row(path: Path, row: JsonObject) -> None:
    """Check a row, which modals of old have: one text input (observed), with a label of its own."""
    inputs = objects(row.get("components"))
    check_length((*path, "components"), inputs, 1, 1)
    _check_one((*path, "components", 0), inputs[0], {FormType.TEXT_INPUT})
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
    options, place = objects(field.component.get("options")), (*path, "options")
    check_length(place, options, *OPTIONS[field.type])
    for index, option in enumerate(options):
        check_text((*place, index, "label"), option.get("label"), 1, 100)
        check_text((*place, index, "value"), option.get("value"), 1, 100)
        if option.get("description") is not None:
            check_text((*place, index, "description"), option["description"], 0, 100)
    _check_distinct(place, field.options, "SELECT_COMPONENT_OPTION_VALUE_DUPLICATED")
    most = 1 if field.type == FormType.RADIO_GROUP else field.bounds[1]
    check_length(place, [option for option in options if option.get("default")], 0, most)


def _check_text_input(path: Path, field: Field) -> None:
    style = field.component.get("style")
    if style not in STYLES:
        raise invalid((*path, "style"), "BASE_TYPE_CHOICES", "Value must be one of {1, 2}.")
    check_text((*path, "placeholder"), field.component.get("placeholder") or "", 0, 100)


def _check_select(path: Path, field: Field) -> None:
    """Refuse `disabled`: "will result in an error" in a modal; check the things chosen at first."""
    if field.component.get("disabled"):
        raise invalid((*path, "disabled"), "COMPONENT_DISABLED_IN_MODAL", "Cannot be disabled")
    chosen = objects(field.component.get("default_values"))
    if chosen:
        check_length((*path, "default_values"), chosen, *field.bounds)


CHECKS: dict[FormType, tuple[Callable[[Path, Field], None], ...]] = {
    FormType.TEXT_INPUT: (_check_text_input,),
} | dict.fromkeys(SELECTS, (_check_select,))
