"""All sessions of the bot: who identifies, who resumes, and who is told of an event.

Source: Discord's "Gateway": Identifying, Resuming, Sharding, Guild Availability.
"""

import asyncio
import secrets

from bot.sandbox.gateway.connection import Connection
from bot.sandbox.gateway.handshake import Identity, read_identify, read_resume
from bot.sandbox.gateway.opcodes import SESSION_ENDS, CloseCode, GatewayCloseError, Op
from bot.sandbox.gateway.session import Session
from bot.sandbox.json_types import JsonObject
from bot.sandbox.world.credentials import Credentials
from bot.sandbox.world.entities import Guild
from bot.sandbox.world.session_starts import SessionStarts, Start
from bot.sandbox.world.world import World

MAX_GUILDS = 2500
"""Per shard ("Gateway", Sharding)."""


class Sessions:
    """Sessions by their ids; one may have no connection for a while."""

    def __init__(self, *, world: World, credentials: Credentials, starts: SessionStarts) -> None:
        self._world = world
        self._credentials = credentials
        self._starts = starts
        self._sessions: dict[str, Session] = {}
        self.enabled_intents = 0
        """The privileged intents that are switched on in the Developer Portal: a bit field."""
        self.max_guilds = MAX_GUILDS
        world.listen(self.dispatch)

    def connected(self) -> list[Session]:
        """List the sessions that somebody listens to."""
        return [one for one in self._sessions.values() if one.connection is not None]

    def dispatch(self, event: str, data: JsonObject) -> None:
        """Send an event to every session that it concerns; without a session it is lost."""
        self._forget_old()
        guild = self._world.guilds.get(str(data.get("guild_id")))
        if guild is None or guild.is_available:  # an outage is silence
            for session in self._sessions.values():
                session.offer(event, data)

    # Beginning

    async def identify(self, connection: Connection, data: JsonObject) -> Session | None:
        """Start a session; None if the client was told to come again later.

        Raises:
            GatewayCloseError: The client may not start one like this.
        """
        self._check_token(data)
        identity = read_identify(data, enabled_intents=self.enabled_intents)
        guilds = [guild for guild in self._world.guilds.values() if identity.holds(guild.id)]
        if len(guilds) > self.max_guilds:
            raise GatewayCloseError(CloseCode.SHARDING_REQUIRED)
        match self._starts.take(identity.shard_id):
            case Start.TOO_MANY:
                await self._punish()
                raise GatewayCloseError(CloseCode.AUTHENTICATION_FAILED)
            case Start.TOO_FAST:
                connection.send(Op.INVALID_SESSION, data=False)
                return None
            case Start.ALLOWED:
                return self._start(connection, identity, guilds)

    def _check_token(self, data: JsonObject) -> None:
        if data.get("token") != self._credentials.token:
            raise GatewayCloseError(CloseCode.AUTHENTICATION_FAILED)

    async def _punish(self) -> None:
        """End every session and reset the token, as after a thousand IDENTIFYs in a day."""
        self._credentials.reset()
        await self.drop(CloseCode.AUTHENTICATION_FAILED)
        self._sessions.clear()

    def _start(self, connection: Connection, identity: Identity, guilds: list[Guild]) -> Session:
        session = Session(
            id=secrets.token_hex(16),
            identity=identity,
            bot_id=self._world.bot.id,
            connection=connection,
        )
        self._forget_old()
        self._sessions[session.id] = session
        session.dispatch("READY", self._ready(session, connection, guilds))
        for guild in guilds:
            self._introduce(session, guild)
        self._world.changes.notify()
        return session

    def _introduce(self, session: Session, guild: Guild) -> None:
        if guild.is_available:
            session.offer("GUILD_CREATE", self._world.payloads.guild_create(guild))
        else:
            session.offer("GUILD_DELETE", {"id": guild.id, "unavailable": True})

    def _ready(self, session: Session, connection: Connection, guilds: list[Guild]) -> JsonObject:
        shard = session.identity.shard
        return {
            "v": 10,
            "user": self._world.payloads.user(self._world.bot)
            | {"mfa_enabled": False, "verified": True, "email": None},
            "guilds": [{"id": guild.id, "unavailable": True} for guild in guilds],
            "session_id": session.id,
            "session_type": "normal",
            "resume_gateway_url": connection.resume_url,
            "application": {"id": self._world.bot.id, "flags": 0},
            "private_channels": [],
        } | ({"shard": list(shard)} if shard else {})

    # Going on

    def resume(self, connection: Connection, data: JsonObject) -> Session | None:
        """Go on with a session; None if it is not there any more, which the client is told.

        Raises:
            GatewayCloseError: The token or the sequence is wrong.
        """
        self._check_token(data)
        session_id, seq = read_resume(data)
        self._forget_old()
        session = self._sessions.get(session_id)
        if session is not None and not 0 <= seq <= session.sequence:
            del self._sessions[session_id]
            raise GatewayCloseError(CloseCode.INVALID_SEQ)
        if session is None or not session.can_replay(seq):
            connection.send(Op.INVALID_SESSION, data=False)
            return None
        if session.connection is not None:
            session.connection.cut()  # ours: the client has given it up
        session.resume(connection, seq)
        self._world.changes.notify()
        return session

    # Ending

    def leave(self, session: Session, connection: Connection, code: int | None) -> None:
        """Take a connection from its session; some codes end the session as well."""
        if session.connection is not connection:
            return
        session.connection, session.left_at = None, self._world.clock.now()
        if code in SESSION_ENDS:
            self._sessions.pop(session.id, None)
        self._world.changes.notify()

    async def drop(self, code: int | None) -> None:
        """Close all connections with a code, or cut them without one."""
        pairs = [(one, one.connection) for one in self.connected() if one.connection]
        for session, connection in pairs:
            self.leave(session, connection, code)
        await asyncio.gather(*(connection.close(code) for _, connection in pairs))

    def invalidate(self, *, is_resumable: bool) -> None:
        """Tell every client that its session is invalid; it may be resumed or is gone."""
        for session in self.connected():
            connection = session.connection
            if connection is not None:
                connection.send(Op.INVALID_SESSION, data=is_resumable)
                code = CloseCode.UNKNOWN_ERROR if is_resumable else CloseCode.SESSION_TIMED_OUT
                self.leave(session, connection, code)

    def _forget_old(self) -> None:
        """Drop what was left for too long: the client "won't reconnect in time to Resume"."""
        now = self._world.clock.now()
        for session in [one for one in self._sessions.values() if one.is_over(now)]:
            del self._sessions[session.id]
