"""Fills in modals and selects as a member's client does, and refuses what it would not send.

Source: Discord's "Component Reference": each component's limits and its "Interaction Response
Structure". That a field left empty needs no least length is observed.
"""

from collections.abc import Mapping, Sequence
from typing import TypeGuard, cast

from bot.sandbox.client.option_values import Thing, Upload, check_upload
from bot.sandbox.client.resolving import Resolver
from bot.sandbox.errors import CommandLineError
from bot.sandbox.json_types import JsonObject, as_object, objects
from bot.sandbox.world.accounts import Role
from bot.sandbox.world.components import THING_SELECTS, ComponentType
from bot.sandbox.world.entities import Channel, Member
from bot.sandbox.world.modals import Field, form_fields


def fill_form(
    components: list[JsonObject], values: Mapping[str, object], resolver: Resolver
) -> list[JsonObject]:
    """Write a modal's components as they are sent back.

    Args:
        components: The modal's, with their ids.
        values: By custom id: text; the value of a radio group; whether a checkbox is checked;
            lists of values, of things or their ids, of uploads. What is not named keeps what the
            bot put there.
        resolver: Collects what the ids in the result stand for.

    Raises:
        CommandLineError: A client would not send this.
    """
    known = {field.custom_id for field in form_fields(components)}
    if not set(values) <= known:
        raise CommandLineError(f"nothing to fill in as {set(values) - known}; there: {known}")
    return [_filled(component, values, resolver) for component in components]


def _filled(component: JsonObject, values: Mapping[str, object], resolver: Resolver) -> JsonObject:
    kept = {name: component.get(name) for name in ("type", "id")}
    if "component" in component:
        return kept | {"component": _filled(as_object(component["component"]), values, resolver)}
    if "components" in component:
        inputs = objects(component["components"])
        return kept | {"components": [_filled(one, values, resolver) for one in inputs]}
    if "custom_id" not in component:
        return kept  # a text display
    field = Field(component=component)
    value = values.get(field.custom_id, field.initial)
    return kept | {"custom_id": field.custom_id} | _answer(field, value, resolver)


def _answer(field: Field, value: object, resolver: Resolver) -> JsonObject:
    match field.type:
        case ComponentType.TEXT_INPUT:
            _check_text(field, value)
            return {"value": value}
        case ComponentType.CHECKBOX:
            return {"value": bool(value)}
        case ComponentType.RADIO_GROUP:
            chosen = choose(field, [] if value is None else _listed(value), resolver)
            return {"value": next(iter(chosen), None)}
        case _:
            return {"values": choose(field, _listed(value), resolver)}


def _check_text(field: Field, text: object) -> None:
    if not isinstance(text, str):
        raise CommandLineError(f"{field.custom_id!r} takes text, not {text!r}")
    if not text and not field.is_required:
        return
    least, most = field.bounds
    if not max(least, int(field.is_required)) <= len(text) <= most:
        raise CommandLineError(f"{field.custom_id!r}: {len(text)} characters, not {least}..{most}")


def choose(field: Field, values: Sequence[object], resolver: Resolver) -> list[object]:
    """Check what is chosen in a select, a group or an upload, and turn it into what is sent.

    Raises:
        CommandLineError: Too few, too many, twice the same, or not to be chosen there.
    """
    least, most = field.bounds
    is_left_empty = not values and not field.is_required
    if not is_left_empty and not least <= len(values) <= most:
        raise CommandLineError(f"{field.custom_id!r}: {len(values)} chosen, not {least}..{most}")
    found = [_found(field, value, resolver) for value in values]
    sent = [resolver.send(thing) for thing in found]
    if len(set(sent)) != len(sent):
        raise CommandLineError(f"{field.custom_id!r}: something was chosen twice")
    return sent


def _found(field: Field, value: object, resolver: Resolver) -> object:
    if field.type == ComponentType.FILE_UPLOAD:
        if not is_upload(value):
            raise CommandLineError(f"{field.custom_id!r} takes files as name and content")
        check_upload(value, resolver.member)
        return value
    if field.type in THING_SELECTS:
        id_ = value.id if isinstance(value, Member | Role | Channel) else str(value)
        things = _things(field, resolver)
        if id_ not in things:
            raise CommandLineError(f"{field.custom_id!r}: {value!r} cannot be chosen there")
        return things[id_]
    if value not in field.options:
        raise CommandLineError(f"{field.custom_id!r}: {value!r} is not one of {field.options}")
    return value


def _things(field: Field, resolver: Resolver) -> dict[str, Thing]:
    """List what Discord's client offers: people, roles, the channels that the member sees."""
    guild, types = resolver.member.guild, field.component.get("channel_types")
    match field.type:
        case ComponentType.USER_SELECT:
            return {**guild.members}
        case ComponentType.ROLE_SELECT:
            return {**guild.roles}
        case ComponentType.MENTIONABLE_SELECT:
            return {**guild.members, **guild.roles}
        case _:
            return {
                channel.id: channel
                for channel in guild.channels.values()
                if resolver.member.sees(channel) and (not types or int(channel.kind) in types)
            }


def is_upload(value: object) -> TypeGuard[Upload]:
    """Whether a value is a file: its name and its content."""
    match value:
        case (str(), bytes()):
            return True
        case _:
            return False


def _listed(value: object) -> list[object]:
    """Take one value for a list of one."""
    if isinstance(value, list | tuple | set) and not is_upload(value):
        return list(cast("Sequence[object]", value))
    return [value]
