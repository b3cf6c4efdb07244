"""Buttons work for ever, only for those who may, and every press is answered."""

import pytest

from bot.sandbox import Interaction, Message
from cogs.desk import cancel_sentence
from jobs.model import Job
from jobs.quota.tiers import Setting
from jobs.states import JobState
from tests.cogs.conftest import CALLBACK, House, settled
from tests.factories import NOW, make_job


async def press(house: House, member: str, message: Message, action: str, job: Job) -> Interaction:
    who = house.sandbox.guild.member(member)
    return await house.sandbox.press(who, message, f"vid:{action}:{job.id}")


async def said(interaction: Interaction) -> str:
    answer = await interaction.wait_answer()
    await settled()
    assert answer.is_ephemeral
    return answer.text


async def result(house: House) -> tuple[Job, Message]:
    """Have ben's video made and posted."""
    async with house.open_client() as client, house.running(client):
        job, card = await house.queued(house.sandbox.ben, seed=7)
        await house.sandbox.wait_for(lambda: "### Done" in card.text)
    messages = list(house.sandbox.channel.messages.values())
    return await house.jobs.get(job.id), next(m for m in messages if m.attachments)


@pytest.mark.usefixtures("client")
async def test_the_one_who_asked_can_cancel_and_twice_is_harmless(house: House) -> None:
    job, card = await house.queued(house.sandbox.ben)
    assert "is cancelled. It cost nothing." in await said(
        await press(house, "ben", card, "cancel", job)
    )
    assert (await house.jobs.get(job.id)).state is JobState.CANCELLED
    assert "It cost nothing." in await said(await press(house, "ben", card, "cancel", job))


def test_a_cancelled_render_that_had_begun_is_not_called_free() -> None:
    job = make_job(state=JobState.CANCELLED, started_at=NOW)
    told = f"Job {job.id} is cancelled. It counts, because its rendering had begun."
    assert cancel_sentence(job) == told


@pytest.mark.usefixtures("client")
async def test_a_stranger_cannot_cancel_and_a_moderator_can(house: House) -> None:
    other = house.sandbox.world.add_member(house.sandbox.guild, "eve")
    job, card = await house.queued(house.sandbox.ben)
    pressed = await house.sandbox.press(other, card, f"vid:cancel:{job.id}")
    assert "Only the one who asked, or a moderator" in await said(pressed)
    assert (await house.jobs.get(job.id)).state is JobState.QUEUED
    assert "is cancelled" in await said(await press(house, "max", card, "cancel", job))


async def test_buttons_work_after_a_restart(house: House) -> None:
    async with house.open_client():
        job, card = await house.queued(house.sandbox.ben)
    await house.sandbox.wait_gone()
    house.advance(86400)
    async with house.open_client():
        assert "is cancelled" in await said(await press(house, "ben", card, "cancel", job))


async def test_anybody_can_ask_again_with_a_new_seed(house: House) -> None:
    job, message = await result(house)
    await house.sandbox.wait_gone()
    async with house.open_client():
        pressed = await press(house, "ana", message, "again", job)
        again = await house.job_of(pressed)
        card = await pressed.wait_answer()
    assert (again.parent_id, again.origin_key) == (job.id, pressed.id)
    assert again.requester.user_id == int(house.sandbox.ana.id)
    assert (again.asked.seed, again.request.seed) == (None, 4242)
    assert again.asked.evolve(seed=7) == job.asked
    assert "In the queue" in card.text
    assert not card.is_ephemeral


async def test_a_press_that_arrives_twice_asks_once(house: House) -> None:
    job, message = await result(house)
    await house.sandbox.wait_gone()
    async with house.open_client():
        pressed = await press(house, "ben", message, "again", job)
        await house.sandbox.redeliver(pressed)
        await house.job_of(pressed)
        await house.sandbox.wait_for(
            lambda: 400 in [c.status for c in house.sandbox.requests.of("POST", CALLBACK)]
        )
        await settled()
    assert len(await house.all_jobs()) == 2


async def test_asking_again_costs_like_asking(house: House) -> None:
    job, message = await result(house)
    await house.sandbox.wait_gone()
    await house.limit(Setting.VIDEOS_PER_DAY, 0)
    async with house.open_client():
        pressed = await press(house, "ana", message, "again", job)
        assert await said(pressed)
    assert len(await house.all_jobs()) == 1
    assert pressed.message is not None
    assert pressed.message.is_deleted  # the open card is taken away


async def test_asking_again_where_nothing_can_be_posted_names_the_fix(house: House) -> None:
    job, message = await result(house)
    await house.sandbox.wait_gone()
    house.sandbox.channel.deny("attach_files")
    async with house.open_client():
        told = await said(await press(house, "ben", message, "again", job))
    assert "I lack Attach Files" in told


async def test_a_button_of_a_job_that_is_gone_is_answered(house: House) -> None:
    job, message = await result(house)
    await house.sandbox.wait_gone()
    for component in message.components:
        replace_id(component, job.id, "gone0000")
    async with house.open_client():
        pressed = await house.sandbox.press(house.sandbox.ben, message, "vid:again:gone0000")
        assert "no" in (await said(pressed)).lower()


@pytest.mark.usefixtures("expects_errors")
async def test_a_press_that_breaks_is_answered_with_a_reference(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with house.open_client():
        job, card = await house.queued(house.sandbox.ben)

        async def broken(*_: object, **__: object) -> None:
            raise RuntimeError("secret detail")

        monkeypatch.setattr(house.service, "cancel", broken)
        told = await said(await press(house, "ben", card, "cancel", job))
    assert "reference" in told
    assert "secret" not in told


def replace_id(component: dict[str, object], old: str, new: str) -> None:
    """Change the job's id in the custom ids of a component and what it holds."""
    if "custom_id" in component:
        component["custom_id"] = str(component["custom_id"]).replace(old, new)
    for child in component.get("components", []):  # pyright: ignore[reportGeneralTypeIssues] # JSON
        replace_id(child, old, new)
