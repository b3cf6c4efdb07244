"""Compresses what leaves on a gateway connection, with one context for all of its life.

Source: Discord's "Gateway", Transport Compression. Payload compression (`compress` in IDENTIFY)
packs only "some events" and none under transport compression; the sandbox packs none.
"""

import zlib
from collections.abc import Callable
from importlib.util import find_spec
from typing import TypeAlias

Pack: TypeAlias = Callable[[bytes], bytes]


def new_packer(name: str | None) -> Pack | None:
    """Start a stream of the kind that a client asked for; None sends plain text.

    Ours: a kind that is unknown, or not installed here, is plain text as well.
    """
    match name:
        case "zlib-stream":
            return _zlib_stream()
        case "zstd-stream" if find_spec("zstandard") is not None:
            return _zstd_stream()
        case _:
            return None


def _zlib_stream() -> Pack:
    stream = zlib.compressobj()
    return lambda content: stream.compress(content) + stream.flush(zlib.Z_SYNC_FLUSH)


def _zstd_stream() -> Pack:
    """Each message is whole for the reader and the frame goes on ("zstd-stream")."""
    import zstandard  # noqa: PLC0415 -- only the `dev` extra brings it

    stream = zstandard.ZstdCompressor().compressobj()

    def pack(content: bytes) -> bytes:
        return stream.compress(content) + stream.flush(zstandard.COMPRESSOBJ_FLUSH_BLOCK)

    return pack
