"""Describes the world as one account may see it, as entries that can be compared one by one.

An entry is something the page draws by itself: a server, a channel, a message. Whoever sends a view
again sends only the entries that have changed (see `feed.py`).
"""

import secrets
from collections.abc import Callable, Iterator
from datetime import datetime
from typing import TypeAlias

from bot.sandbox.client.actions import Actions
from bot.sandbox.json_types import JsonObject
from bot.sandbox.page.message_view import command_name, describe_message
from bot.sandbox.world.accounts import User
from bot.sandbox.world.entities import Channel, Guild, Member, Message
from bot.sandbox.world.interaction import Interaction, InteractionKind
from bot.sandbox.world.journal import Journal
from bot.sandbox.world.world import World

Entries: TypeAlias = dict[str, JsonObject]

SHOWN_REQUESTS = 40
MODERATION = frozenset({"manage_messages", "manage_guild"})


class View:
    """What there is to see; also keeps what members have put out of their sight."""

    def __init__(
        self,
        *,
        world: World,
        actions: Actions,
        journal: Journal,
        is_connected: Callable[[], bool],
    ) -> None:
        self._world = world
        self._actions = actions
        self._journal = journal
        self._is_connected = is_connected
        self._life = secrets.token_hex(4)
        self._put_away: set[str] = set()

    def accounts(self) -> dict[str, User]:
        """List the accounts that one can be, by id: people who are in a server."""
        people = (m.user for guild in self._world.guilds.values() for m in guild.members.values())
        return {user.id: user for user in people if not user.is_bot}

    def newcomer(self) -> User:
        """Choose who one is at first: an ordinary member of the first server, if there is one."""
        guild = next(iter(self._world.guilds.values()))
        people = [member for member in guild.members.values() if not member.user.is_bot]
        return next((m.user for m in people if role_label(m) == "member"), people[0].user)

    def put_away(self, id_: str) -> None:
        """Leave out from now on: a dismissed message, a failed command, a closed modal."""
        self._put_away.add(id_)
        self._world.changes.notify()

    def entries(self, viewer: User) -> Entries:
        """Describe everything that an account sees, by kind and id."""
        return {**self._places(viewer), **self._talk(viewer), **self._requests()}

    def channels(self, viewer: User) -> list[Channel]:
        """List the channels that an account sees."""
        members = [guild.members.get(viewer.id) for guild in self._world.guilds.values()]
        return [
            channel
            for member in members
            if member is not None
            for channel in member.guild.channels.values()
            if member.sees(channel)
        ]

    def sees(self, viewer: User, message: Message) -> bool:
        """Whether an account sees a message."""
        is_there = not message.is_deleted and message.channel in self.channels(viewer)
        return is_there and self._is_shown(viewer, message)

    def _is_shown(self, viewer: User, message: Message) -> bool:
        return message.is_for(viewer.id) and message.id not in self._put_away

    # Places and people

    def _places(self, viewer: User) -> Entries:
        guilds = [g for g in self._world.guilds.values() if viewer.id in g.members]
        entries: Entries = {"status": self._status(viewer)}
        for account in self.accounts().values():
            entries[f"account:{account.id}"] = self._account(account)
        for order, guild in enumerate(guilds):
            entries[f"guild:{guild.id}"] = self._guild(guild, order)
            entries[f"commands:{guild.id}"] = {"list": self._commands(guild.members[viewer.id])}
        for order, channel in enumerate(self.channels(viewer)):
            entries[f"channel:{channel.id}"] = self._channel(channel, viewer, order)
        return entries

    def _status(self, viewer: User) -> JsonObject:
        return {
            "life": self._life,  # another one tells a page that this is another sandbox
            "me": viewer.id,
            "bot": self._world.bot.name,
            "is_connected": self._is_connected(),
            "clock_offset_s": self._world.clock.offset_s,
        }

    def _account(self, account: User) -> JsonObject:
        guilds = [g for g in self._world.guilds.values() if account.id in g.members]
        roles = {guild.id: role_label(guild.members[account.id]) for guild in guilds}
        return {"id": account.id, "name": account.name, "roles": roles}

    def _guild(self, guild: Guild, order: int) -> JsonObject:
        people = guild.members.values()
        return {
            "id": guild.id,
            "name": guild.name,
            "order": order,
            "tier": guild.premium_tier,
            "upload_limit": guild.upload_limit,
            "is_available": guild.is_available,
            "members": [{"id": m.id, "name": m.name, "bot": m.user.is_bot} for m in people],
            "roles": [{"id": r.id, "name": r.name} for r in guild.roles.values()],
        }

    def _channel(self, channel: Channel, viewer: User, order: int) -> JsonObject:
        permissions = channel.guild.members[viewer.id].permissions_in(channel)
        return {
            "id": channel.id,
            "guild": channel.guild.id,
            "name": channel.name,
            "order": order,
            "parent": channel.parent.id if channel.parent else None,
            "nsfw": channel.is_age_restricted,
            "archived": channel.archived,
            "locked": channel.locked,
            "slowmode": channel.slowmode_s,
            "can_speak": channel.writing_permission in permissions,
            "can_command": "use_application_commands" in permissions,
            "can_moderate": "manage_messages" in permissions,
        }

    def _commands(self, member: Member) -> list[JsonObject]:
        known = self._world.commands_in(member.guild)
        return [command for command in known if self._actions.can_see(member, command)]

    # What is said and done

    def _talk(self, viewer: User) -> Entries:
        now, interactions, entries = self._world.clock.now(), self._world.interactions, Entries()
        for message in self._messages(viewer):
            shown = describe_message(message, viewer.id, interactions, now)
            entries[f"message:{message.id}"] = shown
        for used in self._own(viewer):
            if _is_open_form(used, now):
                entries[f"modal:{used.id}"] = _form(used)
            elif used.acked_at is None and not (used.opener and used.failed(now)):
                entries[f"use:{used.id}"] = _use(used, now)
        return entries

    def _messages(self, viewer: User) -> Iterator[Message]:
        visible = set(self.channels(viewer))
        for message in self._world.messages.values():
            if message.channel in visible and self._is_shown(viewer, message):
                yield message

    def _own(self, viewer: User) -> Iterator[Interaction]:
        for used in self._world.interactions.values():
            is_shown = used.kind is not InteractionKind.AUTOCOMPLETE
            if is_shown and used.member.id == viewer.id and used.id not in self._put_away:
                yield used

    def _requests(self) -> Entries:
        shown = self._journal[-SHOWN_REQUESTS:]
        first = self._journal.forgotten + len(self._journal) - len(shown)
        return {
            f"request:{number}": {
                "order": number,
                "time": request.time.isoformat(),
                "method": request.method,
                "route": request.route,
                "status": request.status,
            }
            for number, request in enumerate(shown, first)
        }


def _is_open_form(used: Interaction, now: datetime) -> bool:
    """Whether a modal stands open: one that failed to be sent stands there again."""
    if used.modal is None or used.is_expired(now):
        return False
    return used.submitted is None or used.submitted.failed(now)


def _form(used: Interaction) -> JsonObject:
    return {"id": used.id, "has_failed": used.submitted is not None, **(used.modal or {})}


def _use(used: Interaction, now: datetime) -> JsonObject:
    """Describe an interaction that the bot has not acknowledged: it waits, or it has failed."""
    is_component = used.kind is InteractionKind.COMPONENT
    return {
        "id": used.id,
        "kind": used.kind.name.lower(),
        "channel": used.channel.id,
        "time": used.created_at.isoformat(),
        "command": command_name(used.data),
        "message": used.target.id if used.target and is_component else None,
        "custom_id": used.data.get("custom_id"),
        "has_failed": used.failed(now),
    }


def role_label(member: Member) -> str:
    """Say in a word what somebody is in a server."""
    if member.guild.owner_id == member.id:
        return "owner"
    return "moderator" if member.permissions & MODERATION else "member"
