"""Tells what Discord tells about an uploaded file: its type and, for pictures, its size."""

import mimetypes
import re
import struct
from pathlib import PurePosixPath

PNG = b"\x89PNG\r\n\x1a\n"


def content_type(filename: str) -> str:
    """Guess the media type from the name, as Discord does."""
    return mimetypes.guess_type(filename)[0] or "application/octet-stream"


def safe_filename(filename: str) -> str:
    """Reduce a name to what Discord keeps of it."""
    name = PurePosixPath(filename.replace("\\", "/")).name.replace(" ", "_")
    return re.sub(r"[^A-Za-z0-9._-]", "", name) or "unknown"


def picture_size(content: bytes) -> tuple[int, int] | None:
    """Read width and height out of a PNG's, GIF's or JPEG's header."""
    if content.startswith(PNG) and len(content) >= 24:
        return struct.unpack(">II", content[16:24])
    if content.startswith((b"GIF87a", b"GIF89a")) and len(content) >= 10:
        return struct.unpack("<HH", content[6:10])
    return _jpeg_size(content) if content.startswith(b"\xff\xd8") else None


def _jpeg_size(content: bytes) -> tuple[int, int] | None:
    frame = re.search(rb"\xff[\xc0-\xc2]..\x08(..)(..)", content, re.DOTALL)
    if frame is None:
        return None
    height, width = (int.from_bytes(part) for part in frame.groups())
    return width, height
