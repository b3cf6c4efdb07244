"""Writes frames into the file that is posted: H.264 in MP4, or GIF.

The same frames give the same bytes on every machine, in whatever chunks they come: the number
of encoder threads is fixed, and no time is written into the file.
"""

import errno
from collections.abc import Callable, Generator, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
from av.filter import Graph
from av.filter.context import FilterContext
from numpy.typing import NDArray
from PIL import Image

from jobs.request import Quality, VideoFormat
from providers.local.engine.ticket import RenderError
from providers.local.wire import FailureCode

THREADS = 2
BT709 = 1  # ITU-T H.273: primaries, transfer and matrix of HD video
LIMITED_RANGE = 1
# x264's constant rate factor, of which 18 is "visually lossless or nearly so" and 23 the default
# (https://trac.ffmpeg.org/wiki/Encode/H.264), and how hard it works for it. Measured with 40 grainy
# frames of 512x512 on two cores: size, PSNR of the luma, time.
X264 = {
    Quality.DRAFT: {"crf": "24", "preset": "veryfast"},  # 249 kB, 36.5 dB, 0.3 s
    Quality.NORMAL: {"crf": "19", "preset": "medium"},  # 1040 kB, 40.3 dB, 0.8 s
    Quality.BEST: {"crf": "16", "preset": "slow"},  # 2233 kB, 43.6 dB, 2.0 s
}
# With its macroblock tree, x264 makes other bytes from the same frames now and then, unless the
# width is a multiple of 128 (measured on PyAV 18.1: 35 files in 200 runs at 192x192).
STEADY = {"mbtree": "0"}
POSTER_QUALITY = 90  # of JPEG: a quarter of a PNG's size, and nobody sees the difference
FULL = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})

Frames = NDArray[np.uint8]  # frames x height x width x RGB


@dataclass(frozen=True, slots=True, kw_only=True)
class Recipe:
    """What kind of file is wanted.

    Attributes:
        kind: MP4 or GIF.
        quality: How much an MP4 may lose, and how long it may take; a GIF has only one.
        width: Pixels; even, as H.264 with yuv420p wants it.
        height: Pixels; even.
        fps: Frames a second.
    """

    kind: VideoFormat
    quality: Quality = Quality.NORMAL
    width: int
    height: int
    fps: int


def poster_of(path: Path) -> Path:
    """Return where the poster frame of a video lies: beside it."""
    return path.with_suffix(".jpg")


def write_video(
    chunks: Iterable[Frames], path: Path, recipe: Recipe, *, tell: Callable[[int], None]
) -> None:
    """Write a file, and its poster frame beside it.

    The poster is the first frame, so nothing jumps when a player begins.

    Args:
        chunks: A few frames each; not all of them are held at once, except for a GIF.
        path: The file to write.
        recipe: What kind of file.
        tell: Called with the number of frames written so far.

    Raises:
        RenderError: The disk is full.
        Exception: What `chunks` or `tell` raised. Nothing is left of the files in any case.
    """
    write = _write_gif if recipe.kind is VideoFormat.GIF else _write_mp4
    try:
        with _full_disk_told():
            write(_with_poster(chunks, poster_of(path)), path, recipe, tell)
    except BaseException:
        path.unlink(missing_ok=True)
        poster_of(path).unlink(missing_ok=True)
        raise


def _with_poster(chunks: Iterable[Frames], path: Path) -> Iterator[Frames]:
    for number, chunk in enumerate(chunks):
        if number == 0:
            Image.fromarray(chunk[0]).save(path, quality=POSTER_QUALITY)
        yield chunk


def _write_mp4(
    chunks: Iterable[Frames], path: Path, recipe: Recipe, tell: Callable[[int], None]
) -> None:
    """Write H.264, yuv420p, BT.709, with the index in front so that it plays while it loads."""
    options = {"movflags": "+faststart"}  # works with a path only, not with a file object
    with av.open(str(path), "w", format="mp4", options=options) as container:
        options = {**X264[recipe.quality], **STEADY}
        stream = container.add_stream("libx264", rate=recipe.fps, options=options)
        codec = stream.codec_context
        codec.width, codec.height = recipe.width, recipe.height
        codec.pix_fmt = "yuv420p"
        codec.thread_count = THREADS
        codec.color_primaries = codec.color_trc = codec.colorspace = BT709
        codec.color_range = LIMITED_RANGE
        for number, frame in enumerate(_av_frames(chunks, recipe)):
            yuv = frame.reformat(format="yuv420p", dst_colorspace="ITU709", dst_color_range="MPEG")
            container.mux(stream.encode(yuv))
            tell(number + 1)
        container.mux(stream.encode(None))


def _write_gif(
    chunks: Iterable[Frames], path: Path, recipe: Recipe, tell: Callable[[int], None]
) -> None:
    """Write a GIF that repeats for ever, with one palette made from all frames."""
    with av.open(str(path), "w", format="gif") as container:
        stream = container.add_stream("gif", rate=recipe.fps)
        codec = stream.codec_context
        codec.width, codec.height = recipe.width, recipe.height
        codec.pix_fmt = "pal8"
        codec.time_base = Fraction(1, 100)  # a GIF counts in hundredths of a second
        for number, frame in enumerate(_with_palette(chunks, recipe)):
            container.mux(stream.encode(frame))
            tell(number + 1)
        container.mux(stream.encode(None))


def _with_palette(chunks: Iterable[Frames], recipe: Recipe) -> Iterator[av.VideoFrame]:
    """Count the colours of each frame as it comes; the first one comes out after the last."""
    graph, source, sink = _palette_graph(recipe)
    graph.configure()
    count = 0
    for frame in _av_frames(chunks, recipe):
        source.push(frame)
        count += 1
    source.push(None)
    for _ in range(count):
        frame = sink.pull()
        assert isinstance(frame, av.VideoFrame)  # noqa: S101 - the graph has no audio
        yield frame


def _palette_graph(recipe: Recipe) -> tuple[Graph, FilterContext, FilterContext]:
    """Build ffmpeg's `split[a][b];[a]palettegen[p];[b][p]paletteuse`."""
    graph = Graph()
    source = graph.add_buffer(
        width=recipe.width,
        height=recipe.height,
        format=av.VideoFormat("rgb24"),
        time_base=Fraction(1, recipe.fps),
    )
    split, choose = graph.add("split"), graph.add("palettegen")
    use, sink = graph.add("paletteuse"), graph.add("buffersink")
    source.link_to(split)
    split.link_to(use, 0, 0)
    split.link_to(choose, 1, 0)
    choose.link_to(use, 0, 1)
    use.link_to(sink)
    return graph, source, sink


def _av_frames(chunks: Iterable[Frames], recipe: Recipe) -> Iterator[av.VideoFrame]:
    number = 0
    for chunk in chunks:
        for pixels in chunk:
            frame = av.VideoFrame.from_ndarray(pixels, format="rgb24")
            frame.pts, frame.time_base = number, Fraction(1, recipe.fps)
            yield frame
            number += 1


@contextmanager
def _full_disk_told() -> Generator[None]:
    try:
        yield
    except OSError as error:  # PyAV's errors are OSErrors too
        if error.errno in FULL:
            message = "Flipbook's disk is full, so the video could not be written."
            raise RenderError(FailureCode.DISK_FULL, message) from error
        raise
