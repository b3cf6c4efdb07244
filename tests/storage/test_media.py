"""Looking into videos and tagging them, in real child processes."""

import asyncio
import json
import os
import sys
from asyncio.subprocess import DEVNULL, PIPE
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pytest

from jobs.errors import MediaError
from jobs.model import MediaInfo
from storage.media.orders import Limits, PyAvMedia
from storage.media.tag import has_manifest
from tests.factories import make_job, make_receipt, make_request
from tests.storage.samples import boxes, colours, content, decoded, metadata, sign, write_mp4

PLAYLIST = b"#EXTM3U\n#EXT-X-MEDIA-SEQUENCE:0\n#EXTINF:10.0,\nfile:///etc/passwd\n#EXT-X-ENDLIST\n"
FTYP = b"\x00\x00\x00\x18ftypmp42\x00\x00\x00\x00mp42isom"


@pytest.fixture
def media() -> PyAvMedia:
    return PyAvMedia()


async def test_a_probe_tells_what_is_in_an_mp4(media: PyAvMedia, mp4: Path) -> None:
    assert await media.probe(mp4) == MediaInfo(
        width=64, height=64, frames=8, duration_s=1.0, codec="h264"
    )


async def test_a_probe_tells_what_is_in_a_gif(media: PyAvMedia, gif: Path) -> None:
    assert await media.probe(gif) == MediaInfo(
        width=64, height=64, frames=8, duration_s=0.96, codec="gif"
    )


async def test_the_name_of_a_file_does_not_matter(media: PyAvMedia, mp4: Path) -> None:
    odd = mp4.with_name("http:odd name, with%20things.mp4.part")
    await asyncio.to_thread(mp4.rename, odd)
    assert (await media.probe(odd)).frames == 8


@pytest.mark.parametrize(
    "junk",
    [b"", b"junk" * 100, PLAYLIST, FTYP, FTYP + PLAYLIST, b"GIF89a", b"GIF89a" + b"\xff" * 500],
    ids=["empty", "junk", "playlist", "head", "head and playlist", "gif head", "gif junk"],
)
async def test_what_is_no_video_is_refused(
    media: PyAvMedia, file_of: Callable[[bytes], Path], junk: bytes
) -> None:
    with pytest.raises(MediaError):
        await media.probe(file_of(junk))


async def test_an_avi_under_the_name_of_an_mp4_is_refused(media: PyAvMedia, tmp_path: Path) -> None:
    avi = write_mp4(tmp_path / "clip.avi", codec="mpeg4").rename(tmp_path / "clip.mp4")
    with pytest.raises(MediaError, match="neither"):
        await media.probe(avi)


async def test_a_video_that_is_cut_off_is_refused(
    media: PyAvMedia, tmp_path: Path, file_of: Callable[[bytes], Path]
) -> None:
    whole = write_mp4(tmp_path / "whole.mp4", noise=True).read_bytes()
    for share in (0.3, 0.6, 0.95):
        with pytest.raises(MediaError):
            await media.probe(file_of(whole[: int(len(whole) * share)]))


async def test_a_file_that_is_not_there_is_a_media_error(media: PyAvMedia, tmp_path: Path) -> None:
    with pytest.raises(MediaError):
        await media.probe(tmp_path / "nothing.mp4")


async def test_tags_carry_the_receipt_and_leave_pixels_times_and_colours(
    media: PyAvMedia, mp4: Path
) -> None:
    frames, hues = decoded(mp4), colours(mp4)
    job = make_job(request=make_request(prompt='a "cat" | ü 猫 🎬', negative_prompt="blur"))
    receipt = make_receipt(job)
    await media.tag(mp4, receipt)
    assert decoded(mp4) == frames
    assert colours(mp4) == hues == (1, 1, 1, 1)
    assert boxes(mp4)[:2] == [b"ftyp", b"moov"]
    comment = (await media.probe(mp4)).comment
    assert json.loads(comment) == receipt.model_dump(mode="json")
    told = metadata(mp4)
    assert told["comment"] == comment
    expected = {
        "title": 'a "cat" | ü 猫 🎬',
        "prompt": 'a "cat" | ü 猫 🎬',
        "negative_prompt": "blur",
        "seed": "7",
        "model": "flipbook-shapes",
        "provider": "local",
        "job_id": job.id,
        "steps": "12",
        "guidance_scale": "4.0",
        "scheduler": "DDIMScheduler",
        "width": "128",
        "height": "128",
        "frames": "16",
        "fps": "8",
    }
    assert {name: told.get(name) for name in expected} == expected
    assert "provider_job_id" not in told


async def test_tagging_again_replaces_the_tags(media: PyAvMedia, mp4: Path, gif: Path) -> None:
    first = make_receipt(seed=1, provider_job_id="77", sent={}, asked={"negative_prompt": "old"})
    second = make_receipt(seed=2, sent={}, asked={}, effective={"segments": [{"prompt": "new"}]})
    for path in (mp4, gif):
        frames = decoded(path)
        await media.tag(path, first)
        await media.tag(path, second)
        comment = (await media.probe(path)).comment
        assert json.loads(comment) == second.model_dump(mode="json")
        assert decoded(path) == frames
        assert path.read_bytes().count(b'"job_id"') == 1
    told = metadata(mp4)
    assert (told["seed"], told["prompt"]) == ("2", "new")
    assert told.keys() & {"provider_job_id", "negative_prompt", "scheduler"} == set()


