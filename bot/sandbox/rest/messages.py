"""The endpoints for messages in channels, used with the bot's token.

Source: Discord's "Message" resource.
"""

from datetime import timedelta

from bot.sandbox.errors import ApiError, Problem, invalid
from bot.sandbox.json_types import JsonObject, as_object
from bot.sandbox.rest.attachments import Content
from bot.sandbox.rest.call import Call, Reply, Route
from bot.sandbox.rest.posting import Posting
from bot.sandbox.rules.access import Access
from bot.sandbox.rules.mentions import MESSAGE_PARSE
from bot.sandbox.rules.message_content import readable
from bot.sandbox.rules.messages import read_nonce
from bot.sandbox.rules.paging import read_page
from bot.sandbox.rules.request_shapes import MESSAGE
from bot.sandbox.world.entities import Channel, Message
from bot.sandbox.world.limits import Limit, Window
from bot.sandbox.world.message_kinds import MessageKind
from bot.sandbox.world.world import World

CHANNEL_MESSAGES = "/channels/{channel_id}/messages"
CHANNEL_MESSAGE = "/channels/{channel_id}/messages/{message_id}"

AUTHORS_ONLY = frozenset({"content", "embeds", "components", "attachments"})
OLD = timedelta(hours=1)


class MessageRoutes:
    """Create, read, edit and delete messages."""

    def __init__(self, *, world: World, posting: Posting, access: Access) -> None:
        self._world = world
        self._posting = posting
        self._access = access
        self._nonces: dict[str, Message] = {}
        self._old_edits: dict[tuple[str, Limit], Window] = {}

    def routes(self) -> list[Route]:
        """List the routes."""
        return [
            Route(method="GET", template=CHANNEL_MESSAGES, endpoint=self._list),
            Route(method="POST", template=CHANNEL_MESSAGES, endpoint=self._create, takes=MESSAGE),
            Route(method="GET", template=CHANNEL_MESSAGE, endpoint=self._read),
            Route(method="PATCH", template=CHANNEL_MESSAGE, endpoint=self._edit, takes=MESSAGE),
            Route(method="DELETE", template=CHANNEL_MESSAGE, endpoint=self._delete),
        ]

    # Creating

    def _create(self, call: Call) -> Reply:
        channel = self._access.place(call.params["channel_id"])
        if channel.recipient is not None and not channel.recipient.takes_direct:
            raise ApiError(Problem.CANNOT_SEND_TO_USER)
        self._access.demand_posting(channel, call.payload, has_files=bool(call.files))
        nonce = read_nonce(call.payload)
        if nonce is not None and call.payload.get("enforce_nonce"):
            known = self._known(str(nonce))
            if known is not None:
                return Reply(body=self._world.payloads.message(known))
        message = self._posting.blank(channel)
        message.nonce = nonce
        self._refer(message, call.payload)
        self._posting.create(message, self._content(call, channel))
        if nonce is not None:
            self._nonces[str(nonce)] = message
        return Reply(body=self._world.payloads.message(message))

    def _known(self, nonce: str) -> Message | None:
        """Find the bot's message with the same nonce, if it is young enough."""
        oldest = self._world.clock.now() - timedelta(seconds=self._world.assumptions.nonce_life_s)
        self._nonces = {n: one for n, one in self._nonces.items() if one.created_at >= oldest}
        message = self._nonces.get(nonce)
        if message is not None and message.is_deleted:
            # Intended, say Discord's staff in discord-api-docs#6647.
            raise ApiError(Problem.UNKNOWN_MESSAGE)
        return message

    def _refer(self, message: Message, payload: JsonObject) -> None:
        """Make a message a reply; what it answers stands in the same channel ("Replies")."""
        reference = payload.get("message_reference")
        if not isinstance(reference, dict):
            return
        asked = as_object(reference)
        self._access.demand_replying(message.channel)
        target = message.channel.messages.get(str(asked.get("message_id")))
        if target is None and asked.get("fail_if_not_exists", True):
            path = ("message_reference",)
            raise invalid(path, "REPLIES_UNKNOWN_MESSAGE", "Unknown message")
        if target is not None:
            message.reference, message.kind = target, MessageKind.REPLY

    def _content(self, call: Call, channel: Channel) -> Content:
        return Content(
            payload=call.payload,
            files=call.files,
            upload_limit=channel.guild.upload_limit,
            request_limit=self._world.assumptions.request_ceiling,
            parse=MESSAGE_PARSE,
        )

    # Reading

    def _read(self, call: Call) -> Reply:
        channel = self._access.place(call.params["channel_id"])
        self._access.demand(channel, "read_message_history")
        message = self._access.message(channel, call.params["message_id"])
        return Reply(body=self._read_by_bot(message))

    def _list(self, call: Call) -> Reply:
        """List messages, newest first; without Read Message History there are none."""
        channel = self._access.place(call.params["channel_id"])
        page = read_page(call.query)
        if "read_message_history" not in channel.bot_permissions:
            return Reply(body=[])
        found = page.cut([int(id_) for id_ in channel.messages])
        newest_first = [channel.messages[str(id_)] for id_ in sorted(found, reverse=True)]
        return Reply(body=[self._read_by_bot(message) for message in newest_first])

    def _read_by_bot(self, message: Message) -> JsonObject:
        """Describe a message to the bot; ours: as if it never had the intent MESSAGE_CONTENT."""
        return readable(self._world.payloads.message(message), self._world.bot.id)

    # Changing

    def _edit(self, call: Call) -> Reply:
        channel = self._access.place(call.params["channel_id"])
        is_flags_only = "flags" in call.payload and not call.payload.keys() & AUTHORS_ONLY
        message = self._access.editable(
            channel, call.params["message_id"], is_flags_only=is_flags_only and not call.files
        )
        self._access.demand_editing(channel, call.payload, has_files=bool(call.files))
        self._count_old_edit(message)
        self._posting.edit(message, self._content(call, channel))
        return Reply(body=self._world.payloads.message(message))

    def _count_old_edit(self, message: Message) -> None:
        """Refuse one edit too many of messages older than an hour (code 30046)."""
        now, limit = self._world.clock.now(), self._world.assumptions.old_edits
        if message.created_at + OLD >= now:
            return
        window = self._old_edits.setdefault((message.channel.id, limit), Window(limit))
        if not window.take(now):
            raise ApiError(Problem.OLD_EDITS, retry_after_s=window.left_s(now))

    def _delete(self, call: Call) -> Reply:
        channel = self._access.place(call.params["channel_id"])
        message = self._access.message(channel, call.params["message_id"])
        self._access.demand_deleting(message)
        self._world.delete_message(message)
        return Reply()
