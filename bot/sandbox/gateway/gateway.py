"""The gateway: websocket sessions through which the bot hears what happens.

Source: Discord's "Gateway" (lifecycle, resuming) and "Gateway Events"; opcodes as in "Opcodes and
Status Codes". Events are numbered per session and kept, so that a RESUME can replay them.
"""

import asyncio
import json
import secrets
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import IntEnum

from aiohttp import WSCloseCode, WSMsgType, web

from bot.sandbox.gateway.intents import is_wanted
from bot.sandbox.hosts import RESUME_HOST
from bot.sandbox.json_types import JsonObject, as_object
from bot.sandbox.world.world import World

RESUME_URL = f"wss://{RESUME_HOST}"
HEARTBEAT_INTERVAL_MS = 41250
CLOSE_WAIT_S = 1.0
AUTHENTICATION_FAILED = 4004
SESSION_ENDS = frozenset({1000, 1001})


class Op(IntEnum):
    """Gateway opcodes."""

    DISPATCH = 0
    HEARTBEAT = 1
    IDENTIFY = 2
    RESUME = 6
    RECONNECT = 7
    REQUEST_GUILD_MEMBERS = 8
    INVALID_SESSION = 9
    HELLO = 10
    HEARTBEAT_ACK = 11


class Connection:
    """One websocket; frames leave in order, compressed if the client asked for it."""

    def __init__(
        self, socket: web.WebSocketResponse, *, is_compressed: bool, resume_url: str
    ) -> None:
        self.socket = socket
        self.resume_url = resume_url
        self._outbox: asyncio.Queue[str] = asyncio.Queue()
        # One zlib context for the life of the connection ("Transport Compression").
        self._compressor = zlib.compressobj() if is_compressed else None

    def send(self, op: Op, data: object = None, **extra: object) -> None:
        """Queue one frame."""
        self.send_text(json.dumps({"op": int(op), "d": data, "s": None, "t": None, **extra}))

    def send_text(self, frame: str) -> None:
        """Queue one frame that has been written before."""
        self._outbox.put_nowait(frame)

    async def write(self) -> None:
        """Send what is queued until the socket closes."""
        while not self.socket.closed:
            frame = await self._outbox.get()
            try:
                await self._send_now(frame)
            except ConnectionError:
                return

    async def _send_now(self, frame: str) -> None:
        if self._compressor is None:
            await self.socket.send_str(frame)
            return
        packed = self._compressor.compress(frame.encode())
        await self.socket.send_bytes(packed + self._compressor.flush(zlib.Z_SYNC_FLUSH))


@dataclass(slots=True, eq=False, kw_only=True)
class Session:
    """What outlives a connection: the numbered events."""

    id: str
    intents: int
    shard: tuple[int, int]
    connection: Connection | None
    frames: list[str] = field(default_factory=list[str])

    def dispatch(self, event: str, data: JsonObject) -> None:
        """Number an event, keep it, and send it if somebody listens."""
        sequence = len(self.frames) + 1
        frame = json.dumps({"op": 0, "d": data, "s": sequence, "t": event})
        self.frames.append(frame)
        if self.connection is not None:
            self.connection.send_text(frame)

    def wants(self, event: str, data: JsonObject) -> bool:
        """Whether the event concerns this session's shard and intents."""
        number, count = self.shard
        guild_id = data["id"] if event.startswith("GUILD_") and "id" in data else None
        guild_id = data.get("guild_id", guild_id)
        is_ours = guild_id is None or (int(guild_id) >> 22) % count == number
        return is_ours and is_wanted(event, self.intents)


