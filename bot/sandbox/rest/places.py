"""The endpoints that tell the bot who it is and what is there.

Sources: Discord's "User", "Application", "Gateway", "Guild" and "Channel" resources.
"""

from bot.sandbox.errors import ApiError, Problem
from bot.sandbox.hosts import DISCORD_HOST, GATEWAY_HOST
from bot.sandbox.json_types import JsonObject
from bot.sandbox.rest.call import Call, Reply, Route
from bot.sandbox.rules.access import Access
from bot.sandbox.rules.request_shapes import RECIPIENT
from bot.sandbox.world.entities import Channel
from bot.sandbox.world.session_starts import SessionStarts
from bot.sandbox.world.world import World

GATEWAY_URL = f"wss://{GATEWAY_HOST}"


class PlaceRoutes:
    """Look things up."""

    def __init__(self, *, world: World, access: Access, session_starts: SessionStarts) -> None:
        self._world = world
        self._access = access
        self._session_starts = session_starts

    def routes(self) -> list[Route]:
        """List the routes."""
        channel = "/channels/{channel_id}"
        return [
            Route(method="GET", template="/users/@me", endpoint=self._me),
            Route(method="GET", template="/oauth2/applications/@me", endpoint=self._application),
            Route(method="GET", template="/applications/@me", endpoint=self._application),
            # "This endpoint does not require authentication" ("Gateway", Get Gateway).
            Route(method="GET", template="/gateway", endpoint=self._gateway, needs_token=False),
            Route(method="GET", template="/gateway/bot", endpoint=self._bots_gateway),
            Route(method="GET", template="/users/{user_id}", endpoint=self._user),
            Route(method="GET", template="/guilds/{guild_id}", endpoint=self._guild),
            Route(method="GET", template="/guilds/{guild_id}/channels", endpoint=self._channels),
            Route(method="GET", template="/guilds/{guild_id}/members", endpoint=self._members),
            Route(
                method="GET", template="/guilds/{guild_id}/members/{user_id}", endpoint=self._member
            ),
            Route(method="GET", template=channel, endpoint=self._channel),
            Route(method="POST", template=f"{channel}/typing", endpoint=self._typing),
            Route(
                method="POST",
                template="/users/@me/channels",
                endpoint=self._direct_message,
                takes=RECIPIENT,
            ),
        ]

    def _me(self, _: Call) -> Reply:
        account: JsonObject = {"mfa_enabled": False, "locale": "en-US", "verified": True}
        return Reply(body=self._world.payloads.user(self._world.bot) | account | {"email": None})

    def _application(self, _: Call) -> Reply:
        payloads = self._world.payloads
        return Reply(
            body={
                "id": self._world.bot.id,
                "name": self._world.bot.name,
                "icon": None,
                "description": "",
                "type": None,
                "verify_key": "0" * 64,
                "flags": 0,
                "flags_new": "0",
                "bot": payloads.user(self._world.bot),
                "bot_public": False,
                "bot_require_code_grant": False,
                "rpc_origins": [],
                "redirect_uris": [],
                "interactions_endpoint_url": None,
                "role_connections_verification_url": None,
                "owner": payloads.user(self._world.owner),
                "approximate_guild_count": len(self._world.guilds),
                "approximate_user_install_count": 0,
                "approximate_user_authorization_count": 0,
                "explicit_content_filter": 0,
                "team": None,
                "eligible_oauth2_scopes": [],
            }
        )

    def _gateway(self, call: Call) -> Reply:
        return Reply(body={"url": _gateway_url(call)})

    def _bots_gateway(self, call: Call) -> Reply:
        return Reply(
            body={
                "url": _gateway_url(call),
                "shards": self._session_starts.recommended_shards,
                "session_start_limit": self._session_starts.describe(),
            }
        )

    def _user(self, call: Call) -> Reply:
        user = self._world.users.get(call.params["user_id"])
        if user is None:
            raise ApiError(Problem.UNKNOWN_USER)
        return Reply(body=self._world.payloads.user(user))

    def _guild(self, call: Call) -> Reply:
        guild = self._access.guild(call.params["guild_id"])
        return Reply(body=self._world.payloads.guild(guild))

    def _channels(self, call: Call) -> Reply:
        """List channels without threads, and without what the bot cannot see ("Permissions")."""
        guild = self._access.guild(call.params["guild_id"])
        channels = [channel for channel in guild.channels.values() if not channel.is_thread]
        visible = [channel for channel in channels if self._access.sees(channel)]
        return Reply(body=[self._world.payloads.channel(channel) for channel in visible])

    def _members(self, call: Call) -> Reply:
        """Refuse: List Guild Members needs the intent GUILD_MEMBERS, which this bot does not have.

        That the refusal is "Missing Access" was observed.
        """
        self._access.guild(call.params["guild_id"])
        raise ApiError(Problem.MISSING_ACCESS)

    def _member(self, call: Call) -> Reply:
        guild = self._access.guild(call.params["guild_id"])
        member = guild.members.get(call.params["user_id"])
        if member is None:
            raise ApiError(Problem.UNKNOWN_MEMBER)
        return Reply(body=self._world.payloads.member(member))

    def _channel(self, call: Call) -> Reply:
        direct = self._world.direct_channels.get(call.params["channel_id"])
        if direct is not None:
            return Reply(body=self._direct_channel(direct))
        channel = self._access.channel(call.params["channel_id"])
        return Reply(body=self._world.payloads.channel(channel))

    def _typing(self, call: Call) -> Reply:
        self._access.channel(call.params["channel_id"])
        return Reply()

    def _direct_message(self, call: Call) -> Reply:
        """Open a direct channel ("User", Create DM).

        That always works; whether somebody takes messages shows only when one is sent (50007).
        """
        user = self._world.users.get(str(call.payload.get("recipient_id")))
        if user is None or user.is_bot:
            raise ApiError(Problem.INVALID_RECIPIENTS)
        return Reply(body=self._direct_channel(self._world.open_direct(user)))

    def _direct_channel(self, channel: Channel) -> JsonObject:
        recipients = [self._world.payloads.user(channel.recipient)] if channel.recipient else []
        last = next(reversed(channel.messages), None)
        return {
            "id": channel.id,
            "type": int(channel.kind),
            "flags": 0,
            "last_message_id": last,
            "recipients": recipients,
        }


def _gateway_url(call: Call) -> str:
    """Name the gateway; who came by the plain port gets the plain gateway."""
    is_real = call.host == DISCORD_HOST
    return GATEWAY_URL if is_real else f"ws://{call.host}/gateway"
