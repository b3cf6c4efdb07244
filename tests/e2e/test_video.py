"""The main road: a slash command becomes a posted MP4 that can be made again from itself."""

import asyncio
import io
import json

import av
import numpy as np
import pytest

from bot.sandbox import Message, Sandbox
from tests.e2e.conftest import VIDEO_S, BotProcess, cards, running, shows, videos

pytestmark = [pytest.mark.slow, pytest.mark.timeout(240)]

ASK = '/video prompt:"a red circle moving left on a blue background" seed:7'


def decode(content: bytes) -> tuple[np.ndarray, dict[str, str], str]:
    """Return all frames as RGB, the file's tags, and the codec's name."""
    with av.open(io.BytesIO(content), "r") as container:
        stream = container.streams.video[0]
        tags = {**container.metadata}
        frames = [frame.to_ndarray(format="rgb24") for frame in container.decode(stream)]
        return np.stack(frames), tags, stream.codec_context.name


async def ask(sandbox: Sandbox, line: str) -> Message:
    before = len(videos(sandbox.channel))
    await sandbox.slash(sandbox.ana, sandbox.channel, line)
    await sandbox.wait_for(lambda: len(videos(sandbox.channel)) > before, VIDEO_S)
    return videos(sandbox.channel)[-1]


async def test_a_slash_command_becomes_a_posted_video(sandbox: Sandbox, bot: BotProcess) -> None:
    async with running(bot):
        posted = await ask(sandbox, ASK)
        await sandbox.wait_for(shows(sandbox.channel, "Done"), VIDEO_S)
        again = await ask(sandbox, ASK)
        other = await ask(sandbox, ASK.replace("seed:7", "seed:8"))
        await sandbox.wait_for(
            lambda: all("Done" in card.text for card in cards(sandbox.channel)), VIDEO_S
        )

    assert posted.reference is not None
    assert posted.reference in cards(sandbox.channel)
    assert posted.pings == {sandbox.ana.id}
    for words in ("7", "shapes", "128", "16 frames", "12 steps", "demonstration"):
        assert words in posted.text
    assert "does not know" not in posted.text

    frames, tags, codec = decode(posted.attachments[0].content)
    assert codec == "h264"
    assert frames.shape == (16, 128, 128, 3)
    assert frames.std() > 1
    receipt = json.loads(tags["comment"])
    assert receipt["seed"] == 7
    assert receipt["model"] == "shapes"
    assert receipt["job_id"] in posted.attachments[0].filename
    assert receipt["asked"]["segments"][0]["prompt"] in ASK

    assert np.array_equal(frames, decode(again.attachments[0].content)[0])
    assert not np.array_equal(frames, decode(other.attachments[0].content)[0])
    assert await bot.books() == (3, 0)


async def test_a_result_names_the_words_that_the_model_was_not_taught(
    sandbox: Sandbox, bot: BotProcess
) -> None:
    async with running(bot):
        posted = await ask(sandbox, '/video prompt:"a red cat surfing" steps:2 frames:8')
    assert "does not know “cat”, “surfing”; a real model" in posted.text


async def test_two_members_at_the_same_moment_both_get_theirs(
    sandbox: Sandbox, bot: BotProcess
) -> None:
    async with running(bot):
        await asyncio.gather(
            sandbox.slash(sandbox.ana, sandbox.channel, '/video prompt:"a" steps:2 frames:8'),
            sandbox.slash(sandbox.ben, sandbox.channel, '/video prompt:"b" steps:2 frames:8'),
        )
        await sandbox.wait_for(lambda: len(videos(sandbox.channel)) == 2, VIDEO_S)
        await sandbox.wait_for(
            lambda: all("Done" in card.text for card in cards(sandbox.channel)), VIDEO_S
        )
    pinged = [message.pings for message in videos(sandbox.channel)]
    assert {sandbox.ana.id} in pinged
    assert {sandbox.ben.id} in pinged
    assert await bot.books() == (2, 0)


async def test_a_channel_that_is_deleted_meanwhile_hangs_nothing(
    sandbox: Sandbox, bot: BotProcess
) -> None:
    gone = sandbox.world.add_channel(sandbox.guild, "soon-gone")
    async with running(bot):
        await sandbox.slash(sandbox.ana, gone, '/video prompt:"lost" steps:12')
        await sandbox.wait_for(shows(gone, "Rendering"), VIDEO_S)
        sandbox.world.delete_channel(gone)
        await ask(sandbox, '/video prompt:"next" steps:2 frames:8')
        await sandbox.wait_for(
            lambda: all("Done" in card.text for card in cards(sandbox.channel)), VIDEO_S
        )
    assert bot.states() == ["undelivered", "done"]
    used, reserved = await bot.books()
    assert (used, reserved) == (2, 0), "the video was made, and its loss was not ours"


async def test_a_deleted_card_is_no_cancel(sandbox: Sandbox, bot: BotProcess) -> None:
    async with running(bot):
        asked = await sandbox.slash(sandbox.ana, sandbox.channel, '/video prompt:"x" steps:12')
        card = await asked.wait_answer()
        sandbox.world.delete_message(card)
        await sandbox.wait_for(lambda: videos(sandbox.channel), VIDEO_S)
    assert bot.states() == ["done"]
    (posted,) = videos(sandbox.channel)
    assert posted.reference is None
    assert await bot.books() == (1, 0)


async def test_a_cancel_stops_a_render_and_the_next_one_is_made(
    sandbox: Sandbox, bot: BotProcess
) -> None:
    async with running(bot):
        asked = await sandbox.slash(
            sandbox.ana, sandbox.channel, '/video prompt:"long" steps:50 frames:128'
        )
        card = await asked.wait_answer()
        await sandbox.wait_for(lambda: "Rendering" in card.text, VIDEO_S)
        (button,) = [button for button in card.buttons if button.custom_id]
        await sandbox.press(sandbox.ana, card, button.custom_id or "")
        await sandbox.wait_for(lambda: "Cancelled" in card.text, VIDEO_S)
        await ask(sandbox, '/video prompt:"short" steps:2 frames:8')
        await sandbox.wait_for(lambda: bot.states() == ["cancelled", "done"], VIDEO_S)
    assert len(videos(sandbox.channel)) == 1


@pytest.mark.timeout(600)
async def test_a_hundred_queued_jobs_of_two_members_all_end(
    sandbox: Sandbox, bot: BotProcess
) -> None:
    async with running(bot):
        for number in range(100):
            member = (sandbox.ana, sandbox.ben)[number % 2]
            line = f'/video prompt:"{number}" steps:1 frames:8'
            sent = await sandbox.slash(member, sandbox.channel, line)
            await sent.wait_acked()
        # Discord takes five posts in five seconds in one channel: a hundred need more than that.
        await sandbox.wait_for(lambda: len(videos(sandbox.channel)) == 100, 400)
        await sandbox.wait_for(
            lambda: all("Done" in card.text for card in cards(sandbox.channel)), VIDEO_S
        )
    assert len(videos(sandbox.channel)) == len(cards(sandbox.channel)) == 100
    assert bot.states() == ["done"] * 100
    assert await bot.books() == (100, 0)
