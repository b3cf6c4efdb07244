"""Holds the conversation on one connection: heartbeats, IDENTIFY or RESUME, requests.

Source: Discord's "Gateway", Connection Lifecycle. Ours: a client that sends no heartbeats is not
closed, because a test that lets an hour pass at once would close every client.
"""

from bot.sandbox.gateway.connection import Connection
from bot.sandbox.gateway.handshake import read_object
from bot.sandbox.gateway.members import members_chunk
from bot.sandbox.gateway.opcodes import FROM_CLIENTS, CloseCode, GatewayCloseError, Op
from bot.sandbox.gateway.session import Session
from bot.sandbox.gateway.sessions import Sessions
from bot.sandbox.json_types import JsonObject
from bot.sandbox.world.world import World


class Conversation:
    """One client on one connection, from its first word to its last."""

    def __init__(self, *, connection: Connection, sessions: Sessions, world: World) -> None:
        self._connection = connection
        self._sessions = sessions
        self._world = world
        self._begun: Session | None = None

    @property
    def _session(self) -> Session | None:
        """The session, unless it was invalidated or is resumed elsewhere."""
        is_here = self._begun is not None and self._begun.connection is self._connection
        return self._begun if is_here else None

    async def hold(self) -> None:
        """Listen and answer until the connection ends."""
        code: int | None = None
        try:
            while (payload := await self._connection.receive()) is not None:
                await self._take(payload)
        except GatewayCloseError as error:
            code = error.code
            await self._connection.close(code)
        finally:
            if self._begun is not None:
                ended_with = code or self._connection.close_code
                self._sessions.leave(self._begun, self._connection, ended_with)

    async def _take(self, payload: JsonObject) -> None:
        op = payload.get("op")
        if not isinstance(op, int) or isinstance(op, bool):
            raise GatewayCloseError(CloseCode.DECODE_ERROR)
        if op not in FROM_CLIENTS:
            raise GatewayCloseError(CloseCode.UNKNOWN_OPCODE)
        if op == Op.HEARTBEAT:  # comes before IDENTIFY as well
            self._connection.send(Op.HEARTBEAT_ACK)
        elif op in (Op.IDENTIFY, Op.RESUME):
            await self._begin(Op(op), read_object(payload.get("d")))
        else:
            self._serve(Op(op), payload.get("d"))

    async def _begin(self, op: Op, data: JsonObject) -> None:
        if self._session is not None:
            raise GatewayCloseError(CloseCode.ALREADY_AUTHENTICATED)
        if op == Op.IDENTIFY:
            self._begun = await self._sessions.identify(self._connection, data)
        else:
            self._begun = self._sessions.resume(self._connection, data)

    def _serve(self, op: Op, data: object) -> None:
        """Answer what a session may ask; presence and voice change nothing that one sees here."""
        session = self._session
        if session is None:
            raise GatewayCloseError(CloseCode.NOT_AUTHENTICATED)
        if op == Op.REQUEST_GUILD_MEMBERS:
            chunk = members_chunk(self._world, read_object(data), session.identity.intents)
            if chunk is not None:
                session.dispatch("GUILD_MEMBERS_CHUNK", chunk)
