"""The endpoints that answer interactions, used with the interaction's own token.

Source: Discord's "Receiving and Responding to Interactions": three seconds to acknowledge, fifteen
minutes of token, ephemeral or not decided by the acknowledgement. The limit of five follow-ups is
for apps that are installed by a user and not in the server; such are not modelled.
"""

from collections.abc import Callable

from bot.sandbox.errors import ApiError, Problem
from bot.sandbox.json_types import JsonObject, as_object, objects
from bot.sandbox.rest.attachments import Content
from bot.sandbox.rest.call import Call, Reply, Route
from bot.sandbox.rest.posting import Posting
from bot.sandbox.rules.bounds import read_number
from bot.sandbox.rules.callbacks import check_callback
from bot.sandbox.rules.mentions import WEBHOOK_PARSE
from bot.sandbox.rules.request_shapes import ACKNOWLEDGEMENT, MESSAGE
from bot.sandbox.world.entities import Message
from bot.sandbox.world.interaction import Interaction, InteractionKind, ResponseType
from bot.sandbox.world.message_kinds import MessageFlags, MessageKind
from bot.sandbox.world.modals import complete_modal
from bot.sandbox.world.world import World

CALLBACK = "/interactions/{interaction_id}/{interaction_token}/callback"
WEBHOOK = "/webhooks/{application_id}/{interaction_token}"
ORIGINAL = "/webhooks/{application_id}/{interaction_token}/messages/@original"
WEBHOOK_MESSAGE = "/webhooks/{application_id}/{interaction_token}/messages/{message_id}"

WRITING = frozenset({"POST", "PATCH"})
WITH_RESOURCE = frozenset({ResponseType.MESSAGE, ResponseType.UPDATE})


