"""The endpoints for messages in channels, used with the bot's token.

Source: Discord's "Message" resource.
"""

from datetime import datetime, timedelta

from bot.sandbox.errors import ApiError, Problem, invalid
from bot.sandbox.json_types import JsonObject, as_object
from bot.sandbox.rest.call import Call, Reply, Route
from bot.sandbox.rest.posting import Content, Posting
from bot.sandbox.rules.access import Access
from bot.sandbox.rules.mentions import MESSAGE_PARSE
from bot.sandbox.world.entities import Channel, Message, MessageKind
from bot.sandbox.world.world import World

CHANNEL_MESSAGES = "/channels/{channel_id}/messages"
CHANNEL_MESSAGE = "/channels/{channel_id}/messages/{message_id}"

NONCE_LENGTH = 25
NONCE_LIFE = timedelta(minutes=5)
"""Discord says "in the past few minutes" (Create Message, `enforce_nonce`)."""


class MessageRoutes:
    """Create, read, edit and delete messages."""

    def __init__(self, *, world: World, posting: Posting, access: Access) -> None:
        self._world = world
        self._posting = posting
        self._access = access
        self._nonces: dict[tuple[str, str], tuple[Message, datetime]] = {}

    def routes(self) -> list[Route]:
        """List the routes."""
        return [
            Route(method="GET", template=CHANNEL_MESSAGES, endpoint=self._list),
            Route(method="POST", template=CHANNEL_MESSAGES, endpoint=self._create),
            Route(method="GET", template=CHANNEL_MESSAGE, endpoint=self._read),
            Route(method="PATCH", template=CHANNEL_MESSAGE, endpoint=self._edit),
            Route(method="DELETE", template=CHANNEL_MESSAGE, endpoint=self._delete),
        ]

    def _create(self, call: Call) -> Reply:
        channel = self._access.channel(call.params["channel_id"])
        self._access.demand_posting(channel, has_files=bool(call.files))
        nonce = _nonce(call.payload)
        if nonce is not None and call.payload.get("enforce_nonce"):
            known = self._known(nonce)
            if known is not None:
                return Reply(body=self._world.payloads.message(known))
        message = self._posting.blank(channel)
        message.nonce = nonce
        self._refer(message, call.payload)
        self._posting.create(message, self._content(call, channel))
        if nonce is not None:
            self._nonces[message.author.id, nonce] = (message, message.created_at)
        return Reply(body=self._world.payloads.message(message))

    def _known(self, nonce: str) -> Message | None:
        """Find the author's message with the same nonce, if it is young enough."""
        message, posted_at = self._nonces.get((self._world.bot.id, nonce), (None, None))
        if posted_at is None or posted_at + NONCE_LIFE < self._world.clock.now():
            return None
        if message is not None and message.is_deleted:
            # Intended, say Discord's staff in discord-api-docs#6647.
            raise ApiError(Problem.UNKNOWN_MESSAGE)
        return message

    def _refer(self, message: Message, payload: JsonObject) -> None:
        reference = payload.get("message_reference")
        if not isinstance(reference, dict):
            return
        asked = as_object(reference)
        self._check_reading(message.channel)
        target = message.channel.messages.get(str(asked.get("message_id")))
        if target is None and asked.get("fail_if_not_exists", True):
            path = ("message_reference",)
            raise invalid(path, "REPLIES_UNKNOWN_MESSAGE", "Unknown message")
        if target is not None:
            message.reference, message.kind = target, MessageKind.REPLY

    def _check_reading(self, channel: Channel) -> None:
        if "read_message_history" not in channel.bot_permissions:
            raise ApiError(Problem.CANNOT_REPLY)

    def _content(self, call: Call, channel: Channel) -> Content:
        return Content(
            payload=call.payload,
            files=call.files,
            upload_limit=channel.guild.upload_limit,
            parse=MESSAGE_PARSE,
        )

    def _read(self, call: Call) -> Reply:
        channel = self._access.channel(call.params["channel_id"])
        self._access.demand(channel, "read_message_history")
        message = self._access.message(channel, call.params["message_id"])
        return Reply(body=self._world.payloads.message(message))

    def _list(self, call: Call) -> Reply:
        """List messages, newest first; without Read Message History there are none."""
        channel = self._access.channel(call.params["channel_id"])
        if "read_message_history" not in channel.bot_permissions:
            return Reply(body=[])
        limit = int(call.query.get("limit", "50"))
        if not 1 <= limit <= 100:
            raise invalid(("limit",), "NUMBER_TYPE_MAX", "int value should be between 1 and 100.")
        found = _page(sorted(channel.messages.values(), key=_number), call, limit)
        newest_first = sorted(found, key=_number, reverse=True)
        return Reply(body=[self._world.payloads.message(message) for message in newest_first])

    def _edit(self, call: Call) -> Reply:
        channel = self._access.channel(call.params["channel_id"])
        message = self._access.own_message(channel, call.params["message_id"])
        if call.files:
            self._access.demand(channel, "attach_files")
        self._posting.edit(message, self._content(call, channel))
        return Reply(body=self._world.payloads.message(message))

    def _delete(self, call: Call) -> Reply:
        channel = self._access.channel(call.params["channel_id"])
        message = self._access.message(channel, call.params["message_id"])
        if message.author is not self._world.bot:
            self._access.demand(channel, "manage_messages")
        self._world.delete_message(message)
        return Reply()


def _nonce(payload: JsonObject) -> str | None:
    if payload.get("nonce") is None:
        return None
    nonce = str(payload["nonce"])
    if len(nonce) > NONCE_LENGTH:
        raise invalid(("nonce",), "NONCE_TYPE_TOO_LONG", "Must be 25 or fewer in length.")
    return nonce


def _number(message: Message) -> int:
    return int(message.id)


def _page(ordered: list[Message], call: Call, limit: int) -> list[Message]:
    """Cut one page out of messages that go from old to new."""
    if "after" in call.query:
        return [m for m in ordered if _number(m) > int(call.query["after"])][:limit]
    if "around" in call.query:
        middle, half = int(call.query["around"]), limit // 2
        older = [m for m in ordered if _number(m) < middle][-half:] if half else []
        return older + [m for m in ordered if _number(m) >= middle][: limit - half]
    if "before" in call.query:
        return [m for m in ordered if _number(m) < int(call.query["before"])][-limit:]
    return ordered[-limit:]
