"""`/queue`, `/job`, `/models` and `/help` tell only the one who asked, and tell the truth."""

import pytest

from jobs.model import Failure
from jobs.states import JobState
from tests.cogs.conftest import House
from tests.cogs.private_answers import typed

pytestmark = pytest.mark.usefixtures("client")


async def test_the_queue_marks_the_members_own_videos(house: House) -> None:
    bens, _ = await house.queued(house.sandbox.ben, prompt="a @everyone circle")
    adas, _ = await house.queued(house.sandbox.ana)
    answer = await typed(house, house.sandbox.ben, "/queue")
    first, second = answer.text.splitlines()[1:]
    assert first.startswith(f"**➤** `{bens.id}` next · <@{house.sandbox.ben.id}>")
    assert second.startswith(f"`{adas.id}` 1 ahead · <@{house.sandbox.ana.id}>")
    assert "@everyone" not in answer.text
    assert not answer.pings


async def test_the_queue_stands_in_the_order_of_turns(house: House) -> None:
    for member in (house.sandbox.ben, house.sandbox.ben, house.sandbox.ana):
        await house.queued(member)
    lines = (await typed(house, house.sandbox.ben, "/queue")).text.splitlines()[1:]
    places = [line.partition("` ")[2].partition(" · ")[0] for line in lines]
    assert places == ["next", "1 ahead", "2 ahead"]
    assert f"<@{house.sandbox.ben.id}>" in lines[2], "who has two does not go first with both"


async def test_an_empty_queue_says_so(house: House) -> None:
    assert "Nothing is waiting" in (await typed(house, house.sandbox.ben, "/queue")).text


async def test_a_long_queue_is_cut_and_counted(house: House) -> None:
    for _ in range(17):
        await house.queued(house.sandbox.ben, prompt="*" * 1024)
    assert "and 2 more" in (await typed(house, house.sandbox.ana, "/queue")).text


async def test_info_tells_what_is_known_of_a_job(house: House) -> None:
    job, card = await house.queued(house.sandbox.ben, seed=7)
    answer = await typed(house, house.sandbox.ana, f"/job info id:{job.id}")
    assert "seed `7`" in answer.text
    assert "**next**" in answer.text
    assert (answer.buttons[0].url or "").endswith(f"/{house.sandbox.channel.id}/{card.id}")


async def test_info_tells_why_there_is_no_video(house: House) -> None:
    job, _ = await house.queued(house.sandbox.ben)
    claimed = await house.jobs.claim(
        job.backend, token="t", now=house.clock.now(), lease_until=house.clock.now()
    )
    assert claimed is not None
    failed = claimed.evolve(
        state=JobState.FAILED,
        failure=Failure(code="refused", message="The provider said no."),
        ended_at=house.clock.now(),
    )
    await house.jobs.save(claimed, failed, now=house.clock.now())
    answer = await typed(house, house.sandbox.ben, f"/job info id:{job.id}")
    assert "The provider said no.\nIt cost nothing." in answer.text


async def test_another_servers_job_is_not_shown(house: House) -> None:
    job, _ = await house.queued(house.sandbox.ben)
    world = house.sandbox.world
    elsewhere = world.add_guild("Elsewhere")
    channel, eve = world.add_channel(elsewhere, "videos"), world.add_member(elsewhere, "eve")
    for command in ("info", "cancel"):
        sent = await house.sandbox.slash(eve, channel, f"/job {command} id:{job.id}")
        answer = await sent.wait_answer()
        assert answer.is_ephemeral
        assert "no such job" in answer.text
    assert (await house.jobs.get(job.id)).state is JobState.QUEUED


@pytest.mark.parametrize("typed", ["nonsense", "'; DROP TABLE job", "@everyone"])
async def test_an_id_that_is_none_is_answered(house: House, typed: str) -> None:
    sent = await house.sandbox.invoke(
        house.sandbox.ben, house.sandbox.channel, "job info", {"id": typed}
    )
    answer = await sent.wait_answer()
    assert answer.is_ephemeral
    assert answer.text.lower().count("no") >= 1
    assert "everyone" not in answer.text


async def test_cancel_by_command_is_held_to_the_same_rule(house: House) -> None:
    job, _ = await house.queued(house.sandbox.ana)
    refused = await typed(house, house.sandbox.ben, f"/job cancel id:{job.id}")
    assert "Only the one who asked" in refused.text
    done = await typed(house, house.sandbox.ana, f"/job cancel id:{job.id.upper()}")
    assert "is cancelled" in done.text


async def test_ids_complete_with_the_members_own_jobs(house: House) -> None:
    job, _ = await house.queued(house.sandbox.ben)
    await house.queued(house.sandbox.ana)
    choices = await house.sandbox.autocomplete(
        house.sandbox.ben, house.sandbox.channel, "/job info id:x", focused="id", value="job"
    )
    assert [choice["value"] for choice in choices] == [job.id]


@pytest.mark.parametrize(
    ("focused", "value", "offered"),
    [("model", "sha", "shapes"), ("loras", "x, sk", "x, sketch"), ("embeddings", "", "badhands")],
)
async def test_options_complete_from_memory(
    house: House, focused: str, value: str, offered: str
) -> None:
    house.line.is_cut = True  # no store is needed
    choices = await house.sandbox.autocomplete(
        house.sandbox.ben,
        house.sandbox.channel,
        '/video prompt:"a cat"',
        focused=focused,
        value=value,
    )
    assert [choice["value"] for choice in choices] == [offered]


async def test_models_are_told_with_their_limits(house: House) -> None:
    text = (await typed(house, house.sandbox.ben, "/models")).text
    assert "`shapes` · local" in text
    assert "128\u00d7128, 16 frames at 8 fps, 12 steps, guidance 4 · sides 128 to 256" in text


async def test_without_a_model_models_says_who_has_to_act(house: House) -> None:
    house.provider.offers.clear()
    assert "operator" in (await typed(house, house.sandbox.ben, "/models")).text
    assert "Flipbook turns words" in (await typed(house, house.sandbox.ben, "/help")).text


async def test_help_shows_a_manager_what_is_missing_here(house: House) -> None:
    assert "I have all permissions" in (await typed(house, house.sandbox.max, "/help")).text
    house.sandbox.channel.deny("attach_files")
    assert "I lack **Attach Files**" in (await typed(house, house.sandbox.max, "/help")).text
    member = (await typed(house, house.sandbox.ben, "/help")).text
    assert "/video prompt" in member
    assert "I lack" not in member


async def test_a_stale_command_is_answered(house: House) -> None:
    sent = await house.sandbox.invoke(
        house.sandbox.ben, house.sandbox.channel, "imagine", {"prompt": "a cat"}
    )
    assert "reload Discord" in (await sent.wait_answer()).text