class InteractionRoutes:
    """Acknowledge, fill, follow up."""

    def __init__(self, *, world: World, posting: Posting) -> None:
        self._world = world
        self._posting = posting

    def routes(self) -> list[Route]:
        """List the routes; `@original` comes before any message id."""
        routes = [self._open(method="POST", template=WEBHOOK, endpoint=self._follow_up)]
        for template in (ORIGINAL, WEBHOOK_MESSAGE):
            routes += [
                self._open(method="GET", template=template, endpoint=self._read),
                self._open(method="PATCH", template=template, endpoint=self._edit),
                self._open(method="DELETE", template=template, endpoint=self._delete),
            ]
        # The real callback route carries no rate-limit headers.
        callback = Route(
            method="POST",
            template=CALLBACK,
            endpoint=self._acknowledge,
            takes=ACKNOWLEDGEMENT,
            needs_token=False,
            is_rate_limited=False,
        )
        return [callback, *routes]

    def _open(self, *, method: str, template: str, endpoint: Callable[[Call], Reply]) -> Route:
        return Route(
            method=method,
            template=template,
            endpoint=endpoint,
            takes=MESSAGE if method in WRITING else None,
            needs_token=False,
            is_interaction=True,
        )

    # Acknowledging

    def _acknowledge(self, call: Call) -> Reply:
        interaction = self._world.interactions.get(call.params["interaction_id"])
        now = self._world.clock.now()
        if interaction is None or interaction.token != call.params["interaction_token"]:
            raise ApiError(Problem.UNKNOWN_INTERACTION)
        if interaction.is_too_late(now):
            raise ApiError(Problem.UNKNOWN_INTERACTION)
        if interaction.acked_at is not None:
            raise ApiError(Problem.ALREADY_ACKNOWLEDGED)
        type_ = check_callback(interaction, call.payload)
        self._respond(interaction, type_, call)
        interaction.acked_at, interaction.response_type = now, type_
        self._world.changes.notify()
        return self._callback_reply(interaction) if call.flag("with_response") else Reply()

    def _respond(self, interaction: Interaction, type_: ResponseType, call: Call) -> None:
        data = as_object(call.payload.get("data"))
        match type_:
            case ResponseType.AUTOCOMPLETE:
                interaction.choices = objects(data.get("choices"))
            case ResponseType.MODAL:
                interaction.modal = complete_modal(data)
            case ResponseType.DEFERRED_UPDATE:
                is_silent = interaction.target is None
                interaction.message = None if is_silent else self._target(interaction)
            case ResponseType.UPDATE:
                interaction.message = self._target(interaction)
                self._posting.edit(interaction.message, self._content(interaction, data, call))
                interaction.answered_with = interaction.message
            case ResponseType.MESSAGE | ResponseType.DEFERRED_MESSAGE:
                interaction.ephemeral = _is_ephemeral(data)
                self._respond_with_message(interaction, type_, data, call)

    def _respond_with_message(
        self, interaction: Interaction, type_: ResponseType, data: JsonObject, call: Call
    ) -> None:
        message = self._blank(interaction, is_ephemeral=interaction.ephemeral)
        self._refer(message, interaction)
        if type_ == ResponseType.MESSAGE:
            self._posting.create(message, self._content(interaction, data, call))
            interaction.answered_with = message
        else:
            message.flags |= MessageFlags.LOADING
            self._posting.place(message)
        interaction.message = message

    def _target(self, interaction: Interaction) -> Message:
        if interaction.target is None or interaction.target.is_deleted:
            raise ApiError(Problem.UNKNOWN_MESSAGE)
        return interaction.target

    def _callback_reply(self, interaction: Interaction) -> Reply:
        """Answer `with_response=true` (Interaction Callback Response Object)."""
        about: JsonObject = {"id": interaction.id, "type": int(interaction.kind)}
        body: JsonObject = {"interaction": about}
        message = interaction.message
        if message is not None:
            about |= {
                "response_message_id": message.id,
                "response_message_loading": message.is_loading,
                "response_message_ephemeral": message.is_ephemeral,
                "channel_id": message.channel.id,
                "guild_id": message.channel.guild.id,
            }
        if message is not None and interaction.response_type in WITH_RESOURCE:
            described = self._world.payloads.message(message)
            type_ = int(interaction.response_type or 0)
            body["resource"] = {"type": type_, "message": described}
        return Reply(body=body)

    # After the acknowledgement

    def _follow_up(self, call: Call) -> Reply:
        interaction = self._interaction(call)
        if interaction.original_is_open:
            # Deprecated and still so: right after a deferral a follow-up fills the original.
            return self._fill(interaction, self._original(interaction), call)
        message = self._blank(interaction, is_ephemeral=_is_ephemeral(call.payload))
        original = interaction.message
        if original is not None and not original.is_deleted:
            message.reference, message.kind = original, MessageKind.REPLY
            about = {"original_response_message_id": original.id}
            message.metadata = (message.metadata or {}) | about
        self._posting.create(message, self._content(interaction, call.payload, call))
        interaction.followups.append(message)
        interaction.answered_with = interaction.answer or message
        self._world.changes.notify()
        return Reply(body=self._world.payloads.message(message))

    def _edit(self, call: Call) -> Reply:
        interaction = self._interaction(call)
        return self._fill(interaction, self._message(interaction, call), call)

    def _fill(self, interaction: Interaction, message: Message, call: Call) -> Reply:
        self._posting.edit(message, self._content(interaction, call.payload, call))
        interaction.answered_with = interaction.answer or message
        self._world.changes.notify()
        return Reply(body=self._world.payloads.message(message))

    def _read(self, call: Call) -> Reply:
        message = self._message(self._interaction(call), call)
        return Reply(body=self._world.payloads.message(message))

    def _delete(self, call: Call) -> Reply:
        self._world.delete_message(self._message(self._interaction(call), call))
        return Reply()

    def _interaction(self, call: Call) -> Interaction:
        """Find the interaction of a token that is still good."""
        token, now = call.params["interaction_token"], self._world.clock.now()
        known = self._world.interactions.values()
        found = next((one for one in known if one.token == token), None)
        if found is None or found.is_expired(now):
            raise ApiError(Problem.INVALID_WEBHOOK_TOKEN)
        is_ours = call.params["application_id"] == self._world.bot.id
        # Proposals have nothing to follow up on (ours).
        is_proposing = found.kind == InteractionKind.AUTOCOMPLETE
        if found.acked_at is None or not is_ours or is_proposing:
            raise ApiError(Problem.UNKNOWN_WEBHOOK)
        return found

    def _message(self, interaction: Interaction, call: Call) -> Message:
        id_ = call.params.get("message_id", "@original")
        if id_ == "@original":
            return self._original(interaction)
        own = [interaction.message, *interaction.followups]
        for message in own:
            if message is not None and message.id == id_ and not message.is_deleted:
                return message
        raise ApiError(Problem.UNKNOWN_MESSAGE)

    def _original(self, interaction: Interaction) -> Message:
        if interaction.message is None or interaction.message.is_deleted:
            raise ApiError(Problem.UNKNOWN_MESSAGE)
        return interaction.message

    # Making messages

    def _blank(self, interaction: Interaction, *, is_ephemeral: bool) -> Message:
        message = self._posting.blank(interaction.channel)
        if interaction.kind == InteractionKind.COMMAND:
            is_slash = interaction.target is None and interaction.target_member is None
            kinds = (MessageKind.CONTEXT_MENU_COMMAND, MessageKind.CHAT_INPUT_COMMAND)
            message.kind = kinds[is_slash]
        message.metadata = self._metadata(interaction)
        if is_ephemeral:
            message.ephemeral_to = interaction.member
            message.flags |= MessageFlags.EPHEMERAL
        return message

    def _refer(self, message: Message, interaction: Interaction) -> None:
        """Link a response to the message that was used.

        Sources: responses to components include a message reference ("Message Interaction
        Object"; that they are replies by type is observed), those to message commands too
        ("Application Command Interaction Metadata").
        """
        if interaction.target is None or interaction.target.is_deleted:
            return
        message.reference = interaction.target
        if interaction.kind != InteractionKind.COMMAND:
            message.kind = MessageKind.REPLY

    def _metadata(self, interaction: Interaction) -> JsonObject:
        """Say where a message comes from, one shape a kind ("Message Interaction Metadata")."""
        metadata: JsonObject = {
            "id": interaction.id,
            "type": int(interaction.kind),
            "user": self._world.payloads.user(interaction.member.user),
            "authorizing_integration_owners": {"0": interaction.channel.guild.id},
        }
        target, member, opener = interaction.target, interaction.target_member, interaction.opener
        if interaction.kind == InteractionKind.COMPONENT and target is not None:
            metadata["interacted_message_id"] = target.id
        if interaction.kind == InteractionKind.COMMAND and target is not None:
            metadata["target_message_id"] = target.id
        if member is not None:
            metadata["target_user"] = self._world.payloads.user(member.user)
        if opener is not None:
            metadata["triggering_interaction_metadata"] = self._metadata(opener)
        return metadata

    def _content(self, interaction: Interaction, payload: JsonObject, call: Call) -> Content:
        return Content(
            payload=payload,
            files=call.files,
            upload_limit=interaction.member.largest_file,
            parse=WEBHOOK_PARSE,
        )


def _is_ephemeral(payload: JsonObject) -> bool:
    return bool(read_number(("flags",), payload.get("flags")) & MessageFlags.EPHEMERAL)
