"""Refuses acknowledgements that Discord would refuse.

Source: Discord's "Receiving and Responding to Interactions", "Interaction Callback Type" and
"Interaction Callback Data Structure".
"""

from bot.sandbox.errors import invalid
from bot.sandbox.json_types import JsonObject, as_object, objects
from bot.sandbox.world.entities import MessageFlags
from bot.sandbox.world.interaction import Interaction, InteractionKind, ResponseType

MESSAGE_TYPES = frozenset({ResponseType.MESSAGE, ResponseType.DEFERRED_MESSAGE})
UPDATE_TYPES = frozenset({ResponseType.DEFERRED_UPDATE, ResponseType.UPDATE})

ALLOWED: dict[InteractionKind, frozenset[ResponseType]] = {
    InteractionKind.COMMAND: MESSAGE_TYPES | {ResponseType.MODAL},
    InteractionKind.COMPONENT: MESSAGE_TYPES | UPDATE_TYPES | {ResponseType.MODAL},
    InteractionKind.AUTOCOMPLETE: frozenset({ResponseType.AUTOCOMPLETE}),
    # A modal cannot answer a modal.
    InteractionKind.MODAL: MESSAGE_TYPES | UPDATE_TYPES,
}

OPTION_TYPES: dict[int, tuple[type, ...]] = {3: (str,), 4: (int,), 10: (int, float)}


def check_callback(interaction: Interaction, payload: JsonObject) -> ResponseType:
    """Check the type of an acknowledgement and what is special to that type.

    Raises:
        ApiError: 50035.
    """
    allowed = {int(type_): type_ for type_ in ALLOWED[interaction.kind]}
    type_ = allowed.get(payload.get("type", 0))
    if type_ is None:
        choices = ", ".join(str(choice) for choice in sorted(allowed))
        raise invalid(("type",), "BASE_TYPE_CHOICES", f"Value must be one of {{{choices}}}.")
    data = as_object(payload.get("data"))
    match type_:
        case ResponseType.AUTOCOMPLETE:
            _check_choices(interaction, objects(data.get("choices")))
        case ResponseType.MODAL:
            _check_modal(data)
        case ResponseType.DEFERRED_MESSAGE:
            _check_deferral(data)
        case _:
            pass
    return type_


def _check_deferral(data: JsonObject) -> None:
    """Only EPHEMERAL is a valid flag of a deferral."""
    if int(data.get("flags") or 0) & ~MessageFlags.EPHEMERAL:
        path = ("data", "flags")
        raise invalid(path, "MESSAGE_FLAGS_INVALID", "Only EPHEMERAL may be set on a deferral")


def _check_choices(interaction: Interaction, choices: list[JsonObject]) -> None:
    path = ("data", "choices")
    if len(choices) > 25:
        raise invalid(path, "BASE_TYPE_MAX_LENGTH", "Must be 25 or fewer in length.")
    types = OPTION_TYPES.get(_focused_type(interaction.data), (str, int, float))
    for index, choice in enumerate(choices):
        name, value = str(choice.get("name", "")), choice.get("value")
        if not 1 <= len(name) <= 100:
            message = "Must be between 1 and 100 in length."
            raise invalid((*path, index, "name"), "BASE_TYPE_BAD_LENGTH", message)
        if not isinstance(value, types) or (isinstance(value, str) and len(value) > 100):
            message = "The value does not fit the option."
            raise invalid((*path, index, "value"), "APPLICATION_COMMAND_OPTIONS_VALUE", message)


def _focused_type(data: JsonObject) -> int:
    for option in objects(data.get("options")):
        if option.get("focused"):
            return int(option["type"])
        nested = _focused_type(option)
        if nested:
            return nested
    return 0


def _check_modal(data: JsonObject) -> None:
    for name, most in (("title", 45), ("custom_id", 100)):
        if not 1 <= len(str(data.get(name, ""))) <= most:
            message = f"Must be between 1 and {most} in length."
            raise invalid(("data", name), "BASE_TYPE_BAD_LENGTH", message)
    if not 1 <= len(objects(data.get("components"))) <= 5:
        message = "Must be between 1 and 5 in length."
        raise invalid(("data", "components"), "BASE_TYPE_BAD_LENGTH", message)
