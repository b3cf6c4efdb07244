"""Reads modals: what there is to fill in, within which bounds.

Source: Discord's "Component Reference"; "Anatomy of a Component" says how missing ids are made.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from bot.sandbox.json_types import JsonObject, as_object, objects
from bot.sandbox.world.components import ComponentType, free_ids, walk

MOST_TEXT = 4000


@dataclass(frozen=True, slots=True, kw_only=True)
class Field:
    """Something to fill in or to choose from, with what Discord assumes where the bot is silent."""

    component: JsonObject

    @property
    def type(self) -> ComponentType:
        """What kind of field it is."""
        return ComponentType(self.component["type"])

    @property
    def custom_id(self) -> str:
        """The name that the bot knows it by."""
        return str(self.component["custom_id"])

    @property
    def is_required(self) -> bool:
        """Whether it must be filled; a checkbox cannot be required."""
        return self.type != ComponentType.CHECKBOX and self.component.get("required") is not False

    @property
    def bounds(self) -> tuple[int, int]:
        """How many characters, or how many values, it takes when it is not left empty."""
        if self.type == ComponentType.TEXT_INPUT:
            return self._number("min_length", 0), self._number("max_length", MOST_TEXT)
        most = len(self.options) if self.type == ComponentType.CHECKBOX_GROUP else 1
        return self._number("min_values", 1), self._number("max_values", most)

    def _number(self, name: str, default: int) -> int:
        given = self.component.get(name)
        return default if given is None else int(given)

    @property
    def options(self) -> list[str]:
        """The values that can be chosen, where the bot lists them."""
        return [str(option["value"]) for option in objects(self.component.get("options"))]

    @property
    def initial(self) -> object:
        """What stands in the field when the modal opens."""
        match self.type:
            case ComponentType.TEXT_INPUT:
                return str(self.component.get("value") or "")
            case ComponentType.CHECKBOX:
                return bool(self.component.get("default"))
            case ComponentType.RADIO_GROUP:
                return next(iter(self._defaults), None)
            case _:
                return self._defaults

    @property
    def _defaults(self) -> list[str]:
        listed = objects(self.component.get("options"))
        chosen = [str(option["value"]) for option in listed if option.get("default")]
        things = objects(self.component.get("default_values"))
        return chosen + [str(thing["id"]) for thing in things]


def form_fields(components: list[JsonObject]) -> list[Field]:
    """List what can be filled in."""
    found = walk(components)
    return [Field(component=component) for component in found if "custom_id" in component]


def complete_modal(modal: JsonObject) -> JsonObject:
    """Give every component an id: those that have none, or 0, get numbers that nobody uses."""
    components = objects(modal.get("components"))
    free = free_ids(components)
    return modal | {"components": [_complete(component, free) for component in components]}


def _complete(component: JsonObject, free: Iterator[int]) -> JsonObject:
    whole = component | {"id": component.get("id") or next(free)}
    if "components" in component:
        whole["components"] = [_complete(c, free) for c in objects(component["components"])]
    if "component" in component:
        whole["component"] = _complete(as_object(component["component"]), free)
    return whole
