"""One websocket of a bot's: frames leave in order, compressed if the client asked for it."""

import asyncio
import json

from aiohttp import WSCloseCode, WSMsgType, web

from bot.sandbox.gateway.compression import new_packer
from bot.sandbox.gateway.opcodes import CloseCode, GatewayCloseError, Op
from bot.sandbox.json_types import JsonObject
from bot.sandbox.world.clock import SandboxClock
from bot.sandbox.world.limits import Limit, Window

MAX_PAYLOAD = 4096
"""Bytes ("Gateway", Sending Events)."""


class Connection:
    """What goes out and what comes in, before anyone knows what it means."""

    def __init__(
        self,
        request: web.Request,
        socket: web.WebSocketResponse,
        *,
        clock: SandboxClock,
        limit: Limit,
        resume_url: str,
    ) -> None:
        self.resume_url = resume_url
        self._request = request
        self._socket = socket
        self._clock = clock
        self._received = Window(limit)
        self._outbox: asyncio.Queue[str] = asyncio.Queue()
        self._pack = new_packer(request.query.get("compress"))
        self._is_mute = False

    # Out

    def send(self, op: Op, data: object = None) -> None:
        """Queue one frame that is no event."""
        self.send_text(json.dumps({"op": int(op), "d": data, "s": None, "t": None}))

    def send_text(self, frame: str) -> None:
        """Queue one frame that has been written before."""
        if not self._is_mute:
            self._outbox.put_nowait(frame)

    def mute(self) -> None:
        """Turn into a "zombied" connection: open, but nothing comes through, not even an ACK."""
        self._is_mute = True

    async def write(self) -> None:
        """Send what is queued until the socket closes."""
        while not self._socket.closed:
            frame = await self._outbox.get()
            try:
                await self._send_now(frame)
            except ConnectionError:
                return

    async def _send_now(self, frame: str) -> None:
        if self._pack is None:
            await self._socket.send_str(frame)
        else:
            await self._socket.send_bytes(self._pack(frame.encode()))

    # In

    async def receive(self) -> JsonObject | None:
        """Wait for the next payload; None is the end.

        Raises:
            GatewayCloseError: It is none, or one too many.
        """
        while True:
            frame = await self._socket.receive()
            if frame.type in (WSMsgType.TEXT, WSMsgType.BINARY):
                return self._read(frame.data)
            if frame.type in (WSMsgType.CLOSE, WSMsgType.CLOSING, WSMsgType.CLOSED):
                return None
            if frame.type == WSMsgType.ERROR:
                return None

    def _read(self, content: str | bytes) -> JsonObject:
        if not self._received.take(self._clock.now()):
            raise GatewayCloseError(CloseCode.RATE_LIMITED)
        encoded = content.encode() if isinstance(content, str) else content
        if len(encoded) > MAX_PAYLOAD:
            raise GatewayCloseError(CloseCode.DECODE_ERROR)
        try:
            payload = json.loads(encoded)
        except (ValueError, RecursionError) as error:
            raise GatewayCloseError(CloseCode.DECODE_ERROR) from error
        if not isinstance(payload, dict):
            raise GatewayCloseError(CloseCode.DECODE_ERROR)
        return payload

    # The end

    @property
    def close_code(self) -> int | None:
        """The code that closed the connection; None while it is open or if it was cut."""
        return self._socket.close_code

    async def close(self, code: int | None = WSCloseCode.GOING_AWAY) -> None:
        """Close the websocket with a code, or cut it without one."""
        if code is None:
            self.cut()
        else:
            await self._socket.close(code=code)

    def cut(self) -> None:
        """Cut the TCP connection, so that the client gets no code at all."""
        if self._request.transport is not None:
            self._request.transport.abort()
