"""The videos that fake services serve: a real one, and what else comes under its name."""

import asyncio
import io
from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache

import av
import numpy as np
from aiohttp import web
from av.video.stream import VideoStream

from tests.fakes.faults import Fault, Kind, cut

FRAMES, FPS, SIDE = 8, 8, 64
ENDLESS_PIECES = 1024  # of 1 MiB: longer than anybody reads


@dataclass(frozen=True, slots=True, kw_only=True)
class Film:
    """What a video is like."""

    width: int = SIDE
    height: int = SIDE
    frames: int = FRAMES
    fps: int = FPS


def sample_video() -> bytes:
    """Return a small MP4."""
    return shoot(Film())


@lru_cache(maxsize=8)
def shoot(film: Film) -> bytes:
    """Return an MP4 of a bar that moves to the right."""
    buffer = io.BytesIO()
    with av.open(buffer, "w", format="mp4") as target:
        stream = target.add_stream("libx264", rate=Fraction(film.fps), options={"threads": "1"})
        assert isinstance(stream, VideoStream)
        stream.width, stream.height = film.width, film.height
        stream.pix_fmt = "yuv420p"
        for number in range(film.frames):
            picture = np.full((film.height, film.width, 3), 30, np.uint8)
            start = number * film.width // film.frames
            picture[:, start : start + max(1, film.width // 8)] = (230, 120, 40)
            frame = av.VideoFrame.from_ndarray(picture, format="rgb24")
            target.mux(stream.encode(frame.reformat(format="yuv420p")))
        target.mux(stream.encode(None))
    return buffer.getvalue()


async def send_video(request: web.Request, video: bytes, fault: Fault | None) -> web.StreamResponse:
    """Answer with a video, or as a fault wants it."""
    kind = fault.kind if fault else None
    half = video[: len(video) // 2]
    if kind is Kind.BROKEN_OFF:
        return await _break_off(request, half, len(video))
    if kind in (Kind.DRIP, Kind.ENDLESS):
        return await _stream(request, video, is_drip=kind is Kind.DRIP)
    instead = {
        Kind.TRUNCATED: half,
        Kind.WRONG_TYPE: b"\x89PNG\r\n\x1a\n" + b"not a video" * 100,
        Kind.EMPTY: b"",
    }
    content = video if kind is None else instead.get(kind, video)
    return web.Response(body=content, content_type="video/mp4")


async def _break_off(request: web.Request, half: bytes, length: int) -> web.StreamResponse:
    response = web.StreamResponse(headers={"Content-Length": str(length)})
    await response.prepare(request)
    await response.write(half)
    cut(request)
    return response


async def _stream(request: web.Request, video: bytes, *, is_drip: bool) -> web.StreamResponse:
    response = web.StreamResponse(headers={"Content-Type": "video/mp4"})
    await response.prepare(request)
    try:
        if is_drip:
            for number in range(len(video)):
                await response.write(video[number : number + 1])
                await asyncio.sleep(0.01)  # the drip itself
        else:
            for _ in range(ENDLESS_PIECES):
                await response.write(bytes(2**20))
    except ConnectionError:
        pass  # the other side has had enough
    return response