class Gateway:
    """All sessions of the bot."""

    def __init__(self, *, world: World, token: str) -> None:
        self._world = world
        self._token = token
        self._sessions: dict[str, Session] = {}
        self._sockets: set[web.WebSocketResponse] = set()
        world.listen(self.dispatch)

    @property
    def is_connected(self) -> bool:
        """Whether a bot listens."""
        return any(True for _ in self._connected())

    def _connected(self) -> Iterator[Session]:
        return (one for one in self._sessions.values() if one.connection is not None)

    def dispatch(self, event: str, data: JsonObject) -> None:
        """Send an event to every session that it concerns; without a session it is lost."""
        for session in self._sessions.values():
            if session.wants(event, data):
                session.dispatch(event, data)

    async def drop(self, code: int) -> None:
        """Close all connections; their sessions can be resumed unless the code ends them."""
        sessions = list(self._connected())
        connections = [session.connection for session in sessions if session.connection]
        for session in sessions:
            self._leave(session, session.connection, code)
        for connection in connections:
            await connection.socket.close(code=code)

    async def close(self) -> None:
        """Close every socket."""
        for socket in list(self._sockets):
            await socket.close(code=WSCloseCode.GOING_AWAY)

    async def handle(self, request: web.Request) -> web.WebSocketResponse:
        """Serve one connection from HELLO to its end."""
        socket = web.WebSocketResponse(timeout=CLOSE_WAIT_S, max_msg_size=0)
        await socket.prepare(request)
        is_plain = not request.secure
        connection = Connection(
            socket,
            is_compressed=request.query.get("compress") == "zlib-stream",
            resume_url=f"ws://{request.host}/gateway" if is_plain else RESUME_URL,
        )
        self._sockets.add(socket)
        try:
            async with asyncio.TaskGroup() as tasks:
                writer = tasks.create_task(connection.write(), name="sandbox gateway writer")
                await self._converse(connection)
                writer.cancel()
        finally:
            self._sockets.discard(socket)
        return socket

    async def _converse(self, connection: Connection) -> None:
        session: Session | None = None
        connection.send(Op.HELLO, {"heartbeat_interval": HEARTBEAT_INTERVAL_MS})
        try:
            async for frame in connection.socket:
                if frame.type not in (WSMsgType.TEXT, WSMsgType.BINARY):
                    continue
                message = as_object(json.loads(frame.data))
                session = await self._receive(connection, session, message)
        finally:
            self._leave(session, connection, connection.socket.close_code)

    async def _receive(
        self, connection: Connection, session: Session | None, message: JsonObject
    ) -> Session | None:
        data = as_object(message.get("d"))
        match message.get("op"):
            case Op.HEARTBEAT:  # comes before IDENTIFY as well
                connection.send(Op.HEARTBEAT_ACK)
            case Op.IDENTIFY | Op.RESUME if data.get("token") != self._token:
                await connection.socket.close(code=AUTHENTICATION_FAILED)
            case Op.IDENTIFY:
                return self._identify(connection, data)
            case Op.RESUME:
                return self._resume(connection, data)
            case Op.REQUEST_GUILD_MEMBERS if session is not None:
                self._send_members(session, data)
            case _:
                pass  # presence and voice say nothing that the sandbox shows
        return session

    def _leave(
        self, session: Session | None, connection: Connection | None, code: int | None
    ) -> None:
        if session is None or session.connection is not connection:
            return
        session.connection = None
        if code in SESSION_ENDS:
            self._sessions.pop(session.id, None)
        self._world.changes.notify()

    def _identify(self, connection: Connection, data: JsonObject) -> Session:
        number, count = data.get("shard") or (0, 1)
        session = Session(
            id=secrets.token_hex(16),
            intents=int(data.get("intents", 0)),
            shard=(int(number), int(count)),
            connection=connection,
        )
        self._sessions[session.id] = session
        guilds = [
            payload
            for payload in map(self._world.payloads.guild_create, self._world.guilds.values())
            if session.wants("GUILD_CREATE", payload)
        ]
        session.dispatch("READY", self._ready(session, connection, guilds))
        for payload in guilds:
            session.dispatch("GUILD_CREATE", payload)
        self._world.changes.notify()
        return session

    def _ready(
        self, session: Session, connection: Connection, guilds: list[JsonObject]
    ) -> JsonObject:
        return {
            "v": 10,
            "user": self._world.payloads.user(self._world.bot)
            | {"mfa_enabled": False, "verified": True, "email": None},
            "guilds": [{"id": guild["id"], "unavailable": True} for guild in guilds],
            "session_id": session.id,
            "session_type": "normal",
            "resume_gateway_url": connection.resume_url,
            "shard": list(session.shard),
            "application": {"id": self._world.bot.id, "flags": 0},
            "private_channels": [],
        }

    def _resume(self, connection: Connection, data: JsonObject) -> Session | None:
        session = self._sessions.get(str(data.get("session_id")))
        if session is None:
            connection.send(Op.INVALID_SESSION, False)  # noqa: FBT003 -- the frame's `d`
            return None
        session.connection = connection
        for frame in session.frames[int(data.get("seq") or 0) :]:
            connection.send_text(frame)
        session.dispatch("RESUMED", {})
        self._world.changes.notify()
        return session

    def _send_members(self, session: Session, data: JsonObject) -> None:
        guild = self._world.guilds.get(str(data.get("guild_id")))
        if guild is None:
            return
        chunk: JsonObject = {
            "guild_id": guild.id,
            "members": [self._world.payloads.member(m) for m in guild.members.values()],
            "chunk_index": 0,
            "chunk_count": 1,
        }
        nonce = {"nonce": data["nonce"]} if data.get("nonce") else {}
        session.dispatch("GUILD_MEMBERS_CHUNK", chunk | nonce)
