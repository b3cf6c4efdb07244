"""The gateway: websockets through which the bot hears what happens, and the trouble they can make.

Source: Discord's "Gateway" (lifecycle, resuming) and "Gateway Events"; numbers as in "Opcodes and
Status Codes".
"""

import asyncio

from aiohttp import web

from bot.sandbox.gateway.connection import Connection
from bot.sandbox.gateway.conversation import Conversation
from bot.sandbox.gateway.handshake import check_query
from bot.sandbox.gateway.opcodes import GatewayCloseError, Op
from bot.sandbox.gateway.sessions import Sessions
from bot.sandbox.hosts import RESUME_HOST
from bot.sandbox.world.credentials import Credentials
from bot.sandbox.world.limits import Limit
from bot.sandbox.world.session_starts import SessionStarts
from bot.sandbox.world.world import World

RESUME_URL = f"wss://{RESUME_HOST}"
CLOSE_WAIT_S = 1.0


class Gateway:
    """The door for websockets."""

    def __init__(
        self,
        *,
        world: World,
        credentials: Credentials,
        starts: SessionStarts,
        event_limit: Limit,
    ) -> None:
        self._world = world
        self._event_limit = event_limit
        self._connections: set[Connection] = set()
        self._refusals = 0
        self.sessions = Sessions(world=world, credentials=credentials, starts=starts)
        self.heartbeat_interval_ms = 41250

    @property
    def is_connected(self) -> bool:
        """Whether a bot listens."""
        return bool(self.sessions.connected())

    @property
    def shards(self) -> list[tuple[int, int]]:
        """The connected shards, as their number and how many there are."""
        shards = [session.identity.shard for session in self.sessions.connected()]
        return sorted(shard for shard in shards if shard is not None)

    async def handle(self, request: web.Request) -> web.StreamResponse:
        """Serve one connection from HELLO to its end."""
        if self._refusals:
            self._refusals -= 1
            return web.Response(status=503)
        socket = web.WebSocketResponse(timeout=CLOSE_WAIT_S, max_msg_size=0)
        await socket.prepare(request)
        connection = Connection(
            request,
            socket,
            clock=self._world.clock,
            limit=self._event_limit,
            resume_url=RESUME_URL if request.secure else f"ws://{request.host}/gateway",
        )
        self._connections.add(connection)
        try:
            await self._serve(request, connection)
        finally:
            self._connections.discard(connection)
        return socket

    async def _serve(self, request: web.Request, connection: Connection) -> None:
        try:
            check_query(request.query)
        except GatewayCloseError as error:
            await connection.close(error.code)
            return
        connection.send(Op.HELLO, {"heartbeat_interval": self.heartbeat_interval_ms})
        conversation = Conversation(
            connection=connection, sessions=self.sessions, world=self._world
        )
        async with asyncio.TaskGroup() as tasks:
            writer = tasks.create_task(connection.write(), name="sandbox gateway writer")
            await conversation.hold()
            writer.cancel()

    async def close(self) -> None:
        """Close every socket."""
        await asyncio.gather(*(connection.close() for connection in self._connections))

    # Trouble

    async def drop(self, code: int | None) -> None:
        """Close all connections with a code, or cut them without one."""
        await self.sessions.drop(code)

    def reconnect(self) -> None:
        """Ask every client to reconnect and resume (opcode 7)."""
        for connection in self._connections:
            connection.send(Op.RECONNECT)

    def mute(self) -> None:
        """Make all present connections zombies: open, but nothing comes through."""
        for connection in self._connections:
            connection.mute()

    def refuse(self, times: int) -> None:
        """Answer the next `times` connections with 503 instead of a websocket."""
        self._refusals = times
