"""The posted files: what players need, and the same bytes each time."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from PIL import Image

from jobs.request import Quality, VideoFormat
from providers.local.engine.encode import Frames, Recipe, poster_of, write_video
from providers.local.engine.ticket import RenderError
from providers.local.wire import FailureCode


@pytest.fixture
def frames() -> Frames:
    """Twelve frames of a red square that moves over a grey ramp."""
    ramp = np.linspace(40, 200, 64).astype(np.uint8)
    clip = np.repeat(np.tile(ramp, (12, 48, 1))[..., None], 3, axis=3)
    for number, frame in enumerate(clip):
        frame[8:24, 4 * number : 4 * number + 16] = (220, 20, 30)
    return clip


def ignore(_: int) -> None:
    """Take no interest in progress."""


def recipe(frames: Frames, path: Path, **other: Any) -> Recipe:
    height, width = frames.shape[1:3]
    values: dict[str, Any] = {"kind": VideoFormat(path.suffix[1:]), "fps": 8, **other}
    return Recipe(**values, width=width, height=height)


def write(frames: Frames, path: Path, **other: Any) -> Path:
    write_video([frames], path, recipe(frames, path, **other), tell=ignore)
    return path


def seen(path: Path) -> Frames:
    with av.open(str(path), "r") as container:
        pictures = [frame.to_ndarray(format="rgb24") for frame in container.decode(video=0)]
    return np.stack(pictures).astype(np.uint8)


def test_an_mp4_is_h264_in_the_colours_of_hd(frames: Frames, tmp_path: Path) -> None:
    with av.open(str(write(frames, tmp_path / "a.mp4")), "r") as container:
        stream = container.streams.video[0]
        codec = stream.codec_context
        assert (codec.name, codec.pix_fmt) == ("h264", "yuv420p")
        assert (codec.color_primaries, codec.color_trc, codec.colorspace) == (1, 1, 1)
        assert codec.color_range == 1
        assert (codec.width, codec.height) == (64, 48)
        assert stream.average_rate == 8
        assert sum(1 for _ in container.decode(video=0)) == 12


def test_an_mp4_keeps_its_colours(frames: Frames, tmp_path: Path) -> None:
    shown = seen(write(frames, tmp_path / "a.mp4")).astype(int)
    assert np.abs(shown - frames).mean() < 4
    assert np.abs(shown[5][14:18, 26:30] - [220, 20, 30]).max() < 24


def test_an_mp4_has_its_index_in_front_so_that_it_plays_while_it_loads(
    frames: Frames, tmp_path: Path
) -> None:
    content = write(frames, tmp_path / "a.mp4").read_bytes()
    assert 0 < content.index(b"moov") < content.index(b"mdat")


@pytest.mark.parametrize("fps", [1, 7, 12, 30])
def test_the_frame_rate_is_the_one_that_was_asked(frames: Frames, tmp_path: Path, fps: int) -> None:
    with av.open(str(write(frames, tmp_path / "a.mp4", fps=fps)), "r") as container:
        assert container.streams.video[0].average_rate == fps
        assert container.duration == pytest.approx(12 / fps * 1e6, rel=0.01)


@pytest.mark.parametrize("name", ["a.mp4", "a.gif"])
def test_the_same_frames_give_the_same_bytes(frames: Frames, tmp_path: Path, name: str) -> None:
    first = write(frames, tmp_path / name).read_bytes()
    assert write(frames, tmp_path / name).read_bytes() == first


def test_a_gif_repeats_for_ever_at_its_rate(frames: Frames, tmp_path: Path) -> None:
    with Image.open(write(frames, tmp_path / "a.gif")) as image:
        durations: list[int] = []
        for number in range(12):
            image.seek(number)
            durations.append(image.info["duration"])
        assert image.info["loop"] == 0
    assert sum(durations) == pytest.approx(12 / 8 * 1000, abs=20)


def test_a_gif_keeps_its_colours(frames: Frames, tmp_path: Path) -> None:
    with Image.open(write(frames, tmp_path / "a.gif")) as image:
        image.seek(5)
        red = np.array(image.convert("RGB"))[14:18, 26:30]
    assert np.abs(red.astype(int) - [220, 20, 30]).max() < 24


def test_progress_counts_every_frame(frames: Frames, tmp_path: Path) -> None:
    told: list[int] = []
    path = tmp_path / "a.mp4"
    write_video(frames[:, None], path, recipe(frames, path), tell=told.append)
    assert told == list(range(1, 13))


@pytest.mark.parametrize("name", ["a.mp4", "a.gif"])
def test_a_full_disk_is_told_as_such_and_leaves_no_file(
    frames: Frames, tmp_path: Path, name: str
) -> None:
    path = tmp_path / name
    path.symlink_to("/dev/full")
    with pytest.raises(RenderError) as caught:
        write(frames, path)
    assert caught.value.code is FailureCode.DISK_FULL
    assert list(tmp_path.iterdir()) == []


def test_a_stop_in_the_middle_leaves_no_file(frames: Frames, tmp_path: Path) -> None:
    def stop(done: int) -> None:
        if done == 3:
            raise KeyboardInterrupt

    path = tmp_path / "a.mp4"
    with pytest.raises(KeyboardInterrupt):
        write_video([frames], path, recipe(frames, path), tell=stop)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", ["a.mp4", "a.gif"])
def test_frames_that_stop_coming_leave_no_file(frames: Frames, tmp_path: Path, name: str) -> None:
    def some() -> Iterator[Frames]:
        yield frames[:4]
        raise KeyboardInterrupt

    path = tmp_path / name
    with pytest.raises(KeyboardInterrupt):
        write_video(some(), path, recipe(frames, path), tell=ignore)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", ["a.mp4", "a.gif"])
def test_the_bytes_do_not_tell_in_which_chunks_the_frames_came(
    frames: Frames, tmp_path: Path, name: str
) -> None:
    whole = write(frames, tmp_path / name).read_bytes()
    for cuts in ([1], [5, 6], range(1, 12)):
        path = tmp_path / name
        write_video(np.split(frames, cuts), path, recipe(frames, path), tell=ignore)
        assert path.read_bytes() == whole


def grain(frames: Frames) -> Frames:
    noise = np.random.default_rng(4).normal(scale=6, size=frames.shape)
    return (frames + noise).clip(0, 255).astype(np.uint8)


@pytest.mark.parametrize(
    "quality",
    [Quality.DRAFT, Quality.NORMAL, pytest.param(Quality.BEST, marks=pytest.mark.slow)],
)
def test_a_width_that_x264_is_not_steady_at_gives_the_same_bytes(
    tmp_path: Path, quality: Quality
) -> None:
    clip = grain(np.tile(np.linspace(30, 220, 192).astype(np.uint8)[:, None], (12, 192, 1, 3)))
    files = [write(clip, tmp_path / "a.mp4", quality=quality).read_bytes() for _ in range(15)]
    assert len(set(files)) == 1


def test_more_quality_makes_an_mp4_larger_and_truer(frames: Frames, tmp_path: Path) -> None:
    clip = grain(frames)
    files = [write(clip, tmp_path / f"{q}.mp4", quality=q) for q in Quality]
    sizes = [file.stat().st_size for file in files]
    errors = [float(np.abs(seen(file).astype(int) - clip).mean()) for file in files]
    assert sizes == sorted(sizes)
    assert errors == sorted(errors, reverse=True)
    assert len(set(sizes)) == 3


@pytest.mark.parametrize("name", ["a.mp4", "a.gif"])
@pytest.mark.parametrize("shape", [(8, 184, 136), (128, 16, 24)], ids=["odd size", "longest"])
def test_any_size_and_length_is_written_at_one_frame_a_second(
    tmp_path: Path, name: str, shape: tuple[int, int, int]
) -> None:
    clip = np.full((*shape, 3), 90, np.uint8)
    clip += np.arange(len(clip), dtype=np.uint8)[:, None, None, None]
    shown = seen(write(clip, tmp_path / name, fps=1))
    assert shown.shape == clip.shape
    assert np.abs(shown.astype(int) - clip).mean() < 4


@pytest.mark.parametrize("name", ["a.mp4", "a.gif"])
def test_the_poster_lies_beside_the_video_and_is_its_first_frame(
    frames: Frames, tmp_path: Path, name: str
) -> None:
    path = write(frames, tmp_path / name)
    with Image.open(poster_of(path)) as poster:
        assert poster.format == "JPEG"
        far = [np.abs(np.array(poster).astype(int) - frame).mean() for frame in frames]
    assert int(np.argmin(far)) == 0
    assert far[0] < 3


def test_a_disk_without_room_for_the_poster_is_told_as_such(frames: Frames, tmp_path: Path) -> None:
    path = tmp_path / "a.mp4"
    poster_of(path).symlink_to("/dev/full")
    with pytest.raises(RenderError) as caught:
        write(frames, path)
    assert caught.value.code is FailureCode.DISK_FULL
    assert list(tmp_path.iterdir()) == []
