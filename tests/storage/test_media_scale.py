"""Videos brought to the size that was asked for."""

from pathlib import Path

import pytest
from PIL import Image

from jobs.errors import MediaError
from storage.media.orders import PyAvMedia
from tests.factories import make_receipt
from tests.storage.samples import boxes, colours, content, decoded, metadata, write_mp4


@pytest.fixture
def media() -> PyAvMedia:
    return PyAvMedia()


def names(folder: Path) -> list[str]:
    return sorted(item.name for item in folder.iterdir())


@pytest.mark.parametrize("size", [(128, 128), (32, 32), (192, 96), (1024, 576)])
async def test_a_video_has_the_size_asked_and_is_otherwise_what_it_was(
    media: PyAvMedia, mp4: Path, size: tuple[int, int]
) -> None:
    await media.tag(mp4, make_receipt())
    before, times = await media.probe(mp4), [time for time, _ in decoded(mp4)]
    info = await media.scale(mp4, *size)
    assert (info.width, info.height) == size
    assert info == await media.probe(mp4)
    assert (info.frames, info.duration_s, info.codec) == (before.frames, before.duration_s, "h264")
    assert info.comment == before.comment != ""
    assert [time for time, _ in decoded(mp4)] == times
    assert boxes(mp4)[:2] == [b"ftyp", b"moov"]
    assert colours(mp4) == (1, 1, 1, 1)
    assert metadata(mp4)["seed"] == "7"
    assert names(mp4.parent) == [mp4.name]


async def test_an_odd_size_becomes_the_even_one_below(media: PyAvMedia, mp4: Path) -> None:
    info = await media.scale(mp4, 131, 99)
    assert (info.width, info.height) == (130, 98)


async def test_the_same_video_is_scaled_to_the_same_bytes(media: PyAvMedia, tmp_path: Path) -> None:
    copies = [write_mp4(tmp_path / f"{name}.mp4", side=96) for name in "abc"]
    for copy in copies:
        await media.scale(copy, 200, 152)
    assert len({content(copy) for copy in copies}) == 1


async def test_it_looks_the_same(media: PyAvMedia, mp4: Path) -> None:
    """The bar of the first frame is where it was, at twice the size."""
    await media.scale(mp4, 128, 128)
    first = decoded(mp4)[0][1]
    luma = [first[64 * 128 + column] for column in range(128)]
    assert min(luma[4:28]) > 100
    assert max(luma[40:]) < 30


async def test_a_gif_has_the_size_asked_and_plays_as_long(media: PyAvMedia, gif: Path) -> None:
    await media.tag(gif, make_receipt())
    before = await media.probe(gif)
    info = await media.scale(gif, 101, 77)
    assert (info.width, info.height, info.frames) == (101, 77, before.frames)
    assert info.duration_s == pytest.approx(before.duration_s, abs=0.05)
    assert info.comment == before.comment != ""
    with Image.open(gif) as image:
        assert image.info["loop"] == 0
    assert names(gif.parent) == [gif.name]


async def test_what_is_no_video_stays_as_it_is(media: PyAvMedia, tmp_path: Path) -> None:
    path = tmp_path / "job1.mp4.part"
    path.write_bytes(b"\x00\x00\x00\x18ftypmp42" + b"not a video" * 100)
    before = content(path)
    with pytest.raises(MediaError):
        await media.scale(path, 128, 128)
    assert content(path) == before
    assert names(tmp_path) == [path.name]


async def test_a_video_that_is_cut_off_is_no_video(media: PyAvMedia, mp4: Path) -> None:
    half = content(mp4)[: mp4.stat().st_size // 2]
    mp4.write_bytes(half)
    with pytest.raises(MediaError):
        await media.scale(mp4, 128, 128)
    assert content(mp4) == half
    assert names(mp4.parent) == [mp4.name]
