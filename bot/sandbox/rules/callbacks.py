"""Refuses acknowledgements that Discord would refuse.

Source: Discord's "Receiving and Responding to Interactions", "Interaction Callback Type" and
"Interaction Callback Data Structure".
"""

from bot.sandbox.errors import invalid
from bot.sandbox.json_types import JsonObject, as_object, objects
from bot.sandbox.rules.bounds import check_choice, check_length, read_number
from bot.sandbox.rules.command_options import check_option_choice
from bot.sandbox.rules.modals import check_modal
from bot.sandbox.world.interaction import Interaction, InteractionKind, ResponseType
from bot.sandbox.world.message_kinds import MessageFlags

MESSAGE_TYPES = frozenset({ResponseType.MESSAGE, ResponseType.DEFERRED_MESSAGE})
UPDATE_TYPES = frozenset({ResponseType.DEFERRED_UPDATE, ResponseType.UPDATE})

ALLOWED: dict[InteractionKind, frozenset[ResponseType]] = {
    InteractionKind.COMMAND: MESSAGE_TYPES | {ResponseType.MODAL},
    InteractionKind.COMPONENT: MESSAGE_TYPES | UPDATE_TYPES | {ResponseType.MODAL},
    InteractionKind.AUTOCOMPLETE: frozenset({ResponseType.AUTOCOMPLETE}),
    # A modal cannot answer a modal.
    InteractionKind.MODAL: MESSAGE_TYPES | UPDATE_TYPES,
}

NOT_MODELLED = {
    1: "PONG answers a PING, and those come over HTTP only.",
    10: "PREMIUM_REQUIRED is only available for apps with monetization.",
    12: "LAUNCH_ACTIVITY is only available for apps with Activities.",
}
"""Types that exist, and why an app like ours is refused them; the sentences are ours."""

MAX_CHOICES = 25


def check_callback(interaction: Interaction, payload: JsonObject) -> ResponseType:
    """Check the type of an acknowledgement and what is special to that type.

    Raises:
        ApiError: 50035.
    """
    type_ = _read_type(interaction, payload.get("type"))
    data = as_object(payload.get("data"))
    match type_:
        case ResponseType.AUTOCOMPLETE:
            _check_choices(interaction, objects(data.get("choices")))
        case ResponseType.MODAL:
            check_modal(data)
        case ResponseType.DEFERRED_MESSAGE:
            _check_deferral(data)
        case _:
            pass
    return type_


def _read_type(interaction: Interaction, asked: object) -> ResponseType:
    allowed = ALLOWED[interaction.kind]
    if interaction.target is None:
        # A modal that a command opened has no message to update; a deferred update of nothing is
        # taken as a silent acknowledgement (discord-api-docs#8612, discordjs/discord.js#8455).
        allowed -= {ResponseType.UPDATE}
    if isinstance(asked, int) and asked in NOT_MODELLED:
        raise invalid(("type",), "BASE_TYPE_CHOICES", NOT_MODELLED[asked])
    check_choice(("type",), asked, allowed)
    return ResponseType(asked)


def _check_deferral(data: JsonObject) -> None:
    """Only EPHEMERAL is a valid flag of a deferral; Components V2 comes with the edit."""
    path = ("data", "flags")
    if read_number(path, data.get("flags")) & ~MessageFlags.EPHEMERAL:
        raise invalid(path, "MESSAGE_FLAGS_INVALID", "Only EPHEMERAL may be set on a deferral")


def _check_choices(interaction: Interaction, choices: list[JsonObject]) -> None:
    path = ("data", "choices")
    check_length(path, choices, 0, MAX_CHOICES)
    type_ = _focused_type(interaction.data)
    for index, choice in enumerate(choices):
        check_option_choice((*path, index), choice, type_)


def _focused_type(data: JsonObject) -> int:
    for option in objects(data.get("options")):
        if option.get("focused"):
            return int(option["type"])
        nested = _focused_type(option)
        if nested:
            return nested
    return 0
