"""Small real videos and pictures, made on the spot."""

import struct
import zlib
from io import BytesIO
from pathlib import Path
from typing import Any

import av
import numpy as np
from av.video.stream import VideoStream
from PIL import Image
from PIL.Image import Exif

C2PA = bytes.fromhex("d8fec3d61b0e483c92975828877ec481")
_BT709 = 1
_ORIENTATION = 0x0112


def write_mp4(
    path: Path, *, side: int = 64, frames: int = 8, noise: bool = False, codec: str = "libx264"
) -> Path:
    """Write a moving bar, or noise that compresses badly, tagged as BT.709."""
    kind = "avi" if path.suffix == ".avi" else "mp4"
    movflags = {"movflags": "faststart"} if kind == "mp4" else {}
    with av.open(str(path), "w", format=kind, options=movflags) as target:
        stream = target.add_stream(codec, rate=8)
        assert isinstance(stream, VideoStream)
        stream.width = stream.height = side
        stream.pix_fmt = "yuv420p"
        if noise:
            stream.bit_rate = 2_000_000
        context = stream.codec_context
        context.color_primaries = context.color_trc = context.colorspace = _BT709
        context.color_range = 1
        for number in range(frames):
            frame = av.VideoFrame.from_ndarray(_picture(side, number, noise=noise), format="rgb24")
            target.mux(stream.encode(frame.reformat(format="yuv420p", dst_colorspace="ITU709")))
        target.mux(stream.encode(None))
    return path


def write_gif(path: Path, *, side: int = 64, frames: int = 8, noise: bool = False) -> Path:
    """Write the same as an endless GIF."""
    pictures = [Image.fromarray(_picture(side, number, noise=noise)) for number in range(frames)]
    pictures[0].save(path, save_all=True, append_images=pictures[1:], duration=120, loop=0)
    return path


def decoded(path: Path) -> list[tuple[int | None, bytes]]:
    """Return time and pixels of every frame."""
    with av.open(str(path)) as source:
        return [(frame.pts, frame.to_ndarray().tobytes()) for frame in source.decode(video=0)]


def content(path: Path) -> bytes:
    """Return a file's bytes."""
    return path.read_bytes()


def sign(path: Path) -> None:
    """Put a box with the UUID of a C2PA manifest behind an MP4's first box."""
    whole = path.read_bytes()
    end = int.from_bytes(whole[:4])
    box = b"\x00\x00\x00\x20uuid" + C2PA + b"manifest"
    path.write_bytes(whole[:end] + box + whole[end:])


def metadata(path: Path) -> dict[str, str]:
    """Return the tags of a file as any player reads them."""
    with av.open(str(path)) as source:
        return dict(source.metadata)


def colours(path: Path) -> tuple[int, int, int, int]:
    """Return primaries, transfer, matrix and range as H.273 numbers them."""
    with av.open(str(path)) as source:
        codec = source.streams.video[0].codec_context
        return codec.color_primaries, codec.color_trc, codec.colorspace, codec.color_range


def boxes(path: Path) -> list[bytes]:
    """Return the kinds of an MP4's top-level boxes in order."""
    content, at, kinds = path.read_bytes(), 0, list[bytes]()
    while at < len(content):
        kinds.append(content[at + 4 : at + 8])
        at += int.from_bytes(content[at : at + 4])
    return kinds


def picture(size: tuple[int, int], kind: str = "PNG", *, turned: bool = False) -> bytes:
    """Return a picture whose upper left quarter is red and the rest blue."""
    image = Image.new("RGB", size, "blue")
    image.paste("red", (0, 0, size[0] // 2, size[1] // 2))
    exif = Exif()
    if turned:
        exif[_ORIENTATION] = 6  # show it turned clockwise by 90 degrees
    output = BytesIO()
    image.save(output, kind, exif=exif)
    return output.getvalue()


def png_bomb(side: int) -> bytes:
    """Return a valid PNG of `side` by `side` black pixels that is tiny on the wire."""
    rows = zlib.compressobj(9)
    row = b"\0" * (1 + side // 8)
    body = b"".join(rows.compress(row) for _ in range(side)) + rows.flush()
    header = struct.pack(">IIBBBBB", side, side, 1, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        _chunk(kind, content)
        for kind, content in ((b"IHDR", header), (b"IDAT", body), (b"IEND", b""))
    )


def _chunk(kind: bytes, content: bytes) -> bytes:
    check = zlib.crc32(kind + content)
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", check)


def _picture(side: int, number: int, *, noise: bool) -> "np.ndarray[Any, np.dtype[np.uint8]]":
    if noise:
        return np.random.default_rng(number).integers(0, 256, (side, side, 3), dtype=np.uint8)
    pixels = np.zeros((side, side, 3), np.uint8)
    pixels[:, number * 4 : number * 4 + side // 4] = (255, 128, 0)
    return pixels
