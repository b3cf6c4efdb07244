"""Lists what the requests of each endpoint hold, so that no endpoint meets another type.

Sources: the structures in Discord's "Message", "Channel", "Application Commands", "Component
Reference" and "Receiving and Responding to Interactions". Keys that are not here are ignored, as
Discord ignores them: nothing of them is stored.
"""

from collections.abc import Mapping

from bot.sandbox.json_types import JsonObject
from bot.sandbox.rules.bounds import Path
from bot.sandbox.rules.shapes import (
    Shape,
    anything,
    bit_set,
    boolean,
    color,
    integer,
    link_of,
    list_of,
    map_of,
    number,
    object_of,
    read_fields,
    snowflake,
    text,
    text_or_integer,
    text_or_number,
    timestamp,
)
from bot.sandbox.rules.urls import MEDIA, WEB
from bot.sandbox.world.components import THING_SELECTS, ComponentType

# Embeds

PICTURE = object_of({"url": link_of(MEDIA)})
EMBED = object_of(
    {
        "title": text,
        "description": text,
        "url": link_of(WEB),
        "timestamp": timestamp,
        "color": color,
        "footer": object_of({"text": text, "icon_url": link_of(MEDIA)}),
        "image": PICTURE,
        "thumbnail": PICTURE,
        "author": object_of({"name": text, "url": link_of(WEB), "icon_url": link_of(MEDIA)}),
        "fields": list_of(object_of({"name": text, "value": text, "inline": boolean})),
    }
)

# Components


def component(path: Path, value: object) -> JsonObject:
    """Take a component with the keys of its type; one of no known type is refused later.

    Raises:
        ApiError: 50035.
    """
    kind = read_fields(path, value, HEAD).get("type")
    return read_fields(path, value, {**HEAD, **COMPONENTS.get(kind, {})})


def _children(path: Path, value: object) -> object:
    return list_of(component)(path, value)


HEAD: dict[str, Shape] = {"type": integer, "id": integer}
EMOJI = object_of({"id": snowflake, "name": text, "animated": boolean})
ITEM = object_of({"url": text})
SHOWN: dict[str, Shape] = {"media": ITEM, "description": text, "spoiler": boolean}
LISTED: Shape = list_of(
    object_of(
        {"label": text, "value": text, "description": text, "emoji": EMOJI, "default": boolean}
    )
)
CHOSEN: dict[str, Shape] = {
    "custom_id": text,
    "min_values": integer,
    "max_values": integer,
    "required": boolean,
}
SELECT: dict[str, Shape] = CHOSEN | {"placeholder": text, "disabled": boolean}
THINGS: Shape = list_of(object_of({"id": snowflake, "type": text}))

COMPONENTS: dict[object, Mapping[str, Shape]] = {
    ComponentType.ACTION_ROW: {"components": _children},
    ComponentType.BUTTON: {
        "style": integer,
        "label": text,
        "emoji": EMOJI,
        "custom_id": text,
        "sku_id": snowflake,
        "url": text,
        "disabled": boolean,
    },
    ComponentType.STRING_SELECT: SELECT | {"options": LISTED},
    ComponentType.TEXT_INPUT: {
        "custom_id": text,
        "style": integer,
        "label": text,
        "min_length": integer,
        "max_length": integer,
        "required": boolean,
        "value": text,
        "placeholder": text,
    },
    ComponentType.SECTION: {"components": _children, "accessory": component},
    ComponentType.TEXT_DISPLAY: {"content": text},
    ComponentType.THUMBNAIL: SHOWN,
    ComponentType.MEDIA_GALLERY: {"items": list_of(object_of(SHOWN))},
    ComponentType.FILE: {"file": ITEM, "spoiler": boolean},
    ComponentType.SEPARATOR: {"divider": boolean, "spacing": integer},
    ComponentType.CONTAINER: {
        "components": _children,
        "accent_color": integer,
        "spoiler": boolean,
    },
    ComponentType.LABEL: {"label": text, "description": text, "component": component},
    ComponentType.FILE_UPLOAD: CHOSEN | {"file_types": list_of(text)},
    ComponentType.RADIO_GROUP: {"custom_id": text, "required": boolean, "options": LISTED},
    ComponentType.CHECKBOX_GROUP: CHOSEN | {"options": LISTED},
    ComponentType.CHECKBOX: {"custom_id": text, "default": boolean},
    **dict.fromkeys(THING_SELECTS, SELECT | {"default_values": THINGS}),
    ComponentType.CHANNEL_SELECT: SELECT
    | {"default_values": THINGS, "channel_types": list_of(integer)},
}

# Messages

ATTACHMENT = object_of(
    {"id": snowflake, "filename": text, "description": text, "is_spoiler": boolean},
    keeps_null=True,
)
ALLOWED_MENTIONS = object_of(
    {
        "parse": list_of(text),
        "users": list_of(snowflake),
        "roles": list_of(snowflake),
        "replied_user": boolean,
    }
)
REFERENCE = object_of(
    {
        "type": integer,
        "message_id": snowflake,
        "channel_id": snowflake,
        "guild_id": snowflake,
        "fail_if_not_exists": boolean,
    }
)
SAID: dict[str, Shape] = {
    "content": text,
    "nonce": text_or_integer,
    "enforce_nonce": boolean,
    "tts": boolean,
    "flags": integer,
    "embeds": list_of(EMBED),
    "components": _children,
    "allowed_mentions": ALLOWED_MENTIONS,
    "attachments": list_of(ATTACHMENT),
    "message_reference": REFERENCE,
    "sticker_ids": list_of(snowflake),
    # The sandbox has neither; they matter where Components V2 excludes them.
    "poll": anything,
    "shared_client_theme": anything,
}
MESSAGE = object_of(SAID, keeps_null=True)

# Commands

NAMES: dict[str, Shape] = {
    "name": text,
    "name_localizations": map_of(text),
    "description": text,
    "description_localizations": map_of(text),
}
CHOICE = object_of({"name": text, "name_localizations": map_of(text), "value": text_or_number})


def _options(path: Path, value: object) -> object:
    return list_of(object_of(OPTION))(path, value)


OPTION: dict[str, Shape] = NAMES | {
    "type": integer,
    "required": boolean,
    "choices": list_of(CHOICE),
    "options": _options,
    "channel_types": list_of(integer),
    "min_value": number,
    "max_value": number,
    "min_length": integer,
    "max_length": integer,
    "autocomplete": boolean,
    "file_types": list_of(text),
}
COMMAND = object_of(
    NAMES
    | {
        "type": integer,
        "options": _options,
        "default_member_permissions": bit_set,
        "dm_permission": boolean,
        "contexts": list_of(integer),
        "integration_types": list_of(integer),
        "nsfw": boolean,
    },
    keeps_null=True,
)
COMMANDS = list_of(COMMAND)

# Acknowledgements, threads, direct channels

ACKNOWLEDGEMENT = object_of(
    {
        "type": integer,
        "data": object_of(
            SAID | {"choices": list_of(CHOICE), "title": text, "custom_id": text},
            keeps_null=True,
        ),
    }
)
THREAD = object_of(
    {
        "name": text,
        "type": integer,
        "auto_archive_duration": integer,
        "rate_limit_per_user": integer,
        "invitable": boolean,
    }
)
RECIPIENT = object_of({"recipient_id": snowflake})
