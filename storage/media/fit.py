"""Writes a copy of a video that fits a number of bytes; runs in the child process only.

Two passes of x264 hit a size within a few per cent and look better than one pass at the same
rate. Where the rate would be too low for the picture, the picture gets smaller instead.
"""

import math
import os
from dataclasses import dataclass
from pathlib import Path

import av
from av.container import OutputContainer
from av.error import ExternalError

from jobs.errors import MediaError
from storage.media import gif
from storage.media.encode import add_stream, even, scaled
from storage.media.probe import Kind, kind_of, open_input, probe, video_of
from storage.media.tag import kept_metadata, open_output

_BITS_PER_PIXEL = 0.03  # below it x264 smears; fewer pixels look better
_MIN_SIDE = 64
_MIN_BITRATE = 4000
_MAX_TRIES = 6
_TARGET_SHARE = 0.96  # measured never to overshoot on usual content
_BOX_BYTES = 2048  # moov and its children without tables and tags
_BYTES_PER_FRAME = 32  # the tables' share of one frame


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """How a copy is encoded."""

    width: int
    height: int
    bitrate: int

    @property
    def size(self) -> tuple[int, int]:
        """Width and height."""
        return self.width, self.height


@dataclass(frozen=True, slots=True, kw_only=True)
class Clip:
    """What is to be made smaller."""

    path: Path
    width: int
    height: int
    frames: int
    duration_s: float
    overhead: int  # bytes of the file that are not picture


def fit(path: Path, limit: int) -> Path:
    """Write a copy of at most `limit` bytes beside `path` and return where it lies.

    Raises:
        MediaError: It cannot be made that small.
    """
    place = path.with_name(f"{path.stem}.fit{path.suffix}")
    part = path.with_name(f"{path.stem}.fit.part")
    try:
        if kind_of(path) is Kind.GIF:
            gif.shrink(path, part, limit)
        else:
            _fit_video(path, part, limit)
        part.replace(place)
    finally:
        for leftover in path.parent.glob(f"{part.name}*"):
            leftover.unlink(missing_ok=True)
    return place


def plan_for(clip: Clip, limit: int, *, bits_per_pixel: float = _BITS_PER_PIXEL) -> Plan:
    """Choose the rate that fills `limit`, and the size at which that rate still looks right.

    Raises:
        MediaError: Not even a very small picture would fit.
    """
    bitrate = int(_TARGET_SHARE * 8 * (limit - clip.overhead) / clip.duration_s)
    pixels = max(0, bitrate) * clip.duration_s / clip.frames / bits_per_pixel
    scale = min(1.0, math.sqrt(pixels / (clip.width * clip.height)))
    width, height = even(clip.width * scale), even(clip.height * scale)
    if bitrate < _MIN_BITRATE or min(width, height) < min(_MIN_SIDE, clip.width, clip.height):
        raise MediaError("The video cannot be made small enough to post.")
    return Plan(width=width, height=height, bitrate=bitrate)


def _fit_video(path: Path, part: Path, limit: int) -> None:
    clip = _clip_of(path)
    budget, bits_per_pixel = limit, _BITS_PER_PIXEL
    for _ in range(_MAX_TRIES):
        try:
            _encode(clip, part, plan_for(clip, budget, bits_per_pixel=bits_per_pixel))
        except ExternalError:  # x264 refuses a rate that this many pixels cannot be coded at
            bits_per_pixel *= 2
            continue
        size = part.stat().st_size
        if size <= limit:
            return
        budget = int(0.95 * budget * limit / size)
    raise MediaError("The video cannot be made small enough to post.")


def _clip_of(path: Path) -> Clip:
    info = probe(path)
    with open_input(path) as container:
        tags = sum(len(name) + len(text.encode()) + 64 for name, text in container.metadata.items())
    return Clip(
        path=path,
        width=info["width"],
        height=info["height"],
        frames=info["frames"],
        duration_s=max(info["duration_s"], 0.001),
        overhead=_BOX_BYTES + tags + _BYTES_PER_FRAME * info["frames"],
    )


def _encode(clip: Clip, part: Path, plan: Plan) -> None:
    """Run both passes; x264 keeps what it learned in a file beside the part."""
    os.chdir(part.parent)  # a path with a colon in it would end the option below
    stats = f"{part.name}.stats"
    with av.open("-", "w", format="null") as nowhere:
        _run_pass(clip, nowhere, plan, f"pass=1:stats={stats}")
    with open_output(part) as target:
        with open_input(clip.path) as container:
            target.metadata.update(kept_metadata(container))
        _run_pass(clip, target, plan, f"pass=2:stats={stats}")


def _run_pass(clip: Clip, target: OutputContainer, plan: Plan, params: str) -> None:
    with open_input(clip.path) as container:
        source = video_of(container)
        options = {"preset": "medium", "x264-params": params}
        stream = add_stream(target, source, plan.size, options)
        stream.codec_context.bit_rate = plan.bitrate
        for frame in container.decode(source):
            target.mux(stream.encode(scaled(frame, plan.size)))
        target.mux(stream.encode(None))
