"""Serves the chat page: what stands in the channels, and a line to type commands into.

The page is for people on this machine. It asks again when something changed, and it escapes all
text itself; the JSON here is its only source.
"""

import json
import secrets
from importlib.resources import files
from typing import cast

from aiohttp import web

from bot.sandbox.client.actions import Actions
from bot.sandbox.client.render import first_line
from bot.sandbox.errors import SandboxError, SandboxTimeoutError
from bot.sandbox.json_types import JsonObject, as_object, objects
from bot.sandbox.network.cdn import file_response
from bot.sandbox.world.entities import Channel, Member, Message
from bot.sandbox.world.interaction import Interaction
from bot.sandbox.world.world import World

POLL_S = 20.0
LOCAL_HOSTS = frozenset({"127.0.0.1", "localhost"})


class Page:
    """The page, its state and its two actions."""

    def __init__(self, *, world: World, actions: Actions) -> None:
        self._world = world
        self._actions = actions

    def register(self, app: web.Application) -> None:
        """Serve the page at `/`."""
        app.router.add_get("/", self._page)
        app.router.add_get("/page/state", self._state)
        app.router.add_get("/page/files/{attachment_id}/{filename}", self._file)
        app.router.add_post("/page/command", self._command)
        app.router.add_post("/page/press", self._press)

    async def _page(self, request: web.Request) -> web.Response:
        _check_local(request)
        nonce = secrets.token_urlsafe(16)
        source = files("bot.sandbox.page").joinpath("page.html").read_text(encoding="utf-8")
        policy = (
            f"default-src 'none'; connect-src 'self'; img-src 'self'; media-src 'self'; "
            f"style-src 'nonce-{nonce}'; script-src 'nonce-{nonce}'; base-uri 'none'"
        )
        headers = {"Content-Security-Policy": policy, "X-Content-Type-Options": "nosniff"}
        text = source.replace("{{nonce}}", nonce)
        return web.Response(text=text, content_type="text/html", headers=headers)

    async def _state(self, request: web.Request) -> web.Response:
        """Tell the state when it is newer than the revision that the page has seen."""
        _check_local(request)
        seen, changes = int(request.query.get("seen", "-1")), self._world.changes
        try:
            await changes.wait_for(
                lambda: changes.revision > seen, timeout_s=POLL_S, describe=lambda: "no change"
            )
        except SandboxTimeoutError:
            return web.Response(status=204)
        return web.json_response(self._described(self._viewer(request.query.get("member", ""))))

    def _described(self, member: Member | None) -> JsonObject:
        guilds = list(self._world.guilds.values())
        return {
            "revision": self._world.changes.revision,
            "members": [
                {"id": m.id, "name": m.name}
                for guild in guilds[:1]
                for m in guild.members.values()
                if not m.user.is_bot and m.user is not self._world.owner
            ],
            "channels": [self._channel(c, member) for g in guilds[:1] for c in g.channels.values()],
            "commands": [usage for g in guilds[:1] for usage in self._usages(g.id)],
        }

    def _usages(self, guild_id: str) -> list[str]:
        commands = self._world.commands_in(self._world.guilds[guild_id])
        return [usage for command in commands for usage in _usage("/", command)]

    def _channel(self, channel: Channel, member: Member | None) -> JsonObject:
        own = [m for m in self._world.messages.values() if m.channel is channel]
        visible = [m for m in own if m.ephemeral_to in (None, member)]
        return {
            "id": channel.id,
            "name": channel.name,
            "thread": channel.is_thread,
            "messages": [self._message(message) for message in visible],
            "pending": [
                {"name": i.data.get("name", "press"), "member": i.member.name}
                for i in self._world.interactions.values()
                if i.channel is channel and i.acked_at is None and self._is_fresh(i)
            ],
        }

    def _is_fresh(self, interaction: Interaction) -> bool:
        return not interaction.is_too_late(self._world.clock.now())

    def _message(self, message: Message) -> JsonObject:
        user = (message.metadata or {}).get("user") or {}
        reference = message.reference
        return {
            "id": message.id,
            "author": message.author.name,
            "bot": message.author.is_bot,
            "asked_by": user.get("username"),
            "time": message.created_at.isoformat(),
            "edited": message.edited_at is not None,
            "ephemeral": message.is_ephemeral,
            "loading": message.is_loading,
            "reply_to": f"{reference.author.name}: {first_line(reference)}" if reference else None,
            "content": message.content,
            "embeds": message.embeds,
            "components": message.components,
            "v2": message.uses_components_v2,
            "files": [
                {
                    "name": file.filename,
                    "type": file.content_type,
                    "size": len(file.content),
                    "description": file.description,
                    "url": f"/page/files/{file.id}/{file.filename}",
                }
                for file in message.attachments
            ],
        }

    async def _file(self, request: web.Request) -> web.Response:
        _check_local(request)
        attachment = self._world.files.get(request.match_info["attachment_id"])
        if attachment is None:
            raise web.HTTPNotFound
        response = file_response(request, attachment)
        # What a bot uploads is never run as a page of this origin.
        response.headers["Content-Security-Policy"] = "sandbox; default-src 'none'"
        response.headers["X-Content-Type-Options"] = "nosniff"
        return response

    async def _command(self, request: web.Request) -> web.Response:
        asked = await _asked(request)
        member, channel = self._member(asked["member"]), self._channel_of(asked["channel"])
        try:
            await self._actions.slash(member, channel, asked["line"])
        except SandboxError as error:
            return web.json_response({"error": str(error)}, status=400)
        return web.json_response({})

    async def _press(self, request: web.Request) -> web.Response:
        asked = await _asked(request)
        message = self._world.messages.get(asked["message"])
        if message is None:
            raise web.HTTPNotFound
        try:
            member = self._member(asked["member"])
            await self._actions.press(member, message, asked["custom_id"])
        except SandboxError as error:
            return web.json_response({"error": str(error)}, status=400)
        return web.json_response({})

    def _viewer(self, id_: str) -> Member | None:
        guilds = self._world.guilds.values()
        return next((guild.members[id_] for guild in guilds if id_ in guild.members), None)

    def _member(self, id_: str) -> Member:
        member = self._viewer(id_)
        if member is None:
            raise web.HTTPNotFound
        return member

    def _channel_of(self, id_: str) -> Channel:
        if id_ not in self._world.channels:
            raise web.HTTPNotFound
        return self._world.channels[id_]


def _usage(prefix: str, command: JsonObject) -> list[str]:
    """Write how a command is typed; each subcommand has a line of its own."""
    name, options = f"{prefix}{command['name']}", objects(command.get("options"))
    nested = [option for option in options if option.get("type") in (1, 2)]
    if nested:
        return [usage for option in nested for usage in _usage(f"{name} ", option)]
    return [" ".join([name, *(f"{option['name']}:" for option in options)])]


async def _asked(request: web.Request) -> dict[str, str]:
    """Read an action; only this page on this machine sends JSON from its own origin."""
    _check_local(request)
    if request.content_type != "application/json":
        raise web.HTTPUnsupportedMediaType
    try:
        asked = as_object(cast("object", json.loads(await request.text())))
    except ValueError as error:
        raise web.HTTPBadRequest from error
    names = ("member", "channel", "line", "message", "custom_id")
    return {name: str(asked.get(name, "")) for name in names}


def _check_local(request: web.Request) -> None:
    """Refuse a page that another site's name leads here (DNS rebinding)."""
    if request.url.host not in LOCAL_HOSTS:
        raise web.HTTPForbidden
