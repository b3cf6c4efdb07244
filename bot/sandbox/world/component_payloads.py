"""Completes components the way Discord's answers do: ids, defaults, and real links for media.

Source: Discord's "Component Reference" and the response schemas of Discord's OpenAPI document.
"""

from collections.abc import Callable

from bot.sandbox.json_types import JsonObject, as_object, objects
from bot.sandbox.world.components import SELECTS, ComponentType, free_ids

DEFAULTS: dict[ComponentType, JsonObject] = {
    ComponentType.BUTTON: {"style": 1},
    ComponentType.THUMBNAIL: {"description": None, "spoiler": False},
    ComponentType.FILE: {"name": None, "size": None, "spoiler": False},
    ComponentType.SEPARATOR: {"spacing": 1, "divider": True},
    ComponentType.CONTAINER: {"accent_color": None, "spoiler": False},
} | {kind: {"min_values": 1, "max_values": 1} for kind in SELECTS}

ITEM_DEFAULTS: JsonObject = {"description": None, "spoiler": False}


class ComponentPayloads:
    """Completes one message's components; `media` turns a URL into a media object."""

    def __init__(self, components: list[JsonObject], *, media: Callable[[str], JsonObject]) -> None:
        self._components = components
        self._media = media
        self._ids = free_ids(components)

    def complete(self) -> list[JsonObject]:
        """Complete the components and all that they hold."""
        return self._completed(self._components)

    def _completed(self, components: list[JsonObject]) -> list[JsonObject]:
        return [self._component(component) for component in components]

    def _component(self, component: JsonObject) -> JsonObject:
        kind = ComponentType(component["type"])
        id_ = component.get("id") or next(self._ids)
        whole = DEFAULTS.get(kind, {}) | component | {"id": id_}
        whole.pop("required", None)  # a select's, "ignored in messages"
        if "components" in component:
            whole["components"] = self._completed(objects(component["components"]))
        if "accessory" in component:
            whole["accessory"] = self._component(as_object(component["accessory"]))
        return whole | self._shown_media(kind, component)

    def _shown_media(self, kind: ComponentType, component: JsonObject) -> JsonObject:
        match kind:
            case ComponentType.MEDIA_GALLERY:
                items = objects(component.get("items"))
                return {"items": [ITEM_DEFAULTS | item | self._one(item) for item in items]}
            case ComponentType.THUMBNAIL:
                return self._one(component)
            case ComponentType.FILE:
                return {"file": self._media(str(as_object(component.get("file")).get("url", "")))}
            case _:
                return {}

    def _one(self, holder: JsonObject) -> JsonObject:
        return {"media": self._media(str(as_object(holder.get("media")).get("url", "")))}