async def test_a_gif_takes_the_receipt_as_a_comment_and_nothing_else_changes(
    media: PyAvMedia, gif: Path
) -> None:
    before = content(gif)
    receipt = make_receipt(asked={"prompt": "long " * 400})
    await media.tag(gif, receipt)
    after = content(gif)
    comment = (await media.probe(gif)).comment
    assert json.loads(comment) == receipt.model_dump(mode="json")
    header = 13 + (3 << ((before[10] & 7) + 1))
    assert after.startswith(before[:header])
    assert after.endswith(before[header:])


async def test_a_file_with_a_c2pa_manifest_is_left_alone(media: PyAvMedia, mp4: Path) -> None:
    assert not has_manifest(mp4)
    sign(mp4)
    assert has_manifest(mp4)
    before = content(mp4)
    await media.tag(mp4, make_receipt())
    assert content(mp4) == before


async def test_tagging_what_is_no_video_leaves_it_and_no_part(
    media: PyAvMedia, file_of: Callable[[bytes], Path]
) -> None:
    path = file_of(FTYP + b"junk" * 50)
    with pytest.raises(MediaError):
        await media.tag(path, make_receipt())
    assert path.read_bytes() == FTYP + b"junk" * 50
    assert [item.name for item in path.parent.iterdir()] == [path.name]


async def test_a_child_out_of_memory_is_a_media_error(mp4: Path) -> None:
    media = PyAvMedia(limits=Limits(memory_bytes=50 * 1024**2))
    with pytest.raises(MediaError):
        await media.probe(mp4)


async def test_a_child_that_takes_too_long_is_ended(tmp_path: Path) -> None:
    fifo = tmp_path / "never.mp4"
    os.mkfifo(fifo)
    media = PyAvMedia(limits=Limits(wall_s=0.5))
    with pytest.raises(MediaError, match="too long"):
        await media.probe(fifo)
    assert children() == []


async def test_a_cancelled_caller_leaves_no_child_and_the_child_saw_no_secrets(
    media: PyAvMedia, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DISCORD_TOKEN", "made-up-secret")
    fifo = tmp_path / "never.mp4"
    os.mkfifo(fifo)
    task = asyncio.create_task(media.probe(fifo))
    with await asyncio.to_thread(fifo.open, "wb"):  # opens once the child does
        (child,) = children()
        environment = content(Path(f"/proc/{child}/environ"))
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task
    assert b"made-up-secret" not in environment
    assert children() == []


BOT = """
import asyncio, sys
from pathlib import Path
from storage.media.orders import PyAvMedia

asyncio.run(PyAvMedia().fit(Path(sys.argv[1]), 1000))
"""


async def test_a_child_at_work_ends_with_the_bot_that_is_killed(tmp_path: Path) -> None:
    fifo = tmp_path / "never.mp4"
    os.mkfifo(fifo)
    bot = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", BOT, str(fifo)),
        env={"PYTHONPATH": os.pathsep.join(sys.path)},
        cwd=Path(__file__).parents[2],
    )
    with await asyncio.to_thread(fifo.open, "wb"):  # opens once the child has read its order
        (child,) = children(of=str(bot.pid))
        handle = os.pidfd_open(child)
        bot.kill()
        await bot.wait()
        ended = asyncio.Event()
        asyncio.get_running_loop().add_reader(handle, ended.set)
        async with asyncio.timeout(20):
            await ended.wait()
        asyncio.get_running_loop().remove_reader(handle)
        os.close(handle)


async def test_a_child_whose_bot_is_gone_already_does_nothing() -> None:
    child = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "storage.media.child", "1"),
        stdin=DEVNULL,
        stdout=PIPE,
        stderr=PIPE,
        env={"PYTHONPATH": os.pathsep.join(sys.path)},
        cwd=Path(__file__).parents[2],
    )
    output, errors = await child.communicate()
    assert (output, errors.strip()) == (b"", b"The bot is gone.")


async def test_the_child_loads_nothing_that_is_large_or_dangerous() -> None:
    names = ["torch", "diffusers", "discord", "aiohttp", "sqlite3", "pydantic", "numpy"]
    code = f"import sys, storage.media.child; print([n for n in {names} if n in sys.modules])"
    # An empty environment: a measured test run would load what measures it.
    child = await asyncio.create_subprocess_exec(
        sys.executable, "-c", code, stdout=PIPE, env={}, cwd=Path(__file__).parents[2]
    )
    output, _ = await child.communicate()
    assert output == b"[]\n"


def children(of: str = "self") -> list[int]:
    """Return the process ids of a process's media children."""
    tasks = Path(f"/proc/{of}/task").glob("*/children")
    ids = [int(text) for task in tasks for text in task.read_text().split()]
    return [i for i in ids if b"storage.media.child" in Path(f"/proc/{i}/cmdline").read_bytes()]
