"""The endpoints that start, list, join and delete threads.

Sources: Discord's "Channel" resource and its page "Threads". Threads are public here. Discord also
writes messages of its own when a thread starts (types 18 and 21); the sandbox does not.
"""

from datetime import UTC, datetime

from bot.sandbox.errors import ApiError, Problem
from bot.sandbox.json_types import JsonObject
from bot.sandbox.rest.call import Call, Reply, Route
from bot.sandbox.rules.access import Access
from bot.sandbox.rules.paging import read_archive_page
from bot.sandbox.rules.request_shapes import THREAD
from bot.sandbox.rules.threads import check_kind, check_source, check_thread
from bot.sandbox.world.entities import Channel, Message
from bot.sandbox.world.world import World

CHANNEL = "/channels/{channel_id}"
FUTURE = datetime.max.replace(tzinfo=UTC)
OWN_MEMBERSHIP = f"{CHANNEL}/thread-members/@me"


class ThreadRoutes:
    """Everything about threads but their messages."""

    def __init__(self, *, world: World, access: Access) -> None:
        self._world = world
        self._access = access

    def routes(self) -> list[Route]:
        """List the routes."""
        start, active = f"{CHANNEL}/threads", "/guilds/{guild_id}/threads/active"
        start_here = f"{CHANNEL}/messages/{{message_id}}/threads"
        archived = f"{CHANNEL}/threads/archived/public"
        return [
            Route(method="POST", template=start, endpoint=self._start, takes=THREAD),
            Route(
                method="POST", template=start_here, endpoint=self._start_from_message, takes=THREAD
            ),
            Route(method="GET", template=active, endpoint=self._active),
            Route(method="GET", template=archived, endpoint=self._archived),
            Route(method="PUT", template=OWN_MEMBERSHIP, endpoint=self._join),
            Route(method="DELETE", template=OWN_MEMBERSHIP, endpoint=self._leave),
            Route(method="DELETE", template=CHANNEL, endpoint=self._delete),
        ]

    # Starting

    def _start(self, call: Call) -> Reply:
        parent = self._access.channel(call.params["channel_id"])
        check_thread(parent, call.payload)
        check_kind(call.payload)
        return self._open(parent, call.payload, None)

    def _start_from_message(self, call: Call) -> Reply:
        parent = self._access.channel(call.params["channel_id"])
        check_thread(parent, call.payload)
        self._access.demand(parent, "read_message_history")
        message = self._access.message(parent, call.params["message_id"])
        check_source(message)
        return self._open(parent, call.payload, message)

    def _open(self, parent: Channel, payload: JsonObject, message: Message | None) -> Reply:
        self._access.demand(parent, "create_public_threads")
        thread = self._world.add_thread(
            parent,
            str(payload["name"]),
            owner=parent.guild.bot,
            message=message,
            auto_archive_minutes=int(payload.get("auto_archive_duration") or 1440),
            slowmode_s=int(payload.get("rate_limit_per_user") or 0),
        )
        return Reply(status=201, body=self._world.payloads.channel(thread))

    # Listing

    def _active(self, call: Call) -> Reply:
        """List the active threads that the bot can see, by descending id."""
        guild = self._access.guild(call.params["guild_id"])
        found = [one for one in guild.channels.values() if one.is_thread and not one.archived]
        found = [one for one in found if self._access.sees(one)]
        return self._listed(sorted(found, key=lambda one: int(one.id), reverse=True))

    def _archived(self, call: Call) -> Reply:
        """List a channel's archived threads, the last archived first, a page at a time."""
        parent = self._access.channel(call.params["channel_id"])
        self._access.demand(parent, "read_message_history")
        threads = [one for one in parent.guild.channels.values() if one.parent is parent]
        found = [one for one in threads if one.archived]
        limit, before = read_archive_page(call.query)
        since = self._world.clock.now()
        found.sort(key=lambda one: one.archive_changed_at or since, reverse=True)
        older = [one for one in found if (one.archive_changed_at or since) < (before or FUTURE)]
        return self._listed(older[:limit], has_more=len(older) > limit)

    def _listed(self, threads: list[Channel], *, has_more: bool = False) -> Reply:
        own = [thread for thread in threads if self._world.bot.id in thread.joined]
        payloads = self._world.payloads
        members = [payloads.thread_member(thread, self._world.bot.id) for thread in own]
        described = [payloads.channel(thread) for thread in threads]
        return Reply(body={"threads": described, "members": members, "has_more": has_more})

    # Membership and deletion

    def _join(self, call: Call) -> Reply:
        thread = self._unarchived(call)
        thread.joined.setdefault(self._world.bot.id, self._world.clock.now())
        return self._members_changed(thread, {"added_members": [self._own_membership(thread)]})

    def _leave(self, call: Call) -> Reply:
        thread = self._unarchived(call)
        thread.joined.pop(self._world.bot.id, None)
        return self._members_changed(thread, {"removed_member_ids": [self._world.bot.id]})

    def _unarchived(self, call: Call) -> Channel:
        """Find a thread; joining and leaving require "the thread is not archived"."""
        thread = self._access.thread(call.params["channel_id"])
        if thread.archived:
            raise ApiError(Problem.THREAD_ARCHIVED)
        return thread

    def _own_membership(self, thread: Channel) -> JsonObject:
        member = self._world.payloads.member(thread.guild.bot)
        own = self._world.payloads.thread_member(thread, self._world.bot.id)
        return own | {"member": member, "presence": None}

    def _members_changed(self, thread: Channel, change: JsonObject) -> Reply:
        about = {"id": thread.id, "guild_id": thread.guild.id, "member_count": len(thread.joined)}
        self._world.announce("THREAD_MEMBERS_UPDATE", about | change)
        return Reply()

    def _delete(self, call: Call) -> Reply:
        channel = self._access.channel(call.params["channel_id"])
        self._access.demand(channel, "manage_threads" if channel.is_thread else "manage_channels")
        body = self._world.payloads.channel(channel)
        self._world.delete_channel(channel)
        return Reply(body=body)
