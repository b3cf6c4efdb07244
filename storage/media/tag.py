"""Writes tags into a video without touching a pixel; runs in the child process only.

A file that carries a C2PA manifest is left alone: its signature covers every byte.
"""

import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from uuid import UUID

import av
from av.container import InputContainer, OutputContainer
from av.stream import Stream

from storage.media import gif
from storage.media.probe import Kind, kind_of, open_input

# C2PA specification 2.2, "Embedding manifests into BMFF-based assets".
_C2PA = UUID("d8fec3d6-1b0e-483c-9297-5828877ec481").bytes
# What the muxer writes about the file itself.
_STRUCTURE = frozenset({"major_brand", "minor_version", "compatible_brands", "encoder"})
_KEPT_KINDS = frozenset({"video", "audio"})


def tag(path: Path, tags: Mapping[str, str]) -> None:
    """Put tags into a video, over those of the same names; an empty one is removed."""
    is_gif = kind_of(path) is Kind.GIF
    if not is_gif and has_manifest(path):
        return
    part = path.with_name(f"{path.name}.tag.part")
    try:
        if is_gif:
            gif.write_comment(path, part, tags["comment"])
        else:
            _remux(path, part, tags)
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)


def kept_metadata(container: InputContainer) -> dict[str, str]:
    """Return a file's own tags, without what the next muxer writes anew."""
    return {name: text for name, text in container.metadata.items() if name not in _STRUCTURE}


def open_output(path: Path) -> OutputContainer:
    """Open an MP4 that starts playing before it is loaded, and that keeps tags of any name."""
    options = {"movflags": "faststart+use_metadata_tags"}
    return av.open(f"file:{path}", "w", format="mp4", options=options)


def has_manifest(path: Path) -> bool:
    """Say whether an MP4 carries a C2PA manifest."""
    return any(kind == b"uuid" and start == _C2PA for kind, start in _boxes(path))


def _remux(source: Path, target: Path, tags: Mapping[str, str]) -> None:
    with open_input(source) as old, open_output(target) as new:
        merged = {**kept_metadata(old), **tags}
        new.metadata.update({name: text for name, text in merged.items() if text})
        streams = {
            stream.index: _copy_stream(new, stream)
            for stream in old.streams
            if stream.type in _KEPT_KINDS
        }
        for packet in old.demux([old.streams[index] for index in streams]):
            if packet.dts is not None:
                packet.stream = streams[packet.stream.index]
                new.mux(packet)


def _copy_stream(target: OutputContainer, stream: Stream) -> Stream:
    copied = target.add_stream_from_template(stream)
    if stream.time_base is not None:
        copied.time_base = stream.time_base
    return copied


def _boxes(path: Path) -> Iterator[tuple[bytes, bytes]]:
    """Yield kind and first 16 bytes of every top-level box (ISO/IEC 14496-12, 4.2)."""
    with path.open("rb") as file:
        end = file.seek(0, os.SEEK_END)
        at = 0
        while at + 8 <= end:
            file.seek(at)
            head = file.read(16)
            size, kind = int.from_bytes(head[:4]), head[4:8]
            length = 16 if size == 1 else 8
            size = int.from_bytes(head[8:16]) if size == 1 else size or end - at
            file.seek(at + length)
            yield kind, file.read(16)
            if size < length:
                return
            at += size
