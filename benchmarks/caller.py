"""An HTTP client that costs next to nothing, so that what is measured is the server.

It keeps its connections, sends bytes that were made before, and reads nothing of an answer but
its status and length (RFC 9112).
"""

import asyncio
import json
import re
from collections.abc import AsyncGenerator, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from time import perf_counter

_LENGTH = re.compile(rb"content-length: *(\d+)", re.IGNORECASE)


class Line:
    """One kept connection."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer

    async def ask(self, request: bytes) -> bytes:
        """Send a request; return the body of its answer.

        Raises:
            RuntimeError: The answer is not 200.
        """
        self._writer.write(request)
        head = await self._reader.readuntil(b"\r\n\r\n")
        found = _LENGTH.search(head)
        body = await self._reader.readexactly(int(found[1]) if found else 0)
        if b" 200 " not in head[:14]:
            raise RuntimeError(f"refused: {head[:14]!r} {body[:200]!r}")
        return body


@dataclass(frozen=True, slots=True, kw_only=True)
class Caller:
    """Some connections to one server."""

    host: str
    lines: Sequence[Line]

    def get(self, path: str, *, key: str) -> bytes:
        """Write a GET."""
        return self._head("GET", path, key, b"")

    def post(self, path: str, body: Mapping[str, object], *, key: str) -> bytes:
        """Write a POST of JSON."""
        return self._head("POST", path, key, json.dumps(body).encode())

    def _head(self, method: str, path: str, key: str, body: bytes) -> bytes:
        lines = (
            f"{method} {path} HTTP/1.1",
            f"Host: {self.host}",
            f"Authorization: Bearer {key}",
            "Content-Type: application/json",
            f"Content-Length: {len(body)}",
        )
        return "\r\n".join(lines).encode() + b"\r\n\r\n" + body

    async def crowd(self, requests: Sequence[bytes]) -> tuple[float, Sequence[float]]:
        """Ask all of it as fast as the answers come; return the seconds it took, and each one."""
        started, left = perf_counter(), iter(requests)
        waits = await asyncio.gather(*(_one_after_another(line, left) for line in self.lines))
        return perf_counter() - started, [wait for part in waits for wait in part]

    async def pace(self, requests: Sequence[bytes], *, per_second: float) -> Sequence[float]:
        """Ask at an even pace, whether answers come or not; return how long after its time each."""
        loop, free = asyncio.get_running_loop(), asyncio.Queue[Line]()
        for line in self.lines:
            free.put_nowait(line)
        started = loop.time()

        async def ask(number: int, request: bytes) -> float:
            due = started + number / per_second
            await asyncio.sleep(max(0.0, due - loop.time()))
            line = await free.get()
            await line.ask(request)
            free.put_nowait(line)
            return loop.time() - due

        return await asyncio.gather(*(ask(n, request) for n, request in enumerate(requests)))


async def _one_after_another(line: Line, requests: Iterator[bytes]) -> list[float]:
    waits = list[float]()
    for request in requests:
        started = perf_counter()
        await line.ask(request)
        waits.append(perf_counter() - started)
    return waits


@asynccontextmanager
async def open_caller(host: str, port: int, *, lines: int) -> AsyncGenerator[Caller]:
    """Connect that often, and hang up at the end."""
    opened = [await asyncio.open_connection(host, port) for _ in range(lines)]
    try:
        yield Caller(host=f"{host}:{port}", lines=[Line(*one) for one in opened])
    finally:
        for _, writer in opened:
            writer.close()
