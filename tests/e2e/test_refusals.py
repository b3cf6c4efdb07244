"""Bad input gets one clear ephemeral sentence, queues nothing and costs nothing."""

import io
import resource
import sqlite3
import struct
import zlib

import pytest
from PIL import Image

from bot.sandbox import Interaction, Sandbox
from tests.e2e.conftest import (
    BotProcess,
    add_broken_model,
    run_to_the_end,
    running,
    shows,
    videos,
)

pytestmark = [pytest.mark.slow, pytest.mark.timeout(240)]


async def refusal(interaction: Interaction) -> str:
    """Return the one sentence that only the asker sees."""
    answer = await interaction.wait_answer()
    assert answer.is_ephemeral, answer.text
    assert "\n" not in answer.text
    return answer.text


def bomb() -> bytes:
    """Return a PNG of 30,000 by 30,000 pixels that is small on the wire."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return (
            struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        )

    header = struct.pack(">IIBBBBB", 30_000, 30_000, 8, 2, 0, 0, 0)
    packer = zlib.compressobj(9)
    rows = [packer.compress(bytes(1 << 20)) for _ in range(64)]
    data = b"".join([*rows, packer.flush()])
    return (
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", data) + chunk(b"IEND", b"")
    )


async def test_bad_options_are_refused_in_one_sentence(sandbox: Sandbox, bot: BotProcess) -> None:
    options: list[tuple[dict[str, object], str]] = [
        ({"prompt": "x", "width": 500}, "`width` must be a multiple of 8"),
        ({"prompt": "x", "frames": 129}, "`frames` must be between 8 and 128"),
        ({"prompt": " | ".join("abcdefghijklmnopq")}, "17 parts; 16 is the most"),
        ({"prompt": "x", "model": "../../etc/passwd"}, "`model`"),
        ({"prompt": "   "}, "`prompt` is empty"),
        ({"prompt": "x" * 1025}, "1025 characters long; 1024 is the most"),
        ({"prompt": "x", "seed": 2**32}, "`seed` must be between"),
        ({"prompt": "x", "scheduler": "DDIMInverseScheduler"}, "DDIMInverseScheduler"),
        ({"prompt": "x", "loras": "nope:0.5"}, "nope"),
        ({"prompt": "x", "provider": "novita"}, "`provider`: novita is not set up here"),
    ]
    async with running(bot):
        for values, words in options:
            sent = await sandbox.invoke(sandbox.ana, sandbox.channel, "video", values)
            assert words in await refusal(sent)
    assert bot.states() == []
    assert await bot.books() == (0, 0)


async def test_a_channel_without_the_permission_to_attach_is_refused_before_anything_is_spent(
    sandbox: Sandbox, bot: BotProcess
) -> None:
    sandbox.channel.deny("attach_files")
    async with running(bot):
        sent = await sandbox.slash(sandbox.ana, sandbox.channel, '/video prompt:"x"')
        assert "Attach Files" in await refusal(sent)
    assert bot.states() == []


async def test_what_is_no_image_is_refused_and_a_bomb_does_not_go_off(
    sandbox: Sandbox, bot: BotProcess
) -> None:
    files = {"no image": b"<html>" * 100, "bomb": bomb(), "half": b"\x89PNG\r\n\x1a\n" + bytes(99)}
    async with running(bot):
        for content in files.values():
            sent = await sandbox.slash(
                sandbox.ana,
                sandbox.channel,
                '/video prompt:"x"',
                files={"image": ("picture.png", content)},
            )
            assert "image" in await refusal(sent)
    assert bot.states() == []


async def test_a_real_image_is_taken(sandbox: Sandbox, bot: BotProcess) -> None:
    picture = io.BytesIO()
    Image.new("RGB", (300, 200), "teal").save(picture, "PNG")
    async with running(bot):
        await sandbox.slash(
            sandbox.ana,
            sandbox.channel,
            '/video prompt:"x" strength:0.5 steps:4 frames:8',
            files={"image": ("picture.png", picture.getvalue())},
        )
        await sandbox.wait_for(lambda: videos(sandbox.channel), 120)
    assert bot.states() == ["done"]


async def test_a_broken_model_folder_is_refused_by_name(sandbox: Sandbox, bot: BotProcess) -> None:
    name = add_broken_model(bot.data_dir)
    async with running(bot):
        line = f'/video prompt:"x" model:{name}'
        text = await refusal(await sandbox.slash(sandbox.ana, sandbox.channel, line))
    assert name in text
    assert "broken" in text
    assert bot.states() == []


async def test_a_redelivered_interaction_makes_no_second_job(
    sandbox: Sandbox, bot: BotProcess
) -> None:
    async with running(bot):
        sent = await sandbox.slash(
            sandbox.ana, sandbox.channel, '/video prompt:"x" steps:2 frames:8'
        )
        await sandbox.redeliver(sent)
        await sandbox.wait_for(lambda: videos(sandbox.channel), 120)
        await sandbox.redeliver(sent)
        again = await sandbox.slash(sandbox.ana, sandbox.channel, "/queue")
        await again.wait_answer()
    assert len(videos(sandbox.channel)) == 1
    assert bot.states() == ["done"]


async def test_a_database_of_a_newer_version_is_left_alone(bot: BotProcess) -> None:
    connection = sqlite3.connect(bot.database)
    connection.execute("PRAGMA user_version = 9999")
    connection.commit()
    connection.close()
    before = bot.database.read_bytes()
    code, said = await run_to_the_end(bot)
    assert code == 1
    assert "newer" in said
    assert bot.database.read_bytes() == before


async def test_a_second_bot_on_the_same_folder_is_refused(bot: BotProcess) -> None:
    async with running(bot):
        code, said = await run_to_the_end(bot)
    assert code == 1
    assert "holds the data folder" in said


async def test_a_bad_setting_stops_the_start_and_names_itself(bot: BotProcess) -> None:
    code, said = await run_to_the_end(bot, FLIPBOOK_HTTP_PORT="99999")
    assert code == 1
    assert "FLIPBOOK_HTTP_PORT" in said


async def test_a_full_disk_refuses_the_ask_and_loses_nothing(
    sandbox: Sandbox, bot: BotProcess
) -> None:
    async with running(bot):
        await sandbox.slash(sandbox.ana, sandbox.channel, '/video prompt:"x" steps:2 frames:8')
        await sandbox.wait_for(shows(sandbox.channel, "Done"), 120)
        assert bot.process is not None
        resource.prlimit(bot.process.pid, resource.RLIMIT_FSIZE, (4096, resource.RLIM_INFINITY))
        sent = await sandbox.slash(sandbox.ana, sandbox.channel, '/video prompt:"y"')
        assert "disk is full" in await refusal(sent)
        unlimited = (resource.RLIM_INFINITY, resource.RLIM_INFINITY)
        resource.prlimit(bot.process.pid, resource.RLIMIT_FSIZE, unlimited)
        await sandbox.slash(sandbox.ana, sandbox.channel, '/video prompt:"z" steps:2 frames:8')
        await sandbox.wait_for(lambda: len(videos(sandbox.channel)) == 2, 120)
    assert bot.states() == ["done", "done"]
    assert await bot.books() == (2, 0)
